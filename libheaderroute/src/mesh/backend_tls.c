/* BackendTLSPolicies as DestinationRules: the TLS of one Service or of one of its ports. */
#include "backend_tls.h"

#include <stdlib.h>

#include "backend_tls_policy.h"
#include "destination_rule.h"
#include "map.h"
#include "resources.h"
#include "service.h"
#include "service_entry.h"
#include "text.h"

/* ---- targets ---- */

static bool is_target(const hr_spec_gwapi_reference *ref, const char *group, const char *kind) {
    return hr_str_eq_c(ref->group, group) && hr_str_eq_c(ref->kind, kind);
}

/* The names of a target, and its ports. */
typedef struct target {
    const hr_spec_port *ports;
    size_t n_ports;
    const hr_spec_service *service;
    const hr_spec_service_entry *entry;
} target;

static bool find_target(target *out, const hr_resources *r, const hr_spec_gwapi_reference *ref,
                        hr_str ns) {
    *out = (target){0};
    for (size_t i = 0; is_target(ref, "", "Service") && i < r->n_services; i++) {
        const hr_spec_service *s = &r->services[i];
        if (hr_str_eq(s->meta.name, ref->name) && hr_str_eq(s->meta.namespace_, ns))
            *out = (target){.ports = s->ports, .n_ports = s->n_ports, .service = s};
    }
    for (size_t i = 0;
         is_target(ref, "networking.istio.io", "ServiceEntry") && i < r->n_service_entries; i++) {
        const hr_spec_service_entry *e = &r->service_entries[i];
        if (hr_str_eq(e->meta.name, ref->name) && hr_str_eq(e->meta.namespace_, ns))
            *out = (target){.ports = e->ports, .n_ports = e->n_ports, .entry = e};
    }
    return out->service != NULL || out->entry != NULL;
}

static uint32_t port_of_section(const target *t, hr_str section) {
    for (size_t i = 0; i < t->n_ports; i++)
        if (hr_str_eq(t->ports[i].name, section))
            return t->ports[i].number;
    return 0;
}

static bool same_target(const hr_spec_gwapi_reference *a, const hr_spec_gwapi_reference *b) {
    return hr_str_eq(a->group, b->group) && hr_str_eq(a->kind, b->kind) &&
           hr_str_eq(a->name, b->name) && (a->section.p == NULL) == (b->section.p == NULL) &&
           hr_str_eq(a->section, b->section);
}

static bool is_older(const hr_meta *a, const hr_meta *b) {
    int64_t x = hr_creation_time(a->creation_timestamp),
            y = hr_creation_time(b->creation_timestamp);
    return x != y ? x < y : hr_str_cmp(a->name, b->name) < 0;
}

static const hr_spec_backend_tls_policy *older_with(const hr_resources *r,
                                                    const hr_spec_backend_tls_policy *policy,
                                                    const hr_spec_gwapi_reference *ref) {
    for (size_t i = 0; i < r->n_backend_tls_policies; i++) {
        const hr_spec_backend_tls_policy *other = &r->backend_tls_policies[i];
        if (other == policy || other->ignored || !is_older(&other->meta, &policy->meta) ||
            !hr_str_eq(other->meta.namespace_, policy->meta.namespace_))
            continue;
        for (size_t t = 0; t < other->n_targets; t++)
            if (same_target(&other->targets[t], ref))
                return other;
    }
    return NULL;
}

static hr_tls_target_state resolve_target(target *out, const hr_spec_backend_tls_policy **winner,
                                          const hr_resources *r,
                                          const hr_spec_backend_tls_policy *policy, size_t index) {
    const hr_spec_gwapi_reference *ref = &policy->targets[index];
    *winner = NULL;
    if (!is_target(ref, "", "Service") && !is_target(ref, "networking.istio.io", "ServiceEntry"))
        return HR_TLS_TARGET_KIND;
    if (!find_target(out, r, ref, policy->meta.namespace_))
        return HR_TLS_TARGET_NOT_FOUND;
    if (ref->section.len > 0 && port_of_section(out, ref->section) == 0)
        return HR_TLS_TARGET_NO_PORT;
    *winner = older_with(r, policy, ref);
    return *winner != NULL ? HR_TLS_TARGET_CONFLICTED : HR_TLS_TARGET_OK;
}

hr_tls_target_state hr_backend_tls_target(const hr_spec_backend_tls_policy **winner,
                                          const hr_resources *resources,
                                          const hr_spec_backend_tls_policy *policy, size_t index) {
    target found;
    return resolve_target(&found, winner, resources, policy, index);
}

/* ---- authorities ---- */

static bool is_config_map(const hr_spec_gwapi_reference *ref) {
    return is_target(ref, "", "ConfigMap");
}

bool hr_backend_tls_has_ca(const hr_spec_backend_tls_policy *policy) {
    return policy->well_known.p != NULL || policy->n_ca_certificates == 0 ||
           is_config_map(&policy->ca_certificates[0]);
}

static hr_str credential_of(hr_arena *arena, const hr_spec_backend_tls_policy *policy) {
    if (policy->well_known.p != NULL || policy->n_ca_certificates == 0)
        return (hr_str){0};
    if (!hr_backend_tls_has_ca(policy))
        return HR_STR(HR_CREDENTIAL_INVALID);
    hr_str ns = policy->meta.namespace_, name = policy->ca_certificates[0].name;
    return hr_arena_printf(arena, HR_CREDENTIAL_CONFIG_MAP "%.*s/%.*s", (int)ns.len, ns.p,
                           (int)name.len, name.p);
}

