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

/* A Service or ServiceEntry that a policy names, and what all policies with it make of it: each
 * host of a ServiceEntry gets the same. */
typedef struct target {
    const hr_spec_port *ports; /* NULL with both below: it is not loaded */
    size_t n_ports;
    const hr_spec_service *service;
    const hr_spec_service_entry *entry;
    hr_map ports_by_name; /* -> hr_spec_port */

    const hr_spec_backend_tls_policy *first; /* NULL: none has an effect */
    const hr_spec_gwapi_reference *ref;
    hr_spec_traffic_policy policy;
    size_t port_capacity;
    hr_map ports_set; /* by the octets of the number */
} target;

/* What becomes of one of targetRefs. */
typedef struct tls_result {
    hr_tls_target_state state;
    target *to; /* NULL of KIND */
    const hr_spec_backend_tls_policy *winner;
} tls_result;

struct hr_backend_tls {
    const hr_resources *resources;
    const hr_spec_backend_tls_policy **by_age; /* oldest first, then by namespace and name */
    tls_result **results;                      /* of each policy, in the order of the resources */
    HR_LIST(target *) targets;
    hr_map targets_by_name; /* as name_of_target */
    hr_map winners;         /* name_of_target and section -> hr_spec_backend_tls_policy */
};

static bool is_target(const hr_spec_gwapi_reference *ref, const char *group, const char *kind) {
    return hr_str_eq_c(ref->group, group) && hr_str_eq_c(ref->kind, kind);
}

/* The length keeps a name with a slash from being taken for another. */
static hr_str name_of_target(hr_arena *arena, bool service, hr_str ns, hr_str name) {
    return hr_arena_printf(arena, "%c %zu %.*s/%.*s", service ? 's' : 'e', ns.len, (int)ns.len,
                           ns.p, (int)name.len, name.p);
}

static target *named_target(hr_arena *arena, hr_backend_tls *b, hr_str key) {
    void **place = hr_map_at(arena, &b->targets_by_name, key);
    if (*place == NULL) {
        target *made = HR_NEW(arena, target);
        *place = made;
        HR_PUSH(arena, &b->targets, made);
    }
    return hr_arena_failed(arena) ? NULL : *place;
}

static void map_ports(hr_arena *arena, target *t) {
    for (size_t i = 0; i < t->n_ports && !hr_arena_failed(arena); i++)
        if (t->ports[i].name.len > 0)
            hr_map_add(arena, &t->ports_by_name, t->ports[i].name, &t->ports[i]);
}

/* Finds the targets that policies name among the resources. */
static void find_targets(hr_arena *arena, hr_backend_tls *b) {
    const hr_resources *r = b->resources;
    for (size_t i = 0; i < r->n_services && !hr_arena_failed(arena); i++) {
        const hr_spec_service *s = &r->services[i];
        target *t = hr_map_get(&b->targets_by_name,
                               name_of_target(arena, true, s->meta.namespace_, s->meta.name));
        if (t != NULL) {
            t->ports = s->ports;
            t->n_ports = s->n_ports;
            t->service = s;
        }
    }
    for (size_t i = 0; i < r->n_service_entries && !hr_arena_failed(arena); i++) {
        const hr_spec_service_entry *e = &r->service_entries[i];
        target *t = hr_map_get(&b->targets_by_name,
                               name_of_target(arena, false, e->meta.namespace_, e->meta.name));
        if (t != NULL) {
            t->ports = e->ports;
            t->n_ports = e->n_ports;
            t->entry = e;
        }
    }
    for (size_t i = 0; i < b->targets.n; i++)
        map_ports(arena, b->targets.v[i]);
}

static const hr_spec_port *port_of_section(const target *t, hr_str section) {
    return hr_map_get(&t->ports_by_name, section);
}

static bool is_older(const hr_meta *a, const hr_meta *b) {
    int64_t x = hr_creation_time(a->creation_timestamp),
            y = hr_creation_time(b->creation_timestamp);
    return x != y ? x < y : hr_str_cmp(a->name, b->name) < 0;
}

/* The oldest policy with the target and section, if that is not `policy` itself. Asked for in the
 * order of their age. */
