/* The kernels for any processor: vectors of 16 bytes, which the compiler maps to what there is. */
#include "kernels.h"

#include "portable_links.h"
#include "portable_pixels.h"
#include "portable_tiles.h"

#include "pixels.inc"
#include "tiles.inc"

const gc_kernels gc_kernels_portable = {
    .level = GRABCUT_SIMD_PORTABLE,
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
