/* Chooses the kernels that this processor can run. */
#include "kernels.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <stdatomic.h>

/* Not every compiler's __builtin_cpu_supports knows this one. Asked once: in a virtual machine the instruction
 * takes as long as some thousand pixels. */
static int has_lzcnt(void) {
    static atomic_int known; /* 1: it has not, 2: it has */
    int answer = atomic_load_explicit(&known, memory_order_relaxed);
    if (answer == 0) {
        unsigned eax, ebx, ecx, edx;
        answer = __get_cpuid(0x80000001, &eax, &ebx, &ecx, &edx) && (ecx & 1u << 5) ? 2 : 1;
        atomic_store_explicit(&known, answer, memory_order_relaxed);
    }
    return answer == 2;
}

static const gc_kernels *avx2(void) {
    /* The bit instructions came with AVX2 on every processor so far, but are bits of their own. */
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi") &&
                   __builtin_cpu_supports("bmi2") && has_lzcnt()
               ? &gc_kernels_avx2
               : NULL;
}

static const gc_kernels *avx512(void) {
    return avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                   __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")
               ? &gc_kernels_avx512
               : NULL;
}

/* The first processors with AVX-512 run slower while they use it, longer than it saves. Those that do not (Intel's
 * from Ice Lake on, AMD's from Zen 4 on) are known by instructions that came with them, of no other use here. */
static int avx512_pays(void) {
    return __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx512vpopcntdq");
}
#else
static const gc_kernels *avx2(void) {
    return NULL;
}

static const gc_kernels *avx512(void) {
    return NULL;
}

static int avx512_pays(void) {
    return 0;
}
#endif

static const gc_kernels *best(void) {
    if (avx512() && avx512_pays())
        return avx512();
    return avx2() ? avx2() : &gc_kernels_portable;
}

const gc_kernels *gc_kernels_for(grabcut_simd level) {
    switch (level) {
    case GRABCUT_SIMD_AUTO:
        return best();
    case GRABCUT_SIMD_PORTABLE:
        return &gc_kernels_portable;
    case GRABCUT_SIMD_AVX2:
        return avx2();
    case GRABCUT_SIMD_AVX512:
        return avx512();
    default:
        return NULL;
    }
}
