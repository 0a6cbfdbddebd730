/* Memory whose lifetime is a load or a table: one free for all. */
#ifndef HR_ARENA_H
#define HR_ARENA_H

#include <stddef.h>

#include <headerroute/headerroute.h>

typedef struct hr_arena hr_arena;

hr_arena *hr_arena_new(void); /* NULL: no memory */
void hr_arena_free(hr_arena *arena);
/* fn(what) is called by hr_arena_free, while the arena's memory can still be read: for what lives elsewhere.
 * HR_OK or HR_ENOMEM (fn is not called then). */
int hr_arena_on_free(hr_arena *arena, void (*fn)(void *what), void *what);
/* Zeroed, aligned for any type. NULL: no memory. A size of 0 gives a pointer that may not be read. */
void *hr_arena_alloc(hr_arena *arena, size_t size);
/* The same, beginning where a cache line does: for what is looked at out of order. */
void *hr_arena_lines(hr_arena *arena, size_t n, size_t size);
/* n * size with overflow check. */
void *hr_arena_array(hr_arena *arena, size_t n, size_t size);
/* A copy with a zero behind it. Absent stays absent. p is NULL when memory ran out. */
hr_str hr_arena_copy(hr_arena *arena, hr_str s);
/* printf into the arena. */
hr_str hr_arena_printf(hr_arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));
size_t hr_arena_bytes(const hr_arena *arena);

#endif
