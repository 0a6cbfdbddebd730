/* Loads YAML into a table: reads, validates, builds, then lints. */
#include <stdlib.h>

#include "diag.h"
#include "documents.h"
#include "kinds.h"
#include "lint.h"
#include "load_limits.h"
#include "table.h"
#include "table_build.h"

static int read_and_check(hr_resources **out, hr_arena *arena, hr_diagnostics *d,
                          const hr_source *sources, size_t n, const hr_load_options *options) {
    int error = hr_resources_read(out, arena, d, sources, n, options);
    if (error != HR_OK)
        return error;
    error = hr_resources_validate(*out, d);
    if (error != HR_OK)
        return error;
    return hr_diagnostics_oom(d) ? HR_ENOMEM : HR_OK;
}

/* A table that is refused is built for the linter alone. */
static int build_and_lint(hr_table **out, hr_arena *arena, hr_resources *resources,
                          hr_diagnostics *d, const hr_load_options *options) {
    bool refused = hr_diagnostics_errors(d) > 0;
    int error = hr_table_build(out, arena, resources, options);
    if (error == HR_OK && options->lint)
        error = hr_table_lint(*out, d);
    if (error == HR_OK && refused)
        error = HR_ECONFIG;
    if (error == HR_OK)
        return HR_OK;
    hr_table_unref(*out);
    *out = NULL;
    return error;
}

static int load(hr_table **out, hr_diagnostics *d, const hr_source *sources, size_t n,
                const hr_load_options *options) {
    hr_arena *arena = hr_arena_new();
    if (arena == NULL)
        return HR_ENOMEM;
    hr_resources *resources = NULL;
    int error = read_and_check(&resources, arena, d, sources, n, options);
    size_t errors = hr_diagnostics_errors(d);
    /* Resources given twice leave the lists intact: what else there is to find is found. */
    if (error == HR_OK && errors > 0 && (!options->lint || errors != resources->n_repeated))
        error = HR_ECONFIG;
    if (error != HR_OK) {
        hr_arena_free(arena);
        return error;
    }
    return build_and_lint(out, arena, resources, d, options);
}

int hr_table_load(hr_table **out, hr_diagnostics **diagnostics, const hr_source *sources, size_t n,
                  const hr_load_options *options) {
    static const hr_load_options defaults = HR_LOAD_OPTIONS_INIT;
    if (out != NULL)
        *out = NULL;
    if (diagnostics != NULL)
        *diagnostics = NULL;
    if (options == NULL)
        options = &defaults;
    if (out == NULL || (sources == NULL && n > 0) || !hr_load_options_known(options))
        return HR_EINVAL;
    hr_diagnostics *d = hr_diagnostics_new();
    if (d == NULL)
        return HR_ENOMEM;
    int error = load(out, d, sources, n, options);
    if (diagnostics != NULL)
        *diagnostics = d;
    else
        hr_diagnostics_free(d);
    return error;
}

int hr_table_load_paths(hr_table **out, hr_diagnostics **diagnostics, const char *const *paths,
                        size_t n, const hr_load_options *options) {
    if (out != NULL)
        *out = NULL;
    if (diagnostics != NULL)
        *diagnostics = NULL;
    if (out == NULL || (paths == NULL && n > 0))
        return HR_EINVAL;
    hr_source *sources = calloc(n == 0 ? 1 : n, sizeof(*sources));
    if (sources == NULL)
        return HR_ENOMEM;
    for (size_t i = 0; i < n; i++)
        sources[i].path = paths[i];
    int error = hr_table_load(out, diagnostics, sources, n, options);
    free(sources);
    return error;
}
