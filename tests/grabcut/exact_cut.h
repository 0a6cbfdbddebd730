/* The minimum of GrabCut's energy by a solver of its own (Dinic 1970, on integers of 2^-44), to
 * check cuts with. */
#ifndef TESTS_GRABCUT_EXACT_CUT_H
#define TESTS_GRABCUT_EXACT_CUT_H

#include <stdint.h>

typedef struct exact_cut {
    int w, h;
    double *terminal;  /* by pixel: > 0 pulls to foreground */
    double (*link)[4]; /* by pixel: to W, NW, N, NE; 0 beyond the border */
    int8_t *fixed;     /* -1: undecided; else the label */
} exact_cut;

void exact_cut_init(exact_cut *cut, int w, int h);
void exact_cut_free(exact_cut *cut);
void exact_cut_terminal(exact_cut *cut, int at, double pull);
void exact_cut_fix(exact_cut *cut, int at, int label);
void exact_cut_link(exact_cut *cut, int at, int k, double capacity);

typedef struct exact_result {
    double excess[2]; /* energy above the minimum */
    int minimal[2];   /* [0]: as close to it as grabcut.h promises; [1]: apart from the rounding of
                         doubles */
    int unique;       /* every other cut is above the minimum by more than rounding can change */
} exact_result;

/* Labels of two cuts, 0 or 1 a pixel. */
void exact_cut_judge(const exact_cut *cut, const uint8_t *ours, const uint8_t *theirs,
                     exact_result *result);

#endif
