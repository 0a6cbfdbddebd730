/* The comparison of all rules of two views. */
#ifndef HR_COMPARE_H
#define HR_COMPARE_H

#include "comparison.h"

/* Compares all of a view. */
void hr_compare_views(hr_comparison *c);

#endif
