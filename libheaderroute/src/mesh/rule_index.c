/* Selects the DestinationRule of a service and computes its policy for one port and subset. */
#include "rule_index.h"

#include <stdlib.h>

#include "destination_rule.h"
#include "host_names.h"
#include "registry.h"
#include "resources.h"
#include "text.h"

/* ---- merging ---- */

static bool set_has(const hr_str *set, size_t n, hr_str value) {
    for (size_t i = 0; i < n; i++)
        if (hr_str_eq(set[i], value))
            return true;
    return false;
}

static bool superset(const hr_str *a, size_t n_a, const hr_str *b, size_t n_b) {
    for (size_t i = 0; i < n_b; i++)
        if (!set_has(a, n_a, b[i]))
            return false;
    return true;
}

static bool same_set(const hr_str *a, size_t n_a, const hr_str *b, size_t n_b) {
    return superset(a, n_a, b, n_b) && superset(b, n_b, a, n_a);
}

static bool same_labels(const hr_pair *a, size_t n_a, const hr_pair *b, size_t n_b) {
    return n_a == n_b && hr_pairs_subset(a, n_a, b, n_b);
}

static hr_mesh_destination_rule *entry_of(hr_arena *arena, const hr_spec_destination_rule *rule,
                                          hr_str host, const hr_str *export_to,
                                          size_t n_export_to) {
    hr_mesh_destination_rule *entry = HR_NEW(arena, hr_mesh_destination_rule);
    *entry = (hr_mesh_destination_rule){
        .first = rule,
        .of_backend_policy = rule->of_backend_policy,
        .host = host,
        .export_to = export_to,
        .n_export_to = n_export_to,
        .policy = &rule->policy,
        .subsets = HR_ARRAY(arena, const hr_spec_subset *, rule->n_subsets),
        .n_subsets = rule->n_subsets,
    };
    if (entry->subsets == NULL)
        entry->n_subsets = 0;
    for (size_t i = 0; i < entry->n_subsets; i++)
        entry->subsets[i] = &rule->subsets[i];
    return entry;
}

/* What a user writes counts before a BackendTLSPolicy, which fills what is left. */
#define FILL(out, from, block)                                                                     \
    do {                                                                                           \
        if (!(out)->block.present)                                                                 \
            (out)->block = (from)->block;                                                          \
    } while (0)

static hr_spec_port_policy *port_entry(hr_spec_traffic_policy *policy, uint32_t port) {
    for (size_t i = 0; i < policy->n_port_level; i++)
        if (policy->port_level[i].port == port)
            return &policy->port_level[i];
    return NULL;
}

static void fill_ports(hr_arena *arena, hr_spec_traffic_policy *out,
                       const hr_spec_traffic_policy *from) {
    hr_spec_port_policy *ports =
        HR_ARRAY(arena, hr_spec_port_policy, out->n_port_level + from->n_port_level);
    if (ports == NULL)
        return;
    for (size_t i = 0; i < out->n_port_level; i++)
        ports[i] = out->port_level[i];
    out->port_level = ports;
    for (size_t i = 0; i < from->n_port_level; i++) {
        const hr_spec_port_policy *more = &from->port_level[i];
        hr_spec_port_policy *known = port_entry(out, more->port);
        if (known == NULL) {
            ports[out->n_port_level++] = *more;
            continue;
        }
        FILL(&known->policy, &more->policy, load_balancer);
        FILL(&known->policy, &more->policy, connection_pool);
        FILL(&known->policy, &more->policy, outlier_detection);
        FILL(&known->policy, &more->policy, tls);
    }
}

static const hr_spec_traffic_policy *filled_policy(hr_arena *arena,
                                                   const hr_spec_traffic_policy *user,
                                                   const hr_spec_traffic_policy *backend) {
    hr_spec_traffic_policy *out = HR_NEW(arena, hr_spec_traffic_policy);
    if (!user->present || !backend->present || hr_arena_failed(arena))
        return user->present ? user : backend;
    *out = *user;
    FILL(out, backend, load_balancer);
    FILL(out, backend, connection_pool);
    FILL(out, backend, outlier_detection);
    FILL(out, backend, tls);
    FILL(out, backend, retry_budget);
    fill_ports(arena, out, backend);
    return out;
}

/* mergeDestinationRule of Istio's push context. */
static void merge_policy(hr_arena *arena, hr_mesh_destination_rule *entry,
                         const hr_spec_destination_rule *rule) {
    if (entry->of_backend_policy == rule->of_backend_policy) {
        if (!entry->policy->present && rule->policy.present)
            entry->policy = &rule->policy;
    } else if (rule->of_backend_policy) {
        entry->policy = filled_policy(arena, entry->policy, &rule->policy);
    } else {
        entry->policy = filled_policy(arena, &rule->policy, entry->policy);
        if (entry->first->of_backend_policy)
            entry->first = rule;
    }
}

