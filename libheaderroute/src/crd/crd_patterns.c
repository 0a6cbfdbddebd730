/* Compiles the regular expressions of schemas on first use and keeps them for one load. */
#include "crd_patterns.h"

#include "regex.h"

struct hr_crd_patterns {
    const hr_crd_table *table;
    hr_arena *arena;
    hr_regex **compiled; /* NULL: not yet */
};

static void free_patterns(void *ctx) {
    hr_crd_patterns *patterns = ctx;
    for (size_t i = 0; i < patterns->table->n_patterns; i++)
        hr_regex_free(patterns->compiled[i]);
}

hr_crd_patterns *hr_crd_patterns_new(hr_arena *arena, const hr_crd_table *table) {
    hr_crd_patterns *patterns = hr_arena_alloc(arena, sizeof(*patterns));
    hr_regex **compiled = hr_arena_array(arena, table->n_patterns, sizeof(hr_regex *));
    if (patterns == NULL || compiled == NULL)
        return NULL;
    *patterns = (hr_crd_patterns){table, arena, compiled};
    return hr_arena_on_free(arena, free_patterns, patterns) == HR_OK ? patterns : NULL;
}

const hr_crd_table *hr_crd_patterns_table(const hr_crd_patterns *patterns) {
    return patterns->table;
}

bool hr_crd_matches(hr_crd_patterns *patterns, size_t index, hr_str subject) {
    const hr_crd_table *t = patterns->table;
    hr_regex **regex = &patterns->compiled[index];
    int rc = HR_OK, matches = 1;
    if (*regex == NULL)
        rc = hr_regex_new(regex, NULL, hr_str_from(t->text[t->patterns[index]]), NULL, 0);
    if (rc == HR_OK)
        rc = hr_regex_test(&matches, *regex, subject);
    if (rc != HR_OK)
        hr_arena_fail(patterns->arena);
    return matches != 0;
}
