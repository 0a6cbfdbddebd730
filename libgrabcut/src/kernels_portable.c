/* The kernels for any processor: vectors of 16 bytes, which the compiler maps to what there is. */
#define GC_VB 16
#define GC_KERNELS gc_kernels_portable
#define GC_LEVEL GRABCUT_SIMD_PORTABLE
#define GC_LINK gc_link_portable
#define GC_SOLVE gc_flow_solve_portable
#include "kernels.inc"
