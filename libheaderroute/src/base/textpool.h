/* Short strings packed tightly into the memory of an arena, each zero-terminated. */
#ifndef HR_TEXTPOOL_H
#define HR_TEXTPOOL_H

#include "arena.h"

typedef struct hr_textpool {
    hr_arena *arena;
    char *p;
    size_t left;
} hr_textpool;

/* A zero-terminated copy; an absent string stays absent. p is NULL if an allocation failed. */
hr_str hr_textpool_copy(hr_textpool *pool, hr_str s);

#endif
