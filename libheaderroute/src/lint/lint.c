/* Warns about rules that Istio accepts but that are probably a mistake. */
#include "lint.h"

#include "diag.h"
#include "http_route.h"
#include "lint_callers.h"
#include "lint_cover.h"
#include "lint_delegates.h"
#include "lint_destinations.h"
#include "lint_exact.h"
#include "lint_gateway_hosts.h"
#include "lint_gateway_order.h"
#include "lint_gateway_servers.h"
#include "lint_gwapi.h"
#include "lint_names.h"
#include "lint_policies.h"
#include "lint_secrets.h"
#include "lint_shared_hosts.h"
#include "lint_unused.h"
#include "linter.h"
#include "meta.h"
#include "resources.h"
#include "text.h"
#include "virtual_service.h"

/* ---- a route by itself ---- */

static void lint_weights(hr_linter *l, const hr_spec_http_route *route, size_t index) {
    int64_t total = 0;
    for (size_t i = 0; i < route->n_route; i++)
        total += route->route[i].weight;
    if (route->n_route < 2 || total == 0)
        return;
    if (total != 100)
        hr_diag_note(l->d, route->route[0].pos, "weights-not-100",
                     HR_LINT_FIELD(l, "spec.http[%zu].route", index),
                     "the weights add up to %lld, not 100: each destination gets its share of %lld",
                     (long long)total, (long long)total);
    for (size_t i = 0; i < route->n_route; i++)
        if (!route->route[i].has_weight)
            hr_diag_note(l->d, route->route[i].pos, "weight-missing",
                         HR_LINT_FIELD(l, "spec.http[%zu].route[%zu]", index, i),
                         "has no weight and receives no requests");
}

static void lint_fault(hr_linter *l, const hr_spec_http_route *route, size_t index) {
    const hr_spec_fault *fault = route->fault;
    if (fault == NULL)
        return;
    if (fault->has_delay && fault->delay_percentage < 0 && fault->delay_percent == 0)
        hr_diag_note(l->d, fault->delay_pos, "fault-never-fires",
                     HR_LINT_FIELD(l, "spec.http[%zu].fault.delay", index),
                     "has no effect without a percentage");
    if (fault->has_abort && fault->abort_percentage < 0)
        hr_diag_note(l->d, fault->abort_pos, "fault-never-fires",
                     HR_LINT_FIELD(l, "spec.http[%zu].fault.abort", index),
                     "has no effect without a percentage");
}

static void lint_one_route(hr_linter *l, const hr_spec_http_route *route, size_t index) {
    lint_weights(l, route, index);
    lint_fault(l, route, index);
    const hr_spec_retries *retries = route->retries;
    bool has_others =
        retries != NULL && (retries->backoff_ns >= 0 || retries->retry_ignore_previous_hosts >= 0);
    if (has_others && !retries->has_attempts) /* `retries: {}` is how generators disable them */
        hr_diag_note(l->d, retries->pos, "retries-off",
                     HR_LINT_FIELD(l, "spec.http[%zu].retries", index),
                     "disables retries, because attempts is missing");
}

/* ---- all ---- */

static int lint_all(hr_linter *l) {
    hr_lint_callers(l);
    for (size_t i = 0; i < l->resources->n_virtual_services && !hr_arena_failed(l->arena); i++) {
        const hr_spec_virtual_service *vs = &l->resources->virtual_services[i];
        hr_lint_unreachable(l, vs);
        for (size_t h = 0; h < vs->n_http; h++)
            lint_one_route(l, &vs->http[h], h);
    }
    static void (*const parts[])(hr_linter *) = {
        hr_lint_names,           hr_lint_destinations,  hr_lint_shared_hosts, hr_lint_gateway_hosts,
        hr_lint_gateway_servers, hr_lint_gateway_order, hr_lint_policies,     hr_lint_unused,
        hr_lint_delegates,       hr_lint_gwapi,         hr_lint_secrets};
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]) && !hr_arena_failed(l->arena); i++)
        parts[i](l);
    return hr_lint_exact(l);
}

int hr_table_lint(hr_table *table, hr_diagnostics *d) {
    hr_linter linter = {
        .table = table, .resources = table->resources, .d = d, .arena = hr_arena_new()};
    if (linter.arena == NULL)
        return HR_ENOMEM;
    bool failed = lint_all(&linter) != HR_OK;
    failed = failed || hr_arena_failed(linter.arena) || hr_diagnostics_oom(d);
    hr_arena_free(linter.arena);
    hr_diagnostics_sort(d);
    return failed ? HR_ENOMEM : HR_OK;
}
