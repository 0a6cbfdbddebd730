/* The kernels for any processor: vectors of 16 bytes, which the compiler maps to what there is. */
#include "kernels.h"

#include "portable_links.h"
#include "portable_pixels.h"
#include "portable_tiles.h"

#include "pixels.inc"
#include "tiles.inc"

const gc_kernels gc_kernels_portable = GC_KERNELS(GRABCUT_SIMD_PORTABLE);
