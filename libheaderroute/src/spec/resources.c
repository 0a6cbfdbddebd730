/* The resources of one load, and the checks across them. */
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

int hr_resources_validate(const hr_resources *resources, hr_diagnostics *d) {
    for (size_t i = 0; i < resources->n_virtual_services; i++)
        hr_check_annotations(d, &resources->virtual_services[i].meta);
    for (size_t i = 0; i < resources->n_destination_rules; i++)
        hr_check_annotations(d, &resources->destination_rules[i].meta);
    for (size_t i = 0; i < resources->n_gateways; i++)
        hr_check_annotations(d, &resources->gateways[i].meta);
    for (size_t i = 0; i < resources->n_service_entries; i++)
        hr_check_annotations(d, &resources->service_entries[i].meta);
    for (size_t i = 0; i < resources->n_workload_entries; i++)
        hr_check_annotations(d, &resources->workload_entries[i].meta);
    return hr_diagnostics_oom(d) ? HR_ENOMEM : HR_OK;
}
