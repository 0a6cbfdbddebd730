/*
 * Memory whose lifetime is a load, a table or a view: one free for all.
 *
 * Running out of memory is sticky. The first allocation that fails marks the arena, and every later
 * one fails as well. Builders therefore go on without a check after each call, and look once at
 * their end (hr_arena_failed). Three rules keep what lies between harmless:
 *  - HR_NEW never returns NULL: after a failure it returns one shared, zeroed block, which nothing
 * reads later.
 *  - HR_ARRAY and HR_LINES return NULL after a failure; the caller checks before it writes.
 *  - A loop over the resources of a load ends when the arena has failed, so that the shared block
 * is not linked to itself.
 */
#ifndef HR_ARENA_H
#define HR_ARENA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <headerroute/headerroute.h>

typedef struct hr_arena hr_arena;

hr_arena *hr_arena_new(void); /* NULL if the allocation fails */
void hr_arena_free(hr_arena *arena);
/* hr_arena_free calls fn(what) while the memory of the arena can still be read: for resources that
 * live elsewhere. Returns HR_OK, or HR_ENOMEM, in which case fn is not called. */
int hr_arena_on_free(hr_arena *arena, void (*fn)(void *what), void *what);
/* Whether an allocation has failed. */
bool hr_arena_failed(const hr_arena *arena);
/* Marks the arena as failed, after a failed allocation elsewhere on which its contents depend. */
void hr_arena_fail(hr_arena *arena);
/* Zeroed memory, aligned for any type. Returns NULL if the arena has failed. A size of 0 gives a
 * pointer that must not be read. */
void *hr_arena_alloc(hr_arena *arena, size_t size);
/* The same for one struct of at most HR_ARENA_STRUCT_MAX bytes. Returns the shared zeroed block
 * after a failure. */
void *hr_arena_struct(hr_arena *arena, size_t size);
/* The same, aligned to a cache line: for memory that is read in random order. */
void *hr_arena_lines(hr_arena *arena, size_t n, size_t size);
/* The same for n * size bytes, with an overflow check. */
void *hr_arena_array(hr_arena *arena, size_t n, size_t size);
/* A zero-terminated copy. An absent string stays absent. Returns an absent string if the arena has
 * failed. */
hr_str hr_arena_copy(hr_arena *arena, hr_str s);
/* Formats a string into the arena. */
hr_str hr_arena_printf(hr_arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
size_t hr_arena_bytes(const hr_arena *arena);

#define HR_ARENA_STRUCT_MAX 2048
#define HR_FITS_STRUCT(type) (0 * sizeof(char[sizeof(type) <= HR_ARENA_STRUCT_MAX ? 1 : -1]))
#define HR_NEW(arena, type) ((type *)hr_arena_struct((arena), sizeof(type) + HR_FITS_STRUCT(type)))
#define HR_ARRAY(arena, type, n) ((type *)hr_arena_array((arena), (n), sizeof(type)))
/* The array is aligned to a cache line. */
#define HR_LINES(arena, type, n) ((type *)hr_arena_lines((arena), (n), sizeof(type)))

/* An array that grows by doubling inside the arena. */
#define HR_LIST(type)                                                                              \
    struct {                                                                                       \
        type *v;                                                                                   \
        size_t n, capacity;                                                                        \
    }

/* Returns v with space for one more item than its n items of `size` bytes, moved if necessary.
 * Returns NULL if the arena has failed. */
void *hr_arena_grow(hr_arena *arena, void *v, size_t n, size_t *capacity, size_t size);

/* Appends a value. Does nothing if the arena has failed. */
#define HR_PUSH(arena, list, value)                                                                \
    do {                                                                                           \
        void *grown_ =                                                                             \
            hr_arena_grow((arena), (list)->v, (list)->n, &(list)->capacity, sizeof(*(list)->v));   \
        if (grown_ != NULL) {                                                                      \
            (list)->v = grown_;                                                                    \
            (list)->v[(list)->n++] = (value);                                                      \
        }                                                                                          \
    } while (0)

/* ASCII lower case; the string itself if it is in lower case already. */
hr_str hr_arena_lower(hr_arena *arena, hr_str s);

#endif
