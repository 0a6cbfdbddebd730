/* How much memory this process has held at most since reset_peak(), in KiB. */
#ifndef TESTS_GRABCUT_MEMORY_H
#define TESTS_GRABCUT_MEMORY_H

#include <stdio.h>
#include <stdlib.h>

/* proc(5), clear_refs: 5 resets the high-water mark. */
static inline void reset_peak(void) {
    FILE *f = fopen("/proc/self/clear_refs", "w");
    if (!f || fputs("5", f) < 0 || fclose(f) != 0) {
        perror("/proc/self/clear_refs");
        abort();
    }
}

static inline long peak_kib(void) {
    char line[256];
    long kib = -1;
    FILE *f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof(line), f)) {
        if (sscanf(line, "VmHWM: %ld", &kib) == 1) {
            break;
        }
    }
    if (!f || kib < 0) {
        perror("/proc/self/status");
        abort();
    }
    fclose(f);
    return kib;
}

#endif
