/* Makes and frees the lists of a load. */
#include "resources.h"

#include "regex.h"

static void free_regexes(void *ctx) {
    hr_resources *r = ctx;
    for (size_t i = 0; i < r->regexes.capacity; i++)
        hr_regex_free(r->regexes.slots[i].value);
    hr_regex_tails_free(r->regex_tails);
}

hr_resources *hr_resources_new(hr_arena *arena) {
    hr_resources *resources = hr_arena_alloc(arena, sizeof(*resources));
    if (resources == NULL || hr_arena_on_free(arena, free_regexes, resources) != HR_OK ||
        hr_regex_tails_new(&resources->regex_tails) != HR_OK)
        return NULL;
    return resources;
}
