/* Chooses the kernels that this processor can run. */
#include "select.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <stdatomic.h>

/* Not every compiler's __builtin_cpu_supports knows LZCNT. Queried once: in a virtual machine CPUID
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

static const gc_kernels *usable_avx2(void) {
    /* All processors with AVX2 so far have the bit instructions, but they have their own CPUID
     * bits. */
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
                   __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2") && has_lzcnt()
               ? &gc_kernels_avx2
               : NULL;
}
#else
static const gc_kernels *usable_avx2(void) {
    return NULL;
}
#endif

const gc_kernels *gc_kernels_for(grabcut_simd level) {
    switch (level) {
    case GRABCUT_SIMD_AUTO:
        return usable_avx2() ? usable_avx2() : &gc_kernels_portable;
    case GRABCUT_SIMD_PORTABLE:
        return &gc_kernels_portable;
    case GRABCUT_SIMD_AVX2:
        return usable_avx2();
    default:
        return NULL;
    }
}
