/*
 * Building of tables and views: everything lives in one arena, and running out of memory leaves the
 * whole build at once (there is nothing to undo but the arena), so that the code in between reads as
 * if memory never ended.
 */
#ifndef HR_BUILD_H
#define HR_BUILD_H

#include <setjmp.h>
#include <stdint.h>
#include <string.h>

#include "arena.h"

typedef struct hr_build {
    hr_arena *arena;
    jmp_buf out_of_memory;
} hr_build;

/* Runs fn(b, ctx) with a build over `arena`. HR_OK, or HR_ENOMEM when it ran out. */
static inline int hr_build_run(hr_arena *arena, void (*fn)(hr_build *b, void *ctx), void *ctx) {
    hr_build b = {.arena = arena};
    if (setjmp(b.out_of_memory) != 0)
        return HR_ENOMEM;
    fn(&b, ctx);
    return HR_OK;
}

static inline void *hr_b_check(hr_build *b, void *p) {
    if (p == NULL)
        longjmp(b->out_of_memory, 1);
    return p;
}

static inline void *hr_b_array(hr_build *b, size_t n, size_t size) {
    return hr_b_check(b, hr_arena_array(b->arena, n, size));
}

/* The array begins where a cache line does. */
#define HR_B_LINES(b, type, n) ((type *)hr_b_check((b), hr_arena_lines((b)->arena, (n), sizeof(type))))
#define HR_B_NEW(b, type) ((type *)hr_b_array((b), 1, sizeof(type)))
#define HR_B_ARRAY(b, type, n) ((type *)hr_b_array((b), (n), sizeof(type)))

static inline hr_str hr_b_copy(hr_build *b, hr_str s) {
    hr_str copy = hr_arena_copy(b->arena, s);
    if (s.p != NULL)
        hr_b_check(b, (void *)(uintptr_t)copy.p);
    return copy;
}

/* printf into the arena. */
#define hr_b_printf(b, ...) hr_b_str((b), hr_arena_printf((b)->arena, __VA_ARGS__))

static inline hr_str hr_b_str(hr_build *b, hr_str s) {
    hr_b_check(b, (void *)(uintptr_t)s.p);
    return s;
}

/* An array that grows by doubling inside the arena. */
#define HR_LIST(type)                                                                              \
    struct {                                                                                       \
        type *v;                                                                                   \
        size_t n, capacity;                                                                        \
    }

static inline void *hr_b_grow(hr_build *b, void *v, size_t n, size_t *capacity, size_t size) {
    if (n < *capacity)
        return v;
    size_t wanted = *capacity == 0 ? 4 : *capacity * 2;
    void *grown = hr_b_array(b, wanted, size);
    if (n > 0)
        memcpy(grown, v, n * size);
    *capacity = wanted;
    return grown;
}

#define HR_PUSH(b, list, value)                                                                    \
    do {                                                                                           \
        (list)->v = hr_b_grow((b), (list)->v, (list)->n, &(list)->capacity, sizeof(*(list)->v));   \
        (list)->v[(list)->n++] = (value);                                                          \
    } while (0)

#endif
