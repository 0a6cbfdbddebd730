/* Chooses the kernels that this processor can run. */
#ifndef GRABCUT_SIMD_SELECT_H
#define GRABCUT_SIMD_SELECT_H

#include "kernels.h"

/* The table for a level, NULL if this processor or build lacks it. AUTO never fails. */
const gc_kernels *gc_kernels_for(grabcut_simd level);

#endif
