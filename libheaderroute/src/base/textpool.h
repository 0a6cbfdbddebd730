/* Short strings packed tightly into an arena's memory, each with a zero behind it. */
#ifndef HR_TEXTPOOL_H
#define HR_TEXTPOOL_H

#include "arena.h"

typedef struct hr_textpool {
    hr_arena *arena;
    char *p;
    size_t left;
} hr_textpool;

/* A zero-terminated copy; absent stays absent. p is NULL when memory ran out. */
hr_str hr_textpool_copy(hr_textpool *pool, hr_str s);

#endif
