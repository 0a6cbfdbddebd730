/* The kernels for AVX2: vectors of 32 bytes. Compiled with -mavx2, chosen at run time by select.c.
 */
#include "kernels.h"

#include "avx2_links.h"
#include "avx2_pixels.h"
#include "avx2_tiles.h"

#include "pixels.inc"
#include "tiles.inc"

const gc_kernels gc_kernels_avx2 = GC_KERNELS(GRABCUT_SIMD_AVX2);