static const hr_spec_backend_tls_policy *older_with(hr_arena *arena, hr_backend_tls *b,
                                                    const hr_spec_backend_tls_policy *policy,
                                                    const hr_spec_gwapi_reference *ref,
                                                    hr_str target_name) {
    bool whole = ref->section.p == NULL;
    hr_str key = hr_arena_printf(arena, "%zu %.*s%s%.*s", target_name.len, (int)target_name.len,
                                 target_name.p, whole ? "" : "#", (int)ref->section.len,
                                 whole ? "" : ref->section.p);
    void **place = hr_map_at(arena, &b->winners, key);
    if (hr_arena_failed(arena))
        return NULL;
    if (*place == NULL)
        *place = (void *)(uintptr_t)policy;
    const hr_spec_backend_tls_policy *oldest = *place;
    return oldest != policy && is_older(&oldest->meta, &policy->meta) ? oldest : NULL;
}

static tls_result name_target(hr_arena *arena, hr_backend_tls *b,
                              const hr_spec_backend_tls_policy *policy, size_t index) {
    const hr_spec_gwapi_reference *ref = &policy->targets[index];
    bool service = is_target(ref, "", "Service");
    if (!service && !is_target(ref, "networking.istio.io", "ServiceEntry"))
        return (tls_result){.state = HR_TLS_TARGET_KIND};
    hr_str name = name_of_target(arena, service, policy->meta.namespace_, ref->name);
    return (tls_result){.to = named_target(arena, b, name),
                        .winner = older_with(arena, b, policy, ref, name)};
}

static hr_tls_target_state state_of_target(const tls_result *found,
                                           const hr_spec_gwapi_reference *ref) {
    const target *t = found->to;
    if (t == NULL)
        return HR_TLS_TARGET_KIND;
    if (t->service == NULL && t->entry == NULL)
        return HR_TLS_TARGET_NOT_FOUND;
    if (ref->section.len > 0 && port_of_section(t, ref->section) == NULL)
        return HR_TLS_TARGET_NO_PORT;
    return found->winner != NULL ? HR_TLS_TARGET_CONFLICTED : HR_TLS_TARGET_OK;
}

