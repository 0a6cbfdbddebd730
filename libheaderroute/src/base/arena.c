/* An arena: blocks from malloc, handed out from the front and freed together. */
#include "arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

#if defined(__linux__)
#include <sys/mman.h>
#endif

typedef struct chunk {
    struct chunk *next;
    size_t size, used;
    max_align_t data[];
} chunk;

typedef struct farewell {
    void (*fn)(void *what);
    void *what;
    struct farewell *next;
} farewell;

struct hr_arena {
    chunk *chunks;
    farewell *farewells;
    size_t bytes;
    bool failed;
    max_align_t discarded[HR_ARENA_STRUCT_MAX /
                          sizeof(max_align_t)]; /* what HR_NEW returns after a failure */
};

#define FIRST_CHUNK 4096
#define LARGEST_CHUNK ((size_t)1 << 20)
#define HUGE_FROM ((size_t)4 << 20) /* smaller blocks may not have a whole huge page in them */

hr_arena *hr_arena_new(void) {
    return calloc(1, sizeof(hr_arena));
}

void hr_arena_free(hr_arena *arena) {
    if (arena == NULL)
        return;
    for (farewell *f = arena->farewells; f != NULL; f = f->next)
        f->fn(f->what);
    for (chunk *c = arena->chunks, *next; c != NULL; c = next) {
        next = c->next;
        free(c);
    }
    free(arena);
}

#if defined(__linux__)
/* Random reads all over a big block wait for page tables more than for memory: this asks for pages
 * of 2 MiB before the first touch. It is only a hint, so any answer will do. */
static void ask_for_huge_pages(void *p, size_t size) {
    const uintptr_t page = 4096;
    uintptr_t from = ((uintptr_t)p + page - 1) & ~(page - 1),
              to = ((uintptr_t)p + size) & ~(page - 1);
    if (size >= HUGE_FROM)
        (void)madvise((void *)from, to - from, MADV_HUGEPAGE);
}
#else
static void ask_for_huge_pages(void *p, size_t size) {
    (void)p;
    (void)size;
}
#endif

static chunk *grow_chunk(hr_arena *arena, size_t size) {
    size_t want = arena->chunks == NULL ? FIRST_CHUNK : arena->chunks->size * 2;
    if (want > LARGEST_CHUNK)
        want = LARGEST_CHUNK;
    if (want < size)
        want = size;
    chunk *c = want > SIZE_MAX - sizeof(chunk) ? NULL : calloc(1, sizeof(chunk) + want);
    if (c == NULL)
        return NULL;
    ask_for_huge_pages(c, want);
    c->size = want;
    c->next = arena->chunks;
    arena->chunks = c;
    arena->bytes += sizeof(chunk) + want;
    return c;
}

bool hr_arena_failed(const hr_arena *arena) {
    return arena->failed;
}

void hr_arena_fail(hr_arena *arena) {
    arena->failed = true;
}

static void *fail(hr_arena *arena) {
    hr_arena_fail(arena);
    return NULL;
}

void *hr_arena_alloc(hr_arena *arena, size_t size) {
    const size_t align = sizeof(max_align_t) - 1;
    if (arena->failed || size > SIZE_MAX - align)
        return fail(arena);
    size = (size + align) & ~align;
    chunk *c = arena->chunks;
    if (c == NULL || c->size - c->used < size) {
        c = grow_chunk(arena, size);
        if (c == NULL)
            return fail(arena);
    }
    void *p = (char *)c->data + c->used;
    c->used += size;
    return p;
}

void *hr_arena_struct(hr_arena *arena, size_t size) {
    void *p = hr_arena_alloc(arena, size);
    return p != NULL ? p : memset(arena->discarded, 0, sizeof(arena->discarded));
}

void *hr_arena_lines(hr_arena *arena, size_t n, size_t size) {
    const size_t line = 64;
    if (size != 0 && n > (SIZE_MAX - line) / size)
        return fail(arena);
    char *p = hr_arena_alloc(arena, n * size + line);
    return p == NULL ? NULL : p + (line - (uintptr_t)p % line) % line;
}

void *hr_arena_array(hr_arena *arena, size_t n, size_t size) {
    if (size != 0 && n > SIZE_MAX / size)
        return fail(arena);
    return hr_arena_alloc(arena, n * size);
}

void *hr_arena_grow(hr_arena *arena, void *v, size_t n, size_t *capacity, size_t size) {
    if (arena->failed)
        return NULL;
    if (n < *capacity)
        return v;
    size_t room = *capacity == 0 ? 4 : *capacity * 2;
    void *grown = hr_arena_array(arena, room, size);
    if (grown == NULL)
        return NULL;
    if (n > 0)
        memcpy(grown, v, n * size);
    *capacity = room;
    return grown;
}

int hr_arena_on_free(hr_arena *arena, void (*fn)(void *what), void *what) {
    farewell *f = hr_arena_alloc(arena, sizeof(*f));
    if (f == NULL)
        return HR_ENOMEM;
    *f = (farewell){fn, what, arena->farewells};
    arena->farewells = f;
    return HR_OK;
}

hr_str hr_arena_copy(hr_arena *arena, hr_str s) {
    if (s.p == NULL)
        return s;
    char *p = hr_arena_alloc(arena, s.len + 1);
    if (p == NULL)
        return (hr_str){NULL, 0};
    memcpy(p, s.p, s.len);
    return (hr_str){p, s.len};
}

hr_str hr_arena_printf(hr_arena *arena, const char *format, ...) {
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *p = len < 0 ? NULL : hr_arena_alloc(arena, (size_t)len + 1);
    if (p != NULL)
        vsnprintf(p, (size_t)len + 1, format, again);
    va_end(again);
    return p == NULL ? (hr_str){NULL, 0} : (hr_str){p, (size_t)len};
}

size_t hr_arena_bytes(const hr_arena *arena) {
    return arena->bytes;
}

hr_str hr_arena_lower(hr_arena *arena, hr_str s) {
    size_t i = 0;
    while (i < s.len && hr_lower(s.p[i]) == s.p[i])
        i++;
    if (i == s.len)
        return s;
    char *lower = HR_ARRAY(arena, char, s.len + 1);
    if (lower == NULL)
        return (hr_str){0};
    for (i = 0; i < s.len; i++)
        lower[i] = hr_lower(s.p[i]);
    return hr_str_of(lower, s.len);
}
