/* A hash map from strings to pointers: duplicate keys, anchors, names of resources. Keys are borrowed. */
#ifndef HR_STRMAP_H
#define HR_STRMAP_H

#include <headerroute/headerroute.h>

typedef struct hr_strmap_slot {
    hr_str key;
    uint64_t hash;
    void *value;
} hr_strmap_slot;

typedef struct hr_strmap { /* zeroed: empty */
    hr_strmap_slot *slots;
    size_t capacity, n; /* capacity is 0 or a power of two */
} hr_strmap;

/* The place of the key's value, made (and NULL at first) if the map had none. NULL: no memory. Valid
 * until the next call. */
void **hr_strmap_at(hr_strmap *map, hr_str key);
void *hr_strmap_get(const hr_strmap *map, hr_str key); /* NULL: none */
/* The key as it is held, NULL where there is none. */
const hr_str *hr_strmap_key(const hr_strmap *map, hr_str key);
void hr_strmap_free(hr_strmap *map);

#endif
