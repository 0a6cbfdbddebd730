/* A hash map with open addressing over XXH3, in an arena. */
#include "map.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "text.h"

static uint64_t key_hash(hr_str key) {
    return XXH3_64bits(key.len == 0 ? "" : key.p, key.len);
}

static hr_map_slot *find(const hr_map *map, hr_str key, uint64_t hash) {
    size_t mask = map->capacity - 1;
    for (size_t i = hash & mask;; i = (i + 1) & mask) {
        hr_map_slot *slot = &map->slots[i];
        if (slot->value == NULL || (slot->hash == hash && hr_str_eq(slot->key, key)))
            return slot;
    }
}

void *hr_map_get(const hr_map *map, hr_str key) {
    return map->capacity == 0 ? NULL : find(map, key, key_hash(key))->value;
}

static bool grow_map(hr_arena *arena, hr_map *map) {
    hr_map bigger = {.capacity = map->capacity == 0 ? 8 : map->capacity * 2, .n = map->n};
    bigger.slots = HR_ARRAY(arena, hr_map_slot, bigger.capacity);
    if (bigger.slots == NULL)
        return false;
    for (size_t i = 0; i < map->capacity; i++)
        if (map->slots[i].value != NULL)
            *find(&bigger, map->slots[i].key, map->slots[i].hash) = map->slots[i];
    *map = bigger;
    return true;
}

void **hr_map_at(hr_arena *arena, hr_map *map, hr_str key) {
    if (hr_arena_failed(arena) || (map->n * 4 >= map->capacity * 3 && !grow_map(arena, map)))
        return HR_NEW(arena, void *);
    uint64_t hash = key_hash(key);
    hr_map_slot *slot = find(map, key, hash);
    if (slot->value == NULL) {
        slot->key = key;
        slot->hash = hash;
        map->n++;
    }
    return &slot->value;
}

int hr_map_add(hr_arena *arena, hr_map *map, hr_str key, const void *value) {
    void **place = hr_map_at(arena, map, key);
    if (*place != NULL)
        return 0;
    *place = (void *)(uintptr_t)value;
    return 1;
}
