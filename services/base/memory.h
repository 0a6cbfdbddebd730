/*
 * Memory: allocation that ends the process instead of failing, and pools whose lifetime is a
 * request.
 *
 * A server that has no memory for a connection's few hundred bytes cannot do anything useful; sizes
 * that a client chooses are bounded by limits, not by allocation failures.
 */
#ifndef SV_MEMORY_H
#define SV_MEMORY_H

#include <stddef.h>
#include <string.h>

#include <headerroute/headerroute.h>

/* Never NULL: ends the process with a line on stderr if there is no memory. free() releases it. */
void *sv_alloc(size_t size);
void *sv_alloc_zeroed(size_t size);
void *sv_realloc(void *memory, size_t size);
/* Returns free memory to the system, where malloc is the C library's. Any thread. */
void sv_trim_memory(void);

typedef struct sv_pool sv_pool;

/* Blocks that are kept for the next pools of one thread. Zero it first. */
typedef struct sv_pool_cache {
    void *blocks;
    size_t n;
} sv_pool_cache;

/* The pool lies in its own first block. */
sv_pool *sv_pool_new(sv_pool_cache *cache);
/* Calls what sv_pool_on_free registered, the newest first, and frees all of the pool. */
void sv_pool_free(sv_pool *pool);
void sv_pool_cache_free(sv_pool_cache *cache);

/* `size` bytes, aligned for any type, until the pool is freed. Never NULL. */
void *sv_pool_alloc(sv_pool *pool, size_t size);
/* A copy with a zero behind it. */
hr_str sv_pool_copy(sv_pool *pool, hr_str s);
/* All one after the other, with a zero behind. */
hr_str sv_pool_join(sv_pool *pool, const hr_str *parts, size_t n);
#define SV_JOIN(pool, ...)                                                                         \
    sv_pool_join(pool, (const hr_str[]){__VA_ARGS__},                                              \
                 sizeof((const hr_str[]){__VA_ARGS__}) / sizeof(hr_str))
void sv_pool_on_free(sv_pool *pool, void (*call)(void *arg), void *arg);

/* The range of a zero-terminated text. */
static inline hr_str sv_str(const char *text) {
    return (hr_str){text, strlen(text)};
}

/* The struct of which `pointer` is a member. */
#define SV_CONTAINER(type, member, pointer) ((type *)((char *)(pointer)-offsetof(type, member)))

#endif
