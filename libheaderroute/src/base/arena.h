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
/* fn(what) is called by hr_arena_free, while the arena's memory can still be read: for what lives
 * elsewhere. HR_OK or HR_ENOMEM (fn is not called then). */
int hr_arena_on_free(hr_arena *arena, void (*fn)(void *what), void *what);
/* Whether an allocation has failed. */
bool hr_arena_failed(const hr_arena *arena);
/* Marks the arena as failed, for an allocation elsewhere on which what it holds depends. */
void hr_arena_fail(hr_arena *arena);
/* Zeroed, aligned for any type. NULL if the arena has failed. A size of 0 gives a pointer that may
 * not be read. */
void *hr_arena_alloc(hr_arena *arena, size_t size);
/* The same for one struct of at most HR_ARENA_STRUCT_MAX bytes; after a failure the shared block,
 * zeroed. */
void *hr_arena_struct(hr_arena *arena, size_t size);
/* The same, beginning where a cache line does: for what is looked at out of order. */
void *hr_arena_lines(hr_arena *arena, size_t n, size_t size);
/* n * size with overflow check. */
void *hr_arena_array(hr_arena *arena, size_t n, size_t size);
/* A copy with a zero behind it. Absent stays absent. Returns an absent string if the arena has
 * failed. */
hr_str hr_arena_copy(hr_arena *arena, hr_str s);
/* printf into the arena. */
hr_str hr_arena_printf(hr_arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
size_t hr_arena_bytes(const hr_arena *arena);

#define HR_ARENA_STRUCT_MAX 2048
#define HR_FITS_STRUCT(type) (0 * sizeof(char[sizeof(type) <= HR_ARENA_STRUCT_MAX ? 1 : -1]))
#define HR_NEW(arena, type) ((type *)hr_arena_struct((arena), sizeof(type) + HR_FITS_STRUCT(type)))
#define HR_ARRAY(arena, type, n) ((type *)hr_arena_array((arena), (n), sizeof(type)))
/* The array begins where a cache line does. */
#define HR_LINES(arena, type, n) ((type *)hr_arena_lines((arena), (n), sizeof(type)))

/* An array that grows by doubling inside the arena. */
#define HR_LIST(type)                                                                              \
    struct {                                                                                       \
        type *v;                                                                                   \
        size_t n, capacity;                                                                        \
    }

/* v with room for one more than its n items of `size` bytes, moved if it must be. NULL if the arena
 * has failed. */
void *hr_arena_grow(hr_arena *arena, void *v, size_t n, size_t *capacity, size_t size);

/* Appends; does nothing if the arena has failed. */
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
