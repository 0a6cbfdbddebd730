/* The kernels with vectors of 64 bytes, without the instructions that they are meant for: the compiler makes do with
 * what every processor has. So their source is tested where there is no AVX-512. */
#define GC_VB 64
#define GC_KERNELS kernels_wide
#define GC_LEVEL GRABCUT_SIMD_PORTABLE
#define GC_LINK gc_link_portable
#define GC_SOLVE gc_flow_solve_portable
#include "kernels.inc"
