/*
 * A number of bytes that many share. Memory that clients can make us hold is taken from one, so
 * that the sum has a bound whatever they send. Any thread.
 */
#ifndef SV_BUDGET_H
#define SV_BUDGET_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct sv_budget {
    int64_t limit;
    _Atomic int64_t used;
} sv_budget;

static inline void sv_budget_init(sv_budget *budget, int64_t limit) {
    budget->limit = limit;
    atomic_init(&budget->used, 0);
}

/* False, and nothing taken, if `bytes` more would exceed the limit. */
static inline bool sv_budget_take(sv_budget *budget, size_t bytes) {
    if (bytes > (size_t)budget->limit)
        return false;
    int64_t now = atomic_fetch_add_explicit(&budget->used, (int64_t)bytes, memory_order_relaxed);
    if (now + (int64_t)bytes <= budget->limit)
        return true;
    atomic_fetch_sub_explicit(&budget->used, (int64_t)bytes, memory_order_relaxed);
    return false;
}

static inline void sv_budget_give(sv_budget *budget, size_t bytes) {
    atomic_fetch_sub_explicit(&budget->used, (int64_t)bytes, memory_order_relaxed);
}

static inline int64_t sv_budget_used(sv_budget *budget) {
    return atomic_load_explicit(&budget->used, memory_order_relaxed);
}

#endif