/* ---- rules ---- */

typedef struct rule_list {
    hr_arena *arena;
    HR_LIST(hr_spec_destination_rule) rules;
    hr_map places; /* "namespace kind/name host" -> its number + 1 */
} rule_list;

/* The rule for a host of a target: all policies with this target share it. */
static hr_spec_destination_rule *rule_of(rule_list *l, const hr_spec_backend_tls_policy *policy,
                                         const hr_spec_gwapi_reference *ref, hr_str host) {
    hr_str ns = policy->meta.namespace_;
    void **place = hr_map_at(l->arena, &l->places,
                             hr_arena_printf(l->arena, "%.*s %.*s/%.*s %.*s", (int)ns.len, ns.p,
                                             (int)ref->kind.len, ref->kind.p, (int)ref->name.len,
                                             ref->name.p, (int)host.len, host.p));
    if (*place == NULL) {
        hr_spec_destination_rule rule = {.meta = policy->meta,
                                         .host = host,
                                         .of_backend_policy = true,
                                         .pos = policy->pos,
                                         .host_pos = policy->pos};
        rule.meta.creation_timestamp = (hr_str){0};
        rule.policy.present = true;
        HR_PUSH(l->arena, &l->rules, rule);
        *place = (void *)(uintptr_t)l->rules.n;
    }
    size_t number = (uintptr_t)*place;
    return hr_arena_failed(l->arena) || number == 0 ? NULL : &l->rules.v[number - 1];
}

static void add_port_tls(hr_arena *arena, hr_spec_traffic_policy *policy, uint32_t port,
                         const hr_spec_client_tls *tls) {
    for (size_t i = 0; i < policy->n_port_level; i++)
        if (policy->port_level[i].port == port)
            return;
    hr_spec_port_policy *grown = HR_ARRAY(arena, hr_spec_port_policy, policy->n_port_level + 1);
    if (grown == NULL)
        return;
    for (size_t i = 0; i < policy->n_port_level; i++)
        grown[i] = policy->port_level[i];
    grown[policy->n_port_level] = (hr_spec_port_policy){
        .has_port = true, .port = port, .policy = {.present = true, .tls = *tls}};
    policy->port_level = grown;
    policy->n_port_level++;
}

static void add_target(rule_list *l, const hr_spec_backend_tls_policy *policy, size_t index,
                       const target *to, hr_str domain) {
    const hr_spec_gwapi_reference *ref = &policy->targets[index];
    const hr_spec_client_tls tls = {.present = true,
                                    .mode = HR_TLS_SIMPLE,
                                    .sni = policy->hostname,
                                    .credential_name = credential_of(l->arena, policy),
                                    .subject_alt_names = policy->subject_names,
                                    .insecure_skip_verify = -1,
                                    .pos = policy->pos};
    hr_str ns = policy->meta.namespace_;
    hr_str own = hr_arena_printf(l->arena, "%.*s.%.*s.svc.%.*s", (int)ref->name.len, ref->name.p,
                                 (int)ns.len, ns.p, (int)domain.len, domain.p);
    size_t n = to->entry == NULL ? 1 : to->entry->hosts.n;
    for (size_t i = 0; i < n; i++) {
        hr_spec_destination_rule *rule =
            rule_of(l, policy, ref, to->entry == NULL ? own : to->entry->hosts.v[i]);
        if (rule == NULL)
            return;
        if (ref->section.len > 0)
            add_port_tls(l->arena, &rule->policy, port_of_section(to, ref->section), &tls);
        else if (!rule->policy.tls.present)
            rule->policy.tls = tls;
    }
}

/* Oldest first, then by namespace and name. */
static int policies_by_age(const void *a, const void *b) {
    const hr_meta *x = &(*(const hr_spec_backend_tls_policy *const *)a)->meta,
                  *y = &(*(const hr_spec_backend_tls_policy *const *)b)->meta;
    int64_t s = hr_creation_time(x->creation_timestamp),
            t = hr_creation_time(y->creation_timestamp);
    if (s != t)
        return s < t ? -1 : 1;
    int c = hr_str_cmp(x->namespace_, y->namespace_);
    return c != 0 ? c : hr_str_cmp(x->name, y->name);
}

hr_spec_destination_rule *hr_backend_tls_rules(size_t *n, hr_arena *arena,
                                               const hr_resources *resources, hr_str domain) {
    rule_list l = {.arena = arena};
    size_t n_policies = resources->n_backend_tls_policies;
    const hr_spec_backend_tls_policy **sorted =
        HR_ARRAY(arena, const hr_spec_backend_tls_policy *, n_policies);
    *n = 0;
    if (n_policies == 0 || sorted == NULL)
        return NULL;
    for (size_t i = 0; i < n_policies; i++)
        sorted[i] = &resources->backend_tls_policies[i];
    qsort(sorted, n_policies, sizeof(*sorted), policies_by_age);
    for (size_t i = 0; i < n_policies; i++)
        for (size_t t = 0; !sorted[i]->ignored && t < sorted[i]->n_targets; t++) {
            target found;
            const hr_spec_backend_tls_policy *winner;
            if (resolve_target(&found, &winner, resources, sorted[i], t) == HR_TLS_TARGET_OK &&
                !hr_arena_failed(arena))
                add_target(&l, sorted[i], t, &found, domain);
        }
    *n = hr_arena_failed(arena) ? 0 : l.rules.n;
    return *n == 0 ? NULL : l.rules.v;
}
