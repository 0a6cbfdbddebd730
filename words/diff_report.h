/* A report on a comparison: what its words and its places need. */
#ifndef HR_WORDS_DIFF_REPORT_H
#define HR_WORDS_DIFF_REPORT_H

#include <stdio.h>

#include <headerroute/headerroute.h>

typedef struct words_report {
    const hr_diff *diff;
    hr_scratch *scratch;
    void *memory;    /* of words_report_route; the caller frees it */
    FILE *out;       /* where the program prints */
    const void *ctx; /* of the program */
} words_report;

#endif
