/* The regular expressions of one table of schemas, each compiled when it is first used. */
#ifndef HR_CRD_PATTERNS_H
#define HR_CRD_PATTERNS_H

#include <stdbool.h>

#include "arena.h"
#include "crd_schema.h"

typedef struct hr_crd_patterns hr_crd_patterns;

/* Freed with the arena. Returns NULL if an allocation fails. */
hr_crd_patterns *hr_crd_patterns_new(hr_arena *arena, const hr_crd_table *table);
const hr_crd_table *hr_crd_patterns_table(const hr_crd_patterns *patterns);
/* Whether the subject matches the pattern with this index. If an allocation fails, the arena is
 * marked as failed. */
bool hr_crd_matches(hr_crd_patterns *patterns, size_t index, hr_str subject);

#endif