static void merge_into(hr_arena *arena, hr_mesh_destination_rule *entry,
                       const hr_spec_destination_rule *rule) {
    const hr_spec_subset **subsets =
        HR_ARRAY(arena, const hr_spec_subset *, entry->n_subsets + rule->n_subsets);
    if (subsets == NULL)
        return;
    size_t known = entry->n_subsets, n = known;
    for (size_t i = 0; i < known; i++)
        subsets[i] = entry->subsets[i];
    for (size_t i = 0; i < rule->n_subsets; i++) {
        bool duplicate = false;
        for (size_t j = 0; j < known && !duplicate; j++)
            duplicate = hr_str_eq(subsets[j]->name, rule->subsets[i].name);
        if (!duplicate)
            subsets[n++] = &rule->subsets[i];
    }
    entry->subsets = subsets;
    entry->n_subsets = n;
    merge_policy(arena, entry, rule);
}

/* Istio's walk over the entries of one host, flag and all: each step overwrites whether the new
 * rule becomes an entry of its own. */
static bool walk_entries(hr_arena *arena, hr_mesh_destination_rule *head,
                         const hr_spec_destination_rule *rule, const hr_str *export_to,
                         size_t n_export_to) {
    bool add = true;
    for (hr_mesh_destination_rule *e = head; e != NULL; e = e->next) {
        bool equal = same_set(export_to, n_export_to, e->export_to, e->n_export_to);
        bool wider =
            e->n_export_to > 0 && superset(export_to, n_export_to, e->export_to, e->n_export_to);
        add = !equal;
        if (!equal && !wider)
            continue;
        bool both = e->first->has_selector && rule->has_selector;
        bool neither = !e->first->has_selector && !rule->has_selector;
        bool same =
            same_labels(e->first->selector, e->first->n_selector, rule->selector, rule->n_selector);
        if (both && !same) {
            add = true;
            continue;
        }
        if (neither || both)
            add = false;
        merge_into(arena, e, rule);
    }
    return add;
}

static void add_wildcard(hr_arena *arena, hr_rule_set *set, hr_mesh_destination_rule *head) {
    hr_mesh_destination_rule **grown = hr_arena_grow(arena, set->wildcards, set->n_wildcards,
                                                     &set->capacity, sizeof(*set->wildcards));
    if (grown == NULL)
        return;
    set->wildcards = grown;
    set->wildcards[set->n_wildcards++] = head;
}

static hr_mesh_destination_rule *wildcard_head(const hr_rule_set *set, hr_str host) {
    for (size_t i = 0; i < set->n_wildcards; i++)
        if (hr_str_eq(set->wildcards[i]->host, host))
            return set->wildcards[i];
    return NULL;
}

static void add_rule(hr_arena *arena, hr_rule_set *set, const hr_spec_destination_rule *rule,
                     hr_str host, const hr_str *export_to, size_t n_export_to) {
    bool wild = hr_host_is_wild(host);
    hr_mesh_destination_rule *head =
        wild ? wildcard_head(set, host) : hr_map_get(&set->exact, host);
    if (!walk_entries(arena, head, rule, export_to, n_export_to))
        return;
    hr_mesh_destination_rule *entry = entry_of(arena, rule, host, export_to, n_export_to);
    if (head == NULL && wild) {
        add_wildcard(arena, set, entry);
    } else if (head == NULL) {
        hr_map_add(arena, &set->exact, host, entry);
    } else {
        while (head->next != NULL)
            head = head->next;
        head->next = entry;
    }
}

static hr_rule_set *set_of(hr_arena *arena, hr_map *map, hr_str namespace_) {
    void **place = hr_map_at(arena, map, namespace_);
    if (*place == NULL)
        *place = HR_NEW(arena, hr_rule_set);
    return *place;
}

static int by_selector_and_age(const void *a, const void *b) {
    const hr_spec_destination_rule *x = *(const hr_spec_destination_rule *const *)a;
    const hr_spec_destination_rule *y = *(const hr_spec_destination_rule *const *)b;
    if (x->has_selector != y->has_selector)
        return x->has_selector ? -1 : 1;
    if (x->of_backend_policy != y->of_backend_policy) /* Istio gives them no time of creation */
        return x->of_backend_policy ? -1 : 1;
    return hr_meta_cmp(&x->meta, &y->meta);
}

