/* How many CPUs this process may use. */
#ifndef SV_CPUS_H
#define SV_CPUS_H

/* The affinity mask and the CPU quota of the process's control group and its ancestors (v1 and v2),
 * whichever is smaller; a part of a CPU counts as one. At least 1. */
int sv_usable_cpus(void);

/* The memory limit of the control group and its ancestors in bytes, or -1 where there is none. */
long long sv_memory_limit(void);

/* The same with the files elsewhere, for tests: `proc_cgroup` stands for /proc/self/cgroup, `mount`
 * for /sys/fs/cgroup. The quota in CPUs, or -1 where there is none. */
double sv_cgroup_cpus(const char *proc_cgroup, const char *mount);
long long sv_cgroup_memory(const char *proc_cgroup, const char *mount);

#endif
