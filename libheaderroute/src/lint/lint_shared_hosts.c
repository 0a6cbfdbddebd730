/*
 * Finds VirtualServices that sidecars ignore, because another one has the same host: of each host a
 * sidecar uses the first VirtualService that has rules for it, and does not merge the others.
 */
#include "lint_shared_hosts.h"

#include "diag.h"
#include "host_names.h"
#include "http_match.h"
#include "http_route.h"
#include "lint_callers.h"
#include "text.h"
#include "virtual_service.h"

/* Of one host more VirtualServices than this are not compared. */
#define MOST_COMPARED 100

typedef struct claim_of_host {
    const hr_mesh_virtual_service *vs;
    size_t host; /* in its list */
} claim_of_host;

typedef struct claims {
    HR_LIST(claim_of_host) list; /* oldest first */
} claims;

/* Every sidecar that sees the match keeps it. */
static bool always_kept(const hr_match_request *m) {
    if (m->port != 0)
        return false;
    for (size_t i = 0; i < m->gateways.n; i++)
        if (hr_str_eq_c(m->gateways.v[i], "mesh"))
            return true;
    return m->gateways.n == 0 && m->n_source_labels == 0 && m->source_namespace.len == 0;
}

/* Every sidecar has rules of it: else the next VirtualService of the host is used. */
static bool always_has_rules(const hr_mesh_virtual_service *vs) {
    for (size_t i = 0; i < vs->n_http; i++) {
        const hr_spec_http_route *http = vs->http[i].http;
        if (http->n_match == 0)
            return true;
        for (size_t m = 0; m < http->n_match; m++)
            if (always_kept(&http->match[m]))
                return true;
    }
    return false;
}

static bool in_registry(hr_linter *l, hr_str host) {
    return hr_map_get(&l->table->registry.by_host, hr_arena_lower(l->arena, host)) != NULL;
}

/* A host outside the registry gets rules on port 80, and on each port where a Service of the same
 * VirtualService has one. */
static bool on_port_80_alone(hr_linter *l, const hr_mesh_virtual_service *vs) {
    for (size_t i = 0; i < vs->n_hosts; i++)
        if (in_registry(l, vs->hosts[i]) || (hr_host_is_wild(vs->hosts[i]) && vs->n_hosts > 1))
            return false;
    return true;
}

/* Whether sidecars of `namespace_` take `a` before `b`; absent: of any namespace. Both are in the
 * order of their age. */
static bool comes_first(const claim_of_host *a, const claim_of_host *b, hr_str namespace_) {
    if (namespace_.p == NULL)
        return a->vs->public_ && b->vs->public_ && a->vs < b->vs;
    hr_vs_bucket x = hr_virtual_service_bucket(a->vs, namespace_),
                 y = hr_virtual_service_bucket(b->vs, namespace_);
    return x != HR_VS_HIDDEN && (x < y || (x == y && a->vs < b->vs));
}

static const hr_mesh_virtual_service *first_of_host(const claims *all, const claim_of_host *b,
                                                    hr_str namespace_) {
    for (size_t i = 0; i < all->list.n && i < MOST_COMPARED; i++) {
        const claim_of_host *a = &all->list.v[i];
        if (a->vs != b->vs && comes_first(a, b, namespace_) && always_has_rules(a->vs))
            return a->vs;
    }
    return NULL;
}

/* The VirtualService that every sidecar which sees `b` uses instead of it; NULL: none. */
static const hr_mesh_virtual_service *used_instead(const claims *all, const claim_of_host *b) {
    const hr_mesh_virtual_service *first = NULL;
    if (b->vs->public_)
        return first_of_host(all, b, (hr_str){0});
    for (size_t i = 0; i < b->vs->n_export_to; i++) {
        first = first_of_host(all, b, b->vs->export_to[i]);
        if (first == NULL)
            return NULL;
    }
    return first;
}

static void lint_claim(hr_linter *l, const claims *all, const claim_of_host *claim) {
    const hr_mesh_virtual_service *vs = claim->vs;
    hr_str host = vs->hosts[claim->host];
    const hr_mesh_virtual_service *first = used_instead(all, claim);
    if (first == NULL || (!in_registry(l, host) && !on_port_80_alone(l, vs)))
        return;
    hr_diag_note(l->d, vs->resource->hosts.pos, "host-taken",
                 HR_LINT_FIELD(l, "spec.hosts[%zu]", claim->host),
                 "sidecars ignore these rules for %.*s: the VirtualService %s has the same host "
                 "and comes first (by age, then by name); put the rules into one VirtualService",
                 HR_LINT_STR(host), hr_lint_name(l, &first->resource->meta, first->resource->pos));
}

void hr_lint_shared_hosts(hr_linter *l) {
    hr_map by_host = {0};
    HR_LIST(claims *) shared = {0};
    for (size_t i = 0; i < l->table->n_virtual_services && !hr_arena_failed(l->arena); i++) {
        const hr_mesh_virtual_service *vs = &l->table->virtual_services[i];
        bool in_mesh = vs->n_http > 0 && hr_lint_bound_to(vs, HR_STR("mesh"));
        for (size_t h = 0; in_mesh && h < vs->n_hosts; h++) {
            void **place = hr_map_at(l->arena, &by_host, hr_arena_lower(l->arena, vs->hosts[h]));
            if (*place == NULL)
                *place = HR_NEW(l->arena, claims);
            claims *all = *place;
            claim_of_host claim = {vs, h};
            HR_PUSH(l->arena, &all->list, claim);
            if (all->list.n == 2)
                HR_PUSH(l->arena, &shared, all);
        }
    }
    for (size_t i = 0; i < shared.n && !hr_arena_failed(l->arena); i++)
        for (size_t c = 0; c < shared.v[i]->list.n && !hr_arena_failed(l->arena); c++)
            lint_claim(l, shared.v[i], &shared.v[i]->list.v[c]);
}
