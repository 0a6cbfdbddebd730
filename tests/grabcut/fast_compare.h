/* The fast engine beside the reference, cv::grabCut, on the same call. */
#ifndef TESTS_GRABCUT_FAST_COMPARE_H
#define TESTS_GRABCUT_FAST_COMPARE_H

#include <grabcut/grabcut.h>

/* A call: the start of `mask` and `models` is what the call is given. */
typedef struct compare_case {
    grabcut_image image, mask;
    grabcut_models models;
    grabcut_options opts; /* models, workspace and progress are not used */
} compare_case;

typedef enum compare_result {
    COMPARE_SAME,   /* the same error, or the same mask and models */
    COMPARE_TIE,    /* both masks are minimum cuts: their energies are equal to 1e-9, relative */
    COMPARE_LOWER,  /* the fast engine's cut has the lower energy: the reference's is not a minimum
                     */
    COMPARE_DIFFERS /* the fast engine is wrong; `why` has the reason */
} compare_result;

typedef struct compare_report {
    int differing; /* pixels of the whole call */
    char why[256];
} compare_report;

/* Runs both. Where the masks differ, the call is run again iteration by iteration, both engines
 * from the reference's last state, until the first iteration whose masks differ: its two cuts are
 * compared. */
compare_result compare_engines(const compare_case *c, compare_report *report);

/* Frees image and mask. */
void compare_case_free(compare_case *c);

#endif
