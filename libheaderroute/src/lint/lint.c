/* Warns about rules that Istio accepts but that are probably a mistake. */
#include "lint.h"

#include "diag.h"
#include "registry_build.h"
#include "text.h"

/* ---- a route by itself ---- */

static void lint_weights(hr_linter *l, const hr_spec_http_route *route, size_t index) {
    int64_t total = 0;
    for (size_t i = 0; i < route->n_route; i++)
        total += route->route[i].weight;
    if (route->n_route < 2 || total == 0)
        return;
    if (total != 100)
        hr_diag_warn(l->d, route->route[0].pos, HR_LINT_FIELD(l, "spec.http[%zu].route", index),
                     "the weights add up to %lld, not 100: each destination gets its share of %lld",
                     (long long)total, (long long)total);
    for (size_t i = 0; i < route->n_route; i++)
        if (route->route[i].weight == 0)
            hr_diag_warn(l->d, route->route[i].pos,
                         HR_LINT_FIELD(l, "spec.http[%zu].route[%zu]", index, i),
                         "has no weight and receives no requests");
}

static void lint_fault(hr_linter *l, const hr_spec_http_route *route, size_t index) {
    const hr_spec_fault *fault = route->fault;
    if (fault == NULL)
        return;
    if (fault->has_delay && fault->delay_percentage < 0 && fault->delay_percent == 0)
        hr_diag_warn(l->d, fault->delay_pos, HR_LINT_FIELD(l, "spec.http[%zu].fault.delay", index),
                     "has no effect without a percentage");
    if (fault->has_abort && fault->abort_percentage < 0)
        hr_diag_warn(l->d, fault->abort_pos, HR_LINT_FIELD(l, "spec.http[%zu].fault.abort", index),
                     "has no effect without a percentage");
}

static void lint_one_route(hr_linter *l, const hr_spec_http_route *route, size_t index) {
    lint_weights(l, route, index);
    lint_fault(l, route, index);
    if (route->retries != NULL && route->retries->attempts == 0)
        hr_diag_warn(l->d, route->retries->pos, HR_LINT_FIELD(l, "spec.http[%zu].retries", index),
                     "disables retries, because attempts is missing");
}

/* ---- all ---- */

static void lint_all(hr_linter *l) {
    hr_registry_build(l->arena, &l->registry, l->resources, l->domain);
    for (size_t i = 0; i < l->resources->n_virtual_services && !hr_arena_failed(l->arena); i++) {
        const hr_spec_virtual_service *vs = &l->resources->virtual_services[i];
        hr_lint_unreachable(l, vs);
        for (size_t h = 0; h < vs->n_http; h++)
            lint_one_route(l, &vs->http[h], h);
    }
    if (!hr_arena_failed(l->arena))
        hr_lint_names(l);
}

int hr_resources_lint(const hr_resources *resources, hr_diagnostics *d,
                      const hr_load_options *options) {
    const char *domain =
        options == NULL || options->domain == NULL ? "cluster.local" : options->domain;
    hr_linter linter = {
        .resources = resources, .d = d, .arena = hr_arena_new(), .domain = hr_str_from(domain)};
    if (linter.arena == NULL)
        return HR_ENOMEM;
    lint_all(&linter);
    bool failed = hr_arena_failed(linter.arena) || hr_diagnostics_oom(d);
    hr_arena_free(linter.arena);
    hr_diagnostics_sort(d);
    return failed ? HR_ENOMEM : HR_OK;
}
