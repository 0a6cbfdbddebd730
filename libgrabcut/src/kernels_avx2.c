/* The kernels for AVX2: vectors of 32 bytes. Compiled with -mavx2, chosen at run time by cpu.c. */
#define GC_VB 32
#define GC_KERNELS gc_kernels_avx2
#define GC_LEVEL GRABCUT_SIMD_AVX2
#define GC_LINK gc_link_avx2
#define GC_SOLVE gc_flow_solve_avx2
#include "kernels.inc"
