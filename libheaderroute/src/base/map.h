/* A hash map from strings to pointers, in an arena. Keys are not copied. The map is meant to be
 * filled once, then read. */
#ifndef HR_MAP_H
#define HR_MAP_H

#include "arena.h"

typedef struct hr_map_slot {
    hr_str key;
    uint64_t hash;
    void *value; /* NULL: slot is free */
} hr_map_slot;

typedef struct hr_map {
    hr_map_slot *slots;
    size_t capacity, n; /* capacity: 0 or a power of two */
} hr_map;

/* The value of `key`; NULL if the map does not have it. */
void *hr_map_get(const hr_map *map, hr_str key);
/* The place of the value of `key`, which is added if it is missing. *place is NULL then and must be
 * set before the next call. */
void **hr_map_at(hr_arena *arena, hr_map *map, hr_str key);
/* Sets `key` unless the map has it already. Returns whether it was set. */
int hr_map_add(hr_arena *arena, hr_map *map, hr_str key, const void *value);

#endif