static tls_result *results_of(const hr_backend_tls *b, const hr_spec_backend_tls_policy *policy) {
    return b->results[policy - b->resources->backend_tls_policies];
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

static void name_targets(hr_arena *arena, hr_backend_tls *b) {
    size_t n = b->resources->n_backend_tls_policies;
    for (size_t i = 0; i < n; i++) {
        const hr_spec_backend_tls_policy *policy = b->by_age[i];
        tls_result *results = HR_ARRAY(arena, tls_result, policy->n_targets);
        b->results[policy - b->resources->backend_tls_policies] = results;
        for (size_t t = 0; !policy->ignored && t < policy->n_targets; t++)
            if (!hr_arena_failed(arena))
                results[t] = name_target(arena, b, policy, t);
    }
}

const hr_backend_tls *hr_backend_tls_new(hr_arena *arena, const hr_resources *resources) {
    size_t n = resources->n_backend_tls_policies;
    if (n == 0)
        return NULL;
    hr_backend_tls *b = HR_NEW(arena, hr_backend_tls);
    const hr_spec_backend_tls_policy **by_age =
        HR_ARRAY(arena, const hr_spec_backend_tls_policy *, n);
    tls_result **results = HR_ARRAY(arena, tls_result *, n);
    if (by_age == NULL || results == NULL)
        return NULL;
    *b = (hr_backend_tls){.resources = resources, .by_age = by_age, .results = results};
    for (size_t i = 0; i < n; i++)
        by_age[i] = &resources->backend_tls_policies[i];
    qsort(by_age, n, sizeof(*by_age), policies_by_age);
    name_targets(arena, b);
    find_targets(arena, b);
    for (size_t i = 0; i < n && !hr_arena_failed(arena); i++)
        for (size_t t = 0; t < by_age[i]->n_targets; t++) {
            tls_result *found = &results_of(b, by_age[i])[t];
            found->state = state_of_target(found, &by_age[i]->targets[t]);
        }
    return hr_arena_failed(arena) ? NULL : b;
}

hr_tls_target_state hr_backend_tls_target(const hr_spec_backend_tls_policy **winner,
                                          const hr_backend_tls *found,
                                          const hr_spec_backend_tls_policy *policy, size_t index) {
    const tls_result *result = &results_of(found, policy)[index];
    *winner = result->winner;
    return result->state;
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

static void add_port_tls(hr_arena *arena, target *t, const hr_spec_port *port,
                         const hr_spec_client_tls *tls) {
    hr_spec_traffic_policy *policy = &t->policy;
    hr_str octets = hr_str_of((const char *)&port->number, sizeof(port->number));
    if (!hr_map_add(arena, &t->ports_set, octets, port))
        return;
    hr_spec_port_policy *grown = hr_arena_grow(arena, policy->port_level, policy->n_port_level,
                                               &t->port_capacity, sizeof(*policy->port_level));
    if (grown == NULL)
        return;
    grown[policy->n_port_level++] = (hr_spec_port_policy){
        .has_port = true, .port = port->number, .policy = {.present = true, .tls = *tls}};
    policy->port_level = grown;
}

static void set_target(hr_arena *arena, target *t, const hr_spec_backend_tls_policy *policy,
                       const hr_spec_gwapi_reference *ref) {
    const hr_spec_client_tls tls = {.present = true,
                                    .mode = HR_TLS_SIMPLE,
                                    .sni = policy->hostname,
                                    .credential_name = credential_of(arena, policy),
                                    .subject_alt_names = policy->subject_names,
                                    .insecure_skip_verify = -1,
                                    .pos = policy->pos};
    if (t->first == NULL) {
        t->first = policy;
        t->ref = ref;
        t->policy.present = true;
    }
    if (ref->section.len > 0)
        add_port_tls(arena, t, port_of_section(t, ref->section), &tls);
    else if (!t->policy.tls.present)
        t->policy.tls = tls;
}

typedef HR_LIST(hr_spec_destination_rule) rule_list;

static void add_host_rule(hr_arena *arena, rule_list *out, const target *t, hr_str host) {
    const hr_spec_backend_tls_policy *first = t->first;
    hr_spec_destination_rule rule = {.meta = first->meta,
                                     .host = host,
                                     .policy = t->policy,
                                     .of_backend_policy = true,
                                     .pos = first->pos,
                                     .host_pos = first->pos};
    rule.meta.creation_timestamp = (hr_str){0};
    HR_PUSH(arena, out, rule);
}

static void add_host_rules(hr_arena *arena, rule_list *out, const target *t, hr_str domain) {
    hr_map seen = {0};
    hr_str ns = t->first->meta.namespace_, name = t->ref->name;
    if (t->entry == NULL)
        add_host_rule(arena, out, t,
                      hr_arena_printf(arena, "%.*s.%.*s.svc.%.*s", (int)name.len, name.p,
                                      (int)ns.len, ns.p, (int)domain.len, domain.p));
    for (size_t i = 0; t->entry != NULL && i < t->entry->hosts.n; i++)
        if (hr_map_add(arena, &seen, t->entry->hosts.v[i], t))
            add_host_rule(arena, out, t, t->entry->hosts.v[i]);
}

hr_spec_destination_rule *hr_backend_tls_rules(size_t *n, hr_arena *arena,
                                               const hr_backend_tls *found, hr_str domain) {
    rule_list rules = {0};
    HR_LIST(target *) used = {0};
    *n = 0;
    for (size_t i = 0; found != NULL && i < found->resources->n_backend_tls_policies; i++) {
        const hr_spec_backend_tls_policy *policy = found->by_age[i];
        const tls_result *results = results_of(found, policy);
        for (size_t t = 0; !policy->ignored && t < policy->n_targets; t++) {
            if (results[t].state != HR_TLS_TARGET_OK || hr_arena_failed(arena))
                continue;
            if (results[t].to->first == NULL)
                HR_PUSH(arena, &used, results[t].to);
            set_target(arena, results[t].to, policy, &policy->targets[t]);
        }
    }
    for (size_t i = 0; i < used.n && !hr_arena_failed(arena); i++)
        add_host_rules(arena, &rules, used.v[i], domain);
    *n = hr_arena_failed(arena) ? 0 : rules.n;
    return *n == 0 ? NULL : rules.v;
}
