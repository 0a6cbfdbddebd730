/* Counts processors: on Linux those of the process's affinity mask, elsewhere all that are online.
 */
#define _GNU_SOURCE /* sched_getaffinity */
#include "processors.h"

#ifdef __linux__
#include <sched.h>

int cut_processors(void) {
    cpu_set_t set;
    return sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;
}
#else
#include <unistd.h>

int cut_processors(void) {
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n < 1 ? 1 : (int)n;
}
#endif
