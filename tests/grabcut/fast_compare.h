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
    COMPARE_TIE,    /* both masks are minimum cuts, and there are several */
    COMPARE_LOWER,  /* the fast engine's cut is minimal, the reference's is not */
    COMPARE_DIFFERS /* the fast engine is wrong: its cut is not minimal, or the reference's is
                       minimal and the only one; `why` has the reason */
} compare_result;

typedef struct compare_report {
    int differing; /* pixels of the whole call */
    char why[256];
} compare_report;

/* Runs both. Where the masks differ, the call is run again iteration by iteration, both engines
 * from the reference's last state, until the first iteration whose masks differ: a third solver
 * finds the minimum of its energy, which both cuts are compared with (exact_cut.h). */
compare_result compare_engines(const compare_case *c, compare_report *report);

/* Frees image and mask. */
void compare_case_free(compare_case *c);

#endif
