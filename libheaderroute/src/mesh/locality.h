/* A locality as text, region/zone/subzone, and in its parts. */
#ifndef HR_LOCALITY_H
#define HR_LOCALITY_H

#include "arena.h"

typedef struct hr_locality {
    hr_str region, zone, subzone; /* absent where the text is shorter */
} hr_locality;

/* Of "region/zone/subzone"; what follows a third slash is passed over. */
hr_locality hr_locality_split(hr_str text);

/* What the labels of a pod or workload state, absent where they do not. Istio's labels for a
 * locality have dots where the locality has slashes, since labels take no slash. */
hr_str hr_locality_stated(hr_arena *arena, const hr_pair *labels, size_t n);

/* The value of a label, absent if there is none. */
hr_str hr_label_value(const hr_pair *labels, size_t n, hr_str name);

#endif