static void index_rule(hr_arena *arena, hr_rule_index *index, const hr_spec_destination_rule *rule,
                       hr_str domain) {
    static const hr_str private_only[] = {{".", 1}};
    hr_str ns = rule->meta.namespace_;
    hr_str host = hr_arena_lower(arena, hr_resolve_host(arena, rule->host, ns, domain));
    /* A rule with a selector is its own namespace's affair, whatever its exportTo says. */
    const hr_str *to = rule->has_selector ? private_only : rule->export_to.v;
    size_t n = rule->has_selector ? 1 : rule->export_to.n;
    bool own =
        n == 0 || set_has(to, n, HR_STR("*")) || set_has(to, n, HR_STR(".")) || set_has(to, n, ns);
    if (own)
        add_rule(arena, set_of(arena, &index->local, ns), rule, host, to, n);
    bool private = n == 1 && (hr_str_eq_c(to[0], ".") || hr_str_eq(to[0], ns));
    if (!private)
        add_rule(arena, set_of(arena, &index->exported, ns), rule, host, to, n);
    else if (hr_str_eq(ns, index->root_namespace))
        add_rule(arena, &index->root_private, rule, host, to, n);
}

void hr_rule_index_build(hr_arena *arena, hr_rule_index *out, const hr_resources *r,
                         const hr_spec_destination_rule *more, size_t n_more, hr_str domain,
                         hr_str root_namespace) {
    out->root_namespace = root_namespace;
    size_t n = r->n_destination_rules + n_more;
    const hr_spec_destination_rule **sorted = HR_ARRAY(arena, const hr_spec_destination_rule *, n);
    if (sorted == NULL)
        return;
    for (size_t i = 0; i < n; i++)
        sorted[i] = i < r->n_destination_rules ? &r->destination_rules[i]
                                               : &more[i - r->n_destination_rules];
    if (n > 1)
        qsort(sorted, n, sizeof(*sorted), by_selector_and_age);
    for (size_t i = 0; i < n && !hr_arena_failed(arena); i++)
        index_rule(arena, out, sorted[i], domain);
}

/* ---- lookup ---- */

/* The chain of the most specific host: exact, else the longest wildcard. */
static const hr_mesh_destination_rule *most_specific(const hr_rule_set *set, hr_str host) {
    const hr_mesh_destination_rule *best =
        hr_host_is_wild(host) ? NULL : hr_map_get(&set->exact, host);
    for (size_t i = 0; best == NULL && i < set->n_wildcards; i++)
        if (hr_str_eq(set->wildcards[i]->host, host))
            return set->wildcards[i];
    if (best != NULL)
        return best;
    for (size_t i = 0; i < set->n_wildcards; i++)
        if (hr_host_subset_of(host, set->wildcards[i]->host) &&
            (best == NULL || set->wildcards[i]->host.len > best->host.len))
            best = set->wildcards[i];
    return best;
}

typedef struct chain {
    const hr_mesh_destination_rule *head;
    bool exported; /* entries count only where exported to the proxy */
} chain;

static bool exported_to(const hr_mesh_destination_rule *entry, hr_str namespace_) {
    return entry->n_export_to == 0 || set_has(entry->export_to, entry->n_export_to, HR_STR("*")) ||
           set_has(entry->export_to, entry->n_export_to, namespace_);
}

static chain exported_chain(const hr_rule_index *index, hr_str owner, hr_str host, hr_str client) {
    const hr_rule_set *set = hr_map_get(&index->exported, owner);
    const hr_mesh_destination_rule *head = set == NULL ? NULL : most_specific(set, host);
    for (const hr_mesh_destination_rule *e = head; e != NULL; e = e->next)
        if (exported_to(e, client))
            return (chain){head, true};
    return (chain){NULL, false};
}

/* First source that has any: the proxy's namespace, the service's, the root's. */
static chain find_chain(const hr_rule_index *index, const hr_mesh_service *svc, hr_str namespace_) {
    const hr_rule_set *own = &index->root_private;
    if (!hr_str_eq(namespace_, index->root_namespace))
        own = hr_map_get(&index->local, namespace_);
    const hr_mesh_destination_rule *head = own == NULL ? NULL : most_specific(own, svc->host);
    if (head != NULL)
        return (chain){head, false};
    chain found = exported_chain(index, svc->namespace_, svc->host, namespace_);
    if (found.head == NULL)
        found = exported_chain(index, index->root_namespace, svc->host, namespace_);
    return found;
}

