/* Memory: allocation that ends the process instead of failing, and pools. */
#include "memory.h"

#include <malloc.h>
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Most requests fit one block: fields, log strings and the head of the answer. */
#define BLOCK_SIZE ((size_t)8 << 10)
#define MAX_CACHED 64

/* Sanitizers have a malloc of their own. The C library's is never initialized then, and crashes if
 * two threads trim it at the same time. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { TRIMS = 0 };
#else
enum { TRIMS = 1 };
#endif

typedef struct block {
    struct block *next;
} block;

typedef struct on_free {
    struct on_free *next;
    void (*call)(void *arg);
    void *arg;
} on_free;

struct sv_pool {
    sv_pool_cache *cache;
    char *at, *end;
    block *blocks; /* of BLOCK_SIZE; the last one holds the pool */
    block *large;
    on_free *calls;
};

void *sv_alloc(size_t size) {
    return sv_realloc(NULL, size);
}

void *sv_realloc(void *memory, size_t size) {
    void *grown = realloc(memory, size > 0 ? size : 1);
    if (grown != NULL)
        return grown;
    fprintf(stderr, "out of memory: %zu bytes\n", size);
    abort();
}

void *sv_alloc_zeroed(size_t size) {
    return memset(sv_alloc(size), 0, size);
}

static size_t align(size_t size) {
    size_t step = alignof(max_align_t);
    return (size + step - 1) / step * step;
}

static block *take_block(sv_pool_cache *cache) {
    block *b = cache->blocks;
    if (b == NULL)
        return sv_alloc(BLOCK_SIZE);
    cache->blocks = b->next;
    cache->n--;
    return b;
}

static void give_block(sv_pool_cache *cache, block *b) {
    if (cache->n == MAX_CACHED) {
        free(b);
        return;
    }
    b->next = cache->blocks;
    cache->blocks = b;
    cache->n++;
}

sv_pool *sv_pool_new(sv_pool_cache *cache) {
    block *first = take_block(cache);
    sv_pool *pool = (sv_pool *)((char *)first + align(sizeof(block)));
    first->next = NULL;
    *pool = (sv_pool){.cache = cache, .blocks = first, .end = (char *)first + BLOCK_SIZE};
    pool->at = (char *)pool + align(sizeof(*pool));
    return pool;
}

static void *alloc_large(sv_pool *pool, size_t size) {
    block *b = sv_alloc(align(sizeof(*b)) + size);
    b->next = pool->large;
    pool->large = b;
    return (char *)b + align(sizeof(*b));
}

void *sv_pool_alloc(sv_pool *pool, size_t size) {
    size = align(size);
    if (size <= (size_t)(pool->end - pool->at)) {
        pool->at += size;
        return pool->at - size;
    }
    if (size > BLOCK_SIZE / 4)
        return alloc_large(pool, size);
    block *b = take_block(pool->cache);
    b->next = pool->blocks;
    pool->blocks = b;
    pool->at = (char *)b + align(sizeof(*b)) + size;
    pool->end = (char *)b + BLOCK_SIZE;
    return pool->at - size;
}

hr_str sv_pool_join(sv_pool *pool, const hr_str *parts, size_t n) {
    size_t len = 0;
    for (size_t i = 0; i < n; i++)
        len += parts[i].len;
    char *text = sv_pool_alloc(pool, len + 1), *at = text;
    for (size_t i = 0; i < n; i++) {
        if (parts[i].len > 0)
            memcpy(at, parts[i].p, parts[i].len);
        at += parts[i].len;
    }
    *at = '\0';
    return (hr_str){text, len};
}

hr_str sv_pool_copy(sv_pool *pool, hr_str s) {
    return sv_pool_join(pool, &s, 1);
}

void sv_pool_on_free(sv_pool *pool, void (*call)(void *arg), void *arg) {
    on_free *entry = sv_pool_alloc(pool, sizeof(*entry));
    *entry = (on_free){pool->calls, call, arg};
    pool->calls = entry;
}

void sv_pool_free(sv_pool *pool) {
    for (on_free *entry = pool->calls; entry != NULL; entry = entry->next)
        entry->call(entry->arg);
    for (block *b = pool->large, *next; b != NULL; b = next) {
        next = b->next;
        free(b);
    }
    sv_pool_cache *cache = pool->cache;
    for (block *b = pool->blocks, *next; b != NULL; b = next) {
        next = b->next; /* the pool goes with the last */
        give_block(cache, b);
    }
}

void sv_trim_memory(void) {
    if (TRIMS)
        malloc_trim(0);
}

void sv_pool_cache_free(sv_pool_cache *cache) {
    for (block *b = cache->blocks, *next; b != NULL; b = next) {
        next = b->next;
        free(b);
    }
    *cache = (sv_pool_cache){0};
}
