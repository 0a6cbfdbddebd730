/* The kernels for AVX2: vectors of 32 bytes. Compiled with -mavx2, chosen at run time by select.c.
 */
#include "kernels.h"

#include "avx2_links.h"
#include "avx2_pixels.h"
#include "avx2_tiles.h"

#include "pixels.inc"
#include "tiles.inc"

const gc_kernels gc_kernels_avx2 = {
    .level = GRABCUT_SIMD_AVX2,
    .unpack = unpack,
    .pp_sums = pp_sums,
    .nearest_sums = nearest_sums,
    .accumulate = accumulate,
    .accumulate_both = accumulate_both,
    .moments = moments,
    .components = components,
    .tlinks = tlinks,
    .distance_sum = distance_sum,
    .link = link_eights,
    .discharge = discharge,
    .split_planes = split_planes,
    .signs = signs,
    .set_bytes = set_bytes,
};
