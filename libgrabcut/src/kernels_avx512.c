/* The kernels for AVX-512: vectors of 64 bytes. Compiled with -mavx512f and what cpu.c asks for. The links are
 * those of AVX2, which such a processor has, too. */
#define GC_VB 64
#define GC_KERNELS gc_kernels_avx512
#define GC_LEVEL GRABCUT_SIMD_AVX512
#define GC_LINK gc_link_avx2
#define GC_SOLVE gc_flow_solve_avx512
#include "kernels.inc"
