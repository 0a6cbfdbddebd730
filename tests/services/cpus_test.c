/* Quotas and limits of control groups, version 1, version 2 and both at once, from files made here.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cpus.h"

static char root[64], cgroup_file[128];

static void put(const char *path, const char *text) {
    char full[512];
    snprintf(full, sizeof(full), "%s/%s", root, path);
    for (char *p = full + 1; (p = strchr(p, '/')) != NULL; ++p) {
        *p = '\0';
        mkdir(full, 0755);
        *p = '/';
    }
    FILE *file = fopen(full, "w");
    cr_assert(file != NULL, "%s", full);
    fputs(text, file);
    fclose(file);
}

static void begin(void) {
    strcpy(root, "/tmp/headerroute-cpus-XXXXXX");
    cr_assert(mkdtemp(root) != NULL);
    snprintf(cgroup_file, sizeof(cgroup_file), "%s/proc", root);
}

static void end(void) {
    char command[128];
    snprintf(command, sizeof(command), "rm -r %s", root);
    cr_assert(eq(int, system(command), 0));
}

TestSuite(cpus, .init = begin, .fini = end);

static double cpus(void) {
    return sv_cgroup_cpus(cgroup_file, root);
}

Test(cpus, v2_quota) {
    put("proc", "0::/pod/container\n");
    put("pod/container/cpu.max", "50000 100000\n");
    cr_expect(eq(dbl, cpus(), 0.5));
}

Test(cpus, v2_without_limit) {
    put("proc", "0::/pod\n");
    put("pod/cpu.max", "max 100000\n");
    cr_expect(lt(dbl, cpus(), 0));
}

Test(cpus, the_smallest_limit_of_all_ancestors_binds) {
    put("proc", "0::/a/b/c\n");
    put("a/b/c/cpu.max", "400000 100000\n");
    put("a/b/cpu.max", "150000 100000\n");
    put("a/cpu.max", "max 100000\n");
    put("cpu.max", "800000 100000\n");
    cr_expect(eq(dbl, cpus(), 1.5));
}

Test(cpus, v1_quota) {
    put("proc", "5:memory:/m\n3:cpu,cpuacct:/k8s/pod\n0::/\n");
    put("cpu/k8s/pod/cpu.cfs_quota_us", "25000\n");
    put("cpu/k8s/pod/cpu.cfs_period_us", "50000\n");
    put("cpu/k8s/cpu.cfs_quota_us", "-1\n");
    put("cpu/k8s/cpu.cfs_period_us", "100000\n");
    cr_expect(eq(dbl, cpus(), 0.5));
}

Test(cpus, in_a_container_only_the_mount_itself_is_there) {
    put("proc", "3:cpu:/kubepods/pod-1234\n");
    put("cpu/cpu.cfs_quota_us", "200000\n");
    put("cpu/cpu.cfs_period_us", "100000\n");
    cr_expect(eq(dbl, cpus(), 2.0));
}

Test(cpus, nothing_there_is_no_limit) {
    cr_expect(lt(dbl, cpus(), 0));
    cr_expect(lt(dbl, sv_cgroup_cpus("/nonexistent", "/nonexistent"), 0));
    put("proc", "nonsense\n3:cpu\n:::\n");
    cr_expect(lt(dbl, cpus(), 0));
}

Test(cpus, memory_of_v1_and_v2) {
    put("proc", "4:memory:/m/x\n0::/v\n");
    put("memory/m/x/memory.limit_in_bytes", "9223372036854771712\n");
    put("memory/m/memory.limit_in_bytes", "314572800\n");
    put("v/memory.max", "max\n");
    cr_expect(eq(i64, sv_cgroup_memory(cgroup_file, root), 314572800));
    put("v/memory.max", "104857600\n");
    cr_expect(eq(i64, sv_cgroup_memory(cgroup_file, root), 104857600));
}

Test(cpus, usable_is_at_least_one) {
    cr_expect(ge(int, sv_usable_cpus(), 1));
}
