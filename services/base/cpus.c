/* Counts the CPUs that this process may use, from its affinity mask and its cgroup quotas. */
#include "cpus.h"

#include <math.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The first line of a small file; false if it cannot be read. */
static bool cpus_read_line(char *out, size_t size, const char *path) {
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return false;
    bool ok = fgets(out, (int)size, file) != NULL;
    fclose(file);
    return ok;
}

/* Does the comma-separated list of a v1 line ("cpu,cpuacct") hold `name`? */
static bool list_has(const char *list, size_t len, const char *name) {
    size_t name_len = strlen(name);
    while (len > 0) {
        const char *comma = memchr(list, ',', len);
        size_t item = comma != NULL ? (size_t)(comma - list) : len;
        if (item == name_len && memcmp(list, name, item) == 0)
            return true;
        if (comma == NULL)
            return false;
        list += item + 1;
        len -= item + 1;
    }
    return false;
}

/* The group's path for a v1 controller, or for v2 (`controller` ""), from lines
 * "id:controllers:path". */
static bool group_path(char *out, size_t size, const char *proc_cgroup, const char *controller) {
    FILE *file = fopen(proc_cgroup, "re");
    char line[4096];
    bool found = false;
    if (file == NULL)
        return false;
    while (!found && fgets(line, sizeof(line), file) != NULL) {
        char *list = strchr(line, ':');
        char *path = list != NULL ? strchr(list + 1, ':') : NULL;
        if (path == NULL)
            continue;
        size_t len = (size_t)(path - list - 1);
        found = controller[0] == '\0' ? len == 0 : list_has(list + 1, len, controller);
        if (found) {
            path[strcspn(path, "\n")] = '\0';
            snprintf(out, size, "%s", path + 1);
        }
    }
    fclose(file);
    return found;
}

/* Calls `visit` with each folder from the group up to the mount: an ancestor's limit binds as well.
 * In a container the path may name a folder of the host; then only the mount itself is there. */
static void walk_up(const char *mount, const char *group,
                    void (*visit)(const char *folder, void *ctx), void *ctx) {
    char folder[8192];
    snprintf(folder, sizeof(folder), "%s%s", mount, group);
    size_t end = strlen(mount);
    for (;;) {
        visit(folder, ctx);
        char *slash = strrchr(folder, '/');
        if (slash == NULL || (size_t)(slash - folder) < end)
            return;
        *slash = '\0';
    }
}

static void lower(double *limit, double value) {
    if (value > 0 && (*limit < 0 || value < *limit))
        *limit = value;
}

static void visit_cpu(const char *folder, void *ctx) {
    char path[8300], line[128], period_line[128];
    double quota, period;
    snprintf(path, sizeof(path), "%s/cpu.max", folder);
    if (cpus_read_line(line, sizeof(line), path) && sscanf(line, "%lf %lf", &quota, &period) == 2 &&
        period > 0)
        lower(ctx, quota / period);
    snprintf(path, sizeof(path), "%s/cpu.cfs_quota_us", folder);
    if (!cpus_read_line(line, sizeof(line), path))
        return;
    snprintf(path, sizeof(path), "%s/cpu.cfs_period_us", folder);
    if (!cpus_read_line(period_line, sizeof(period_line), path))
        return;
    quota = atof(line);
    period = atof(period_line);
    if (quota > 0 && period > 0)
        lower(ctx, quota / period);
}

static void visit_memory(const char *folder, void *ctx) {
    char path[8300], line[128];
    const char *const files[] = {"memory.max", "memory.limit_in_bytes"};
    for (size_t i = 0; i < 2; ++i) {
        snprintf(path, sizeof(path), "%s/%s", folder, files[i]);
        /* v1 writes "no limit" as the largest multiple of a page; atof makes 0 of v2's "max". */
        if (cpus_read_line(line, sizeof(line), path) && atof(line) < 9e18)
            lower(ctx, atof(line));
    }
}

static double smallest(const char *proc_cgroup, const char *mount, const char *controller,
                       void (*visit)(const char *folder, void *ctx)) {
    char group[4096], v1_mount[4096];
    double limit = -1;
    if (group_path(group, sizeof(group), proc_cgroup, "")) {
        const char *places[] = {"", "/unified"}; /* the second where v1 and v2 are mixed */
        for (size_t i = 0; i < 2; ++i) {
            snprintf(v1_mount, sizeof(v1_mount), "%s%s", mount, places[i]);
            walk_up(v1_mount, group, visit, &limit);
        }
    }
    if (group_path(group, sizeof(group), proc_cgroup, controller)) {
        snprintf(v1_mount, sizeof(v1_mount), "%s/%s", mount, controller);
        walk_up(v1_mount, group, visit, &limit);
    }
    return limit;
}

double sv_cgroup_cpus(const char *proc_cgroup, const char *mount) {
    return smallest(proc_cgroup, mount, "cpu", visit_cpu);
}

long long sv_cgroup_memory(const char *proc_cgroup, const char *mount) {
    return (long long)smallest(proc_cgroup, mount, "memory", visit_memory);
}

long long sv_memory_limit(void) {
    return sv_cgroup_memory("/proc/self/cgroup", "/sys/fs/cgroup");
}

int sv_usable_cpus(void) {
    cpu_set_t set;
    int cpus = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;
    double quota = sv_cgroup_cpus("/proc/self/cgroup", "/sys/fs/cgroup");
    if (quota > 0 && ceil(quota) < cpus)
        cpus = (int)ceil(quota);
    return cpus > 0 ? cpus : 1;
}
