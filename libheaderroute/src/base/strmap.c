#include "strmap.h"
#include "text.h"

#include <stdlib.h>

#include <xxhash.h>

static hr_strmap_slot *find(const hr_strmap *map, hr_str key, uint64_t hash) {
    size_t mask = map->capacity - 1;
    for (size_t i = hash & mask;; i = (i + 1) & mask) {
        hr_strmap_slot *slot = &map->slots[i];
        if (slot->key.p == NULL || (slot->hash == hash && hr_str_eq(slot->key, key)))
            return slot;
    }
}

static int grow(hr_strmap *map) {
    hr_strmap larger = {.capacity = map->capacity == 0 ? 16 : map->capacity * 2, .n = map->n};
    larger.slots = calloc(larger.capacity, sizeof(*larger.slots));
    if (larger.slots == NULL)
        return HR_ENOMEM;
    for (size_t i = 0; i < map->capacity; i++)
        if (map->slots[i].key.p != NULL)
            *find(&larger, map->slots[i].key, map->slots[i].hash) = map->slots[i];
    free(map->slots);
    *map = larger;
    return HR_OK;
}

static uint64_t hash_of(hr_str key) {
    return XXH3_64bits(key.p, key.len);
}

void **hr_strmap_at(hr_strmap *map, hr_str key) {
    if ((map->n + 1) * 4 > map->capacity * 3 && grow(map) != HR_OK)
        return NULL;
    if (key.p == NULL)
        key = HR_STR("");
    uint64_t hash = hash_of(key);
    hr_strmap_slot *slot = find(map, key, hash);
    if (slot->key.p == NULL) {
        *slot = (hr_strmap_slot){.key = key, .hash = hash};
        map->n++;
    }
    return &slot->value;
}

void *hr_strmap_get(const hr_strmap *map, hr_str key) {
    if (map->capacity == 0)
        return NULL;
    if (key.p == NULL)
        key = HR_STR("");
    return find(map, key, hash_of(key))->value;
}

const hr_str *hr_strmap_key(const hr_strmap *map, hr_str key) {
    if (map->capacity == 0)
        return NULL;
    const hr_strmap_slot *slot = find(map, key, hash_of(key));
    return slot->key.p == NULL ? NULL : &slot->key;
}

void hr_strmap_free(hr_strmap *map) {
    free(map->slots);
    *map = (hr_strmap){0};
}
