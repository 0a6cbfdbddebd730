/* Warnings about resources that Istio accepts but that are probably mistakes. */
#ifndef HR_LINT_H
#define HR_LINT_H

#include "view_build.h"

/* Adds the warnings about the resources of `table` to `d`. HR_OK or HR_ENOMEM. */
int hr_table_lint(hr_table *table, hr_diagnostics *d);

/* A proxy as the linter takes it: the sidecars of a namespace, or the pods of a Gateway in the
 * Gateway's namespace, as `route` does. */
typedef struct hr_lint_caller {
    hr_view_build vb;
    const hr_mesh_gateway *gateway;     /* NULL: sidecars */
    hr_mesh_virtual_service_list bound; /* of a Gateway, in the order of its view */
} hr_lint_caller;

typedef struct hr_linter {
    hr_table *table;
    const hr_resources *resources;
    hr_diagnostics *d;
    hr_arena *arena;
    hr_lint_caller *gateways; /* one for each Gateway of the table */
    hr_map gateways_by_id;    /* -> hr_lint_caller */
    hr_lint_caller *sidecars; /* one for each namespace that calls others */
    size_t n_sidecars;
    hr_map sidecars_by_namespace; /* -> hr_lint_caller */
} hr_linter;

/* ---- lint_callers.c ---- */

void hr_lint_callers(hr_linter *l);
/* Whether the VirtualService names the Gateway, or "mesh". */
bool hr_lint_bound_to(const hr_mesh_virtual_service *vs, hr_str gateway);
bool hr_lint_selects(const hr_spec_gateway *gateway, const hr_spec_workload *pod);
/* Whether a pod of the Gateway sees the VirtualService. Where none is loaded, they are taken to run
 * in the Gateway's namespace. */
bool hr_lint_seen_by(hr_linter *l, const hr_mesh_gateway *gateway,
                     const hr_mesh_virtual_service *vs);

/* ---- lint_cover.c: rules that an earlier rule of the same VirtualService leaves nothing to ----
 */

void hr_lint_unreachable(hr_linter *l, const hr_spec_virtual_service *vs);
/* Returns 1 if every request that matches `later` matches `earlier`, too. NULL: no conditions. */
int hr_match_covers(hr_linter *l, const hr_match_request *earlier, const hr_match_request *later);

/* ---- lint_names.c: hosts, ports, subsets, Gateways and delegates that lead nowhere ---- */

void hr_lint_names(hr_linter *l);

/* ---- lint_shared_hosts.c: VirtualServices whose host sidecars take from another one ---- */

void hr_lint_shared_hosts(hr_linter *l);

/* ---- lint_destinations.c: destinations that a caller's look-up does not find ---- */

void hr_lint_destinations(hr_linter *l);

/* ---- lint_gateway_hosts.c: hosts of VirtualServices and Gateways that do not meet ---- */

void hr_lint_gateway_hosts(hr_linter *l);

/* ---- lint_delegates.c: rules of delegates, as they are merged ---- */

void hr_lint_delegates(hr_linter *l);

/* ---- lint_policies.c: policies that do not go together ---- */

void hr_lint_policies(hr_linter *l);

/* ---- lint_unused.c: rules that no proxy applies, ports that no Service leads to ---- */

void hr_lint_unused(hr_linter *l);

/* ---- lint_gateway_servers.c: servers that Istio drops, because another one has their port ---- */

void hr_lint_gateway_servers(hr_linter *l);

/* ---- lint_gateway_order.c: rules that a rule of another VirtualService leaves nothing to ---- */

void hr_lint_gateway_order(hr_linter *l);

/* ---- lint_cover.c, for rules of several VirtualServices ---- */

typedef struct hr_cover_rules hr_cover_rules;
hr_cover_rules *hr_cover_rules_new(hr_linter *l);
/* Adds a rule; `match` may be NULL: no conditions. `what` comes back when it covers another. */
void hr_cover_rules_add(hr_cover_rules *rules, const hr_match_request *match, size_t order,
                        const void *what);
/* The `what` of the first rule that covers `later`, or NULL. */
const void *hr_cover_rules_find(hr_cover_rules *rules, const hr_match_request *later);

/* "ns/name (file:line)" of a resource. */
const char *hr_lint_name(hr_linter *l, const hr_meta *meta, hr_pos pos);
/* The arguments of "%.*s". */
#define HR_LINT_STR(s) (int)(s).len, (s).p == NULL ? "" : (s).p

/* The subject of a warning: "spec.http[2].route[0]" and so on, built in the linter's arena. */
#define HR_LINT_FIELD(l, ...) hr_lint_text(hr_arena_printf((l)->arena, __VA_ARGS__))

/* A text of the linter's arena as a C string; "" if the arena has failed. */
static inline const char *hr_lint_text(hr_str s) {
    return s.p == NULL ? "" : s.p;
}

#endif