const hr_mesh_destination_rule *hr_rule_find(const hr_rule_index *index, const hr_mesh_service *svc,
                                             hr_str namespace_, const hr_pair *labels,
                                             size_t n_labels) {
    chain found = find_chain(index, svc, namespace_);
    const hr_mesh_destination_rule *general = NULL;
    for (const hr_mesh_destination_rule *e = found.head; e != NULL; e = e->next) {
        if (found.exported && !exported_to(e, namespace_))
            continue;
        const hr_spec_destination_rule *rule = e->first;
        if (!rule->has_selector)
            general = e;
        else if (hr_str_eq(rule->meta.namespace_, namespace_) &&
                 hr_pairs_subset(rule->selector, rule->n_selector, labels, n_labels))
            return e;
    }
    return general;
}

const hr_spec_subset *hr_rule_subset(const hr_mesh_destination_rule *rule, hr_str name) {
    for (size_t i = 0; rule != NULL && i < rule->n_subsets; i++)
        if (hr_str_eq(rule->subsets[i]->name, name))
            return rule->subsets[i];
    return NULL;
}

/* ---- inheritance ---- */

static const hr_spec_traffic_policy *port_level(const hr_spec_traffic_policy *policy,
                                                uint32_t port) {
    for (size_t i = 0; i < policy->n_port_level; i++)
        if (policy->port_level[i].port == port)
            return &policy->port_level[i].policy;
    return NULL;
}

#define PRESENT(block) ((block).present ? &(block) : NULL)

static hr_mesh_traffic_policy blocks_of(const hr_spec_traffic_policy *policy) {
    return (hr_mesh_traffic_policy){
        .load_balancer = PRESENT(policy->load_balancer),
        .connection_pool = PRESENT(policy->connection_pool),
        .outlier_detection = PRESENT(policy->outlier_detection),
        .tls = PRESENT(policy->tls),
        .retry_budget = PRESENT(policy->retry_budget),
    };
}

hr_mesh_traffic_policy hr_rule_policy(const hr_mesh_destination_rule *rule,
                                      const hr_spec_subset *subset, uint32_t port) {
    hr_mesh_traffic_policy out = {0};
    if (rule == NULL)
        return out;
    /* A port-level entry stands for all of the policy; what it leaves out is the default. */
    const hr_spec_traffic_policy *at_port = port_level(rule->policy, port);
    out = blocks_of(at_port != NULL ? at_port : rule->policy);
    if (subset == NULL || !subset->policy.present)
        return out;
    const hr_spec_traffic_policy *subset_port = port_level(&subset->policy, port);
    if (subset_port != NULL) { /* has no retryBudget of its own, and keeps the rule's */
        const hr_spec_retry_budget *budget = out.retry_budget;
        out = blocks_of(subset_port);
        out.retry_budget = budget;
        return out;
    }
    hr_mesh_traffic_policy own = blocks_of(&subset->policy);
    if (own.load_balancer != NULL)
        out.load_balancer = own.load_balancer;
    if (own.connection_pool != NULL)
        out.connection_pool = own.connection_pool;
    if (own.outlier_detection != NULL)
        out.outlier_detection = own.outlier_detection;
    if (own.tls != NULL)
        out.tls = own.tls;
    if (own.retry_budget != NULL)
        out.retry_budget = own.retry_budget;
    return out;
}

/* ---- consistent hash of routes ---- */

static const hr_spec_load_balancer *destination_hash(const hr_spec_traffic_policy *policy) {
    const hr_spec_load_balancer *lb = policy == NULL ? NULL : &policy->load_balancer;
    return lb != NULL && lb->present && lb->has_consistent_hash ? lb : NULL;
}

const hr_spec_load_balancer *hr_rule_route_hash(const hr_mesh_destination_rule *rule,
                                                hr_str subset_name, uint32_t stated_port) {
    if (rule == NULL)
        return NULL;
    const hr_spec_subset *subset = hr_rule_subset(rule, subset_name);
    const hr_spec_load_balancer *found = NULL;
    if (subset != NULL && stated_port != 0)
        found = destination_hash(port_level(&subset->policy, stated_port));
    if (found == NULL && subset != NULL)
        found = destination_hash(&subset->policy);
    if (found == NULL && stated_port != 0)
        found = destination_hash(port_level(rule->policy, stated_port));
    return found != NULL ? found : destination_hash(rule->policy);
}

const hr_spec_load_balancer *hr_rule_service_hash(const hr_mesh_destination_rule *rule,
                                                  uint32_t port) {
    if (rule == NULL)
        return NULL;
    const hr_spec_load_balancer *found = destination_hash(port_level(rule->policy, port));
    return found != NULL ? found : destination_hash(rule->policy);
}
