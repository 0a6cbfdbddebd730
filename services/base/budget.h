/*
 * A number of bytes that many share. Memory that clients can make us hold is taken from one, so
 * that the sum has a bound whatever they send. Any thread.
 */
#ifndef HR_SERVICES_BUDGET_H
#define HR_SERVICES_BUDGET_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct hr_budget {
    int64_t limit;
    _Atomic int64_t used;
} hr_budget;

static inline void hr_budget_init(hr_budget *budget, int64_t limit) {
    budget->limit = limit;
    atomic_init(&budget->used, 0);
}

/* False, and nothing taken, if `bytes` more would exceed the limit. */
static inline bool hr_budget_take(hr_budget *budget, size_t bytes) {
    if (bytes > (size_t)budget->limit)
        return false;
    int64_t now = atomic_fetch_add_explicit(&budget->used, (int64_t)bytes, memory_order_relaxed);
    if (now + (int64_t)bytes <= budget->limit)
        return true;
    atomic_fetch_sub_explicit(&budget->used, (int64_t)bytes, memory_order_relaxed);
    return false;
}

static inline void hr_budget_give(hr_budget *budget, size_t bytes) {
    atomic_fetch_sub_explicit(&budget->used, (int64_t)bytes, memory_order_relaxed);
}

static inline int64_t hr_budget_used(hr_budget *budget) {
    return atomic_load_explicit(&budget->used, memory_order_relaxed);
}

#endif
