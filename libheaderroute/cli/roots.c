#include "roots.h"

#include "diag.h"
#include "documents.h"
#include "table.h"
#include "text.h"

/* Rules with a delegate answer instead. false: out of memory. */
static bool answer_at_roots(hr_resources *resources, hr_arena *arena) {
    hr_spec_direct_response *answer = hr_arena_array(arena, 1, sizeof(*answer));
    if (answer == NULL)
        return false;
    answer->status = 200;
    for (size_t i = 0; i < resources->n_virtual_services; i++) {
        hr_spec_virtual_service *vs = &resources->virtual_services[i];
        for (size_t h = 0; h < vs->n_http; h++)
            if (vs->http[h].has_delegate) {
                vs->http[h].has_delegate = false;
                vs->http[h].direct_response = answer;
            }
    }
    return true;
}

static hr_table *load(const hr_source *sources, size_t n, hr_arena *arena, hr_diagnostics *d) {
    static const hr_load_options options = HR_LOAD_OPTIONS_INIT;
    hr_resources *resources = NULL;
    hr_table *table = NULL;
    int error = hr_resources_read(&resources, arena, d, sources, n, &options);
    if (error == HR_OK)
        error = hr_resources_validate(resources, d);
    if (error != HR_OK || hr_diagnostics_errors(d) > 0 || !answer_at_roots(resources, arena)) {
        hr_arena_free(arena);
        return NULL;
    }
    return hr_table_build(&table, arena, resources, &options) == HR_OK ? table : NULL;
}

hr_table *cli_roots_load(const hr_source *sources, size_t n) {
    hr_arena *arena = hr_arena_new();
    hr_diagnostics *d = hr_diagnostics_new();
    hr_table *table = NULL;
    if (arena != NULL && d != NULL)
        table = load(sources, n, arena, d);
    else if (arena != NULL)
        hr_arena_free(arena);
    if (table == NULL)
        cli_print_diagnostics(stderr, d);
    hr_diagnostics_free(d);
    return table;
}

bool cli_delegate_takes_part(const hr_table *table, hr_str id, int32_t index) {
    for (size_t i = 0; i < table->n_virtual_services; i++) {
        const hr_mesh_virtual_service *vs = &table->virtual_services[i];
        for (size_t h = 0; hr_str_eq(vs->id, id) && h < vs->n_http; h++)
            if (vs->http[h].root_index == index)
                return true;
    }
    return false;
}

bool cli_is_loaded(const hr_table *table, hr_str namespace_, hr_str name) {
    const hr_resources *r = table->resources;
    for (size_t i = 0; i < r->n_virtual_services; i++)
        if (hr_str_eq(r->virtual_services[i].meta.namespace_, namespace_) &&
            hr_str_eq(r->virtual_services[i].meta.name, name))
            return true;
    return false;
}
