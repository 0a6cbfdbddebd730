/* Computes priorities and weights of endpoints by locality, as Istio does for a load assignment. */
#include "locality_setting.h"

#include <math.h>
#include <stdlib.h>

#include "load_balancer.h"
#include "locality.h"
#include "rule_index.h"
#include "text.h"

static bool part_matches(hr_str rule, hr_str have, bool empty_is_all) {
    return hr_str_eq_c(rule, "*") || (empty_is_all && rule.len == 0) || hr_str_eq(rule, have);
}

/* Whether a place is what a rule of `distribute` means. */
static bool rule_matches(hr_str rule, hr_str place) {
    hr_locality want = hr_locality_split(rule), have = hr_locality_split(place);
    return part_matches(want.region, have.region, false) &&
           part_matches(want.zone, have.zone, true) &&
           part_matches(want.subzone, have.subzone, true);
}

/* 0: the same subzone, 1: zone, 2: region, 3: elsewhere. */
static uint32_t locality_distance(hr_str a, hr_str b) {
    hr_locality x = hr_locality_split(a), y = hr_locality_split(b);
    if (!hr_str_eq(x.region, y.region))
        return 3;
    if (!hr_str_eq(x.zone, y.zone))
        return 2;
    return hr_str_eq(x.subzone, y.subzone) ? 0 : 1;
}

/* ---- groups ---- */

/* Members of one locality and one priority: Envoy's LocalityLbEndpoints. */
typedef struct group {
    hr_str locality;
    uint32_t *members;
    size_t n;
    uint32_t priority;
    uint32_t weight;
    bool dropped;
} group;

typedef struct grouping {
    group *v;
    size_t n;
} grouping;

typedef struct sorted {
    hr_str locality;
    uint32_t priority, member;
} sorted;

static int by_locality(const void *a, const void *b) {
    const sorted *x = a, *y = b;
    int c = hr_str_cmp(x->locality, y->locality);
    if (c != 0)
        return c;
    if (x->priority != y->priority)
        return x->priority < y->priority ? -1 : 1;
    return x->member < y->member ? -1 : x->member > y->member;
}

/* One group a locality and priority, in the order in which Istio sends them. */
static grouping group_members(hr_arena *arena, const hr_members *in) {
    sorted *order = HR_ARRAY(arena, sorted, in->n);
    grouping out = {HR_ARRAY(arena, group, in->n), 0};
    uint32_t *members = HR_ARRAY(arena, uint32_t, in->n);
    if (order == NULL || out.v == NULL || members == NULL)
        return out;
    for (size_t i = 0; i < in->n; i++)
        order[i] = (sorted){in->v[i].locality, in->v[i].priority, (uint32_t)i};
    if (in->n > 1)
        qsort(order, in->n, sizeof(*order), by_locality);
    for (size_t i = 0; i < in->n; i++) {
        group *last = out.n == 0 ? NULL : &out.v[out.n - 1];
        if (last == NULL || !hr_str_eq(last->locality, order[i].locality) ||
            last->priority != order[i].priority) {
            last = &out.v[out.n++];
            *last = (group){.locality = order[i].locality,
                            .members = &members[i],
                            .priority = order[i].priority};
        }
        members[i] = order[i].member;
        last->n++;
        last->weight += in->v[order[i].member].weight;
    }
    return out;
}

/* Priorities from 0 on, without gaps. */
static void close_gaps(grouping *g) {
    uint32_t next = 0;
    for (uint64_t done = 0;; next++) { /* `done`: priorities below it are settled */
        uint64_t least = UINT64_MAX;
        for (size_t i = 0; i < g->n; i++)
            if (g->v[i].priority >= done && g->v[i].priority < least)
                least = g->v[i].priority;
        if (least == UINT64_MAX)
            return;
        for (size_t i = 0; i < g->n; i++)
            if (g->v[i].priority == least)
                g->v[i].priority = next;
        done = least + 1;
    }
}

/* ---- distribute ---- */

/* A share of the percentage for each locality that `to` names, by what it weighed before. */
static void share(grouping *g, bool *taken, hr_str to, uint32_t percent) {
    uint32_t total = 0;
    for (size_t i = 0; i < g->n; i++)
        if (!taken[i] && rule_matches(to, g->v[i].locality))
            total += g->v[i].weight;
    for (size_t i = 0; i < g->n; i++) {
        if (taken[i] || !rule_matches(to, g->v[i].locality))
            continue;
        taken[i] = true;
        double weight = (double)(g->v[i].weight * percent) / (double)total;
        if (weight > 0)
            g->v[i].weight = (uint32_t)ceil(weight);
    }
}

static void distribute(hr_arena *arena, grouping *g, const hr_spec_load_balancer *lb, hr_str own) {
    for (size_t d = 0; d < lb->n_distribute; d++) {
        const hr_spec_locality_distribute *rule = &lb->distribute[d];
        if (!rule_matches(rule->from, own))
            continue;
        bool *taken = HR_ARRAY(arena, bool, g->n);
        if (taken == NULL)
            return;
        for (size_t t = 0; t < rule->n_to; t++)
            share(g, taken, rule->to[t].to, rule->to[t].percent);
        for (size_t i = 0; i < g->n; i++)
            g->v[i].dropped = !taken[i];
        return;
    }
}

/* ---- failover ---- */

/* By nearness; of other regions the one that `failover` names goes before the rest. What priority
 * there was before counts first. */
static void fail_over(grouping *g, const hr_pair *failover, size_t n, hr_str own) {
    hr_str region = hr_locality_split(own).region;
    const hr_pair *rule = NULL;
    for (size_t i = 0; i < n && rule == NULL; i++)
        if (hr_str_eq(failover[i].name, region))
            rule = &failover[i];
    for (size_t i = 0; i < g->n; i++) {
        uint32_t near = locality_distance(own, g->v[i].locality);
        if (near == 3 && rule != NULL &&
            !hr_str_eq(hr_locality_split(g->v[i].locality).region, rule->value))
            near = 4;
        g->v[i].priority = g->v[i].priority * 5 + near;
    }
    close_gaps(g);
}

/* ---- failoverPriority ---- */

/* The caller's value of a label; where it runs is among its labels. */
static hr_str callers(const hr_caller *caller, hr_str name) {
    hr_locality own = hr_locality_split(caller->locality);
    hr_str value = {0};
    if (hr_str_eq_c(name, "topology.kubernetes.io/region"))
        value = own.region;
    else if (hr_str_eq_c(name, "topology.kubernetes.io/zone"))
        value = own.zone;
    else if (hr_str_eq_c(name, "topology.istio.io/subzone"))
        value = own.subzone;
    return value.len > 0 ? value : hr_label_value(caller->labels, caller->n_labels, name);
}

/* 0 where all labels agree; the earlier the first that does not, the later the endpoint's turn. An
 * item may state the value that counts in place of the caller's: "key=value". */
static uint32_t label_priority(const hr_endpoint *e, const hr_str *items, size_t n,
                               const hr_caller *caller) {
    uint32_t elsewhere = 0;
    bool network_first = hr_str_eq_c(items[0], "topology.istio.io/network");
    for (size_t i = 0; i < n; i++) {
        size_t equals = hr_str_find(items[i], '=', 0);
        hr_str name = hr_str_of(items[i].p, equals);
        bool stated = equals < items[i].len && !hr_str_has(hr_str_tail(items[i], equals + 1), '=');
        hr_str want = stated ? hr_str_tail(items[i], equals + 1) : callers(caller, name);
        if (hr_str_eq(want, hr_label_value(e->labels, e->n_labels, name)))
            continue;
        if (i > 0 || !network_first)
            return elsewhere + (uint32_t)(n - i);
        elsewhere = (uint32_t)n; /* another network: behind all of this one, in the same order */
    }
    return elsewhere;
}

/* ---- what applies ---- */

typedef struct setting {
    const hr_spec_load_balancer *lb; /* NULL: nothing is said, and nearness alone counts */
    const hr_str *priorities;
    size_t n_priorities;
    bool off, forced;
} setting;

/* The DestinationRule's, else the Service's trafficDistribution, else the mesh's default: on. */
static setting effective(const hr_mesh_traffic_policy *policy, hr_distribution distribution) {
    static const hr_str same_node[] = {
        {"topology.istio.io/network", 25},   {"topology.kubernetes.io/region", 29},
        {"topology.kubernetes.io/zone", 27}, {"topology.istio.io/subzone", 25},
        {"kubernetes.io/hostname", 22},
    };
    const hr_spec_load_balancer *lb = policy->load_balancer;
    if (lb != NULL && lb->has_locality)
        return (setting){.lb = lb,
                         .priorities = lb->failover_priority.v,
                         .n_priorities = lb->failover_priority.n,
                         .off = lb->locality_enabled == 0};
    if (distribution != HR_DISTRIBUTION_ANY)
        return (setting){.priorities = same_node,
                         .n_priorities = distribution == HR_DISTRIBUTION_NODE ? 5 : 3,
                         .forced = true};
    return (setting){0};
}

static void keep(hr_members *in, const grouping *g) {
    for (size_t i = 0; i < g->n; i++)
        for (size_t m = 0; m < g->v[i].n; m++) {
            hr_endpoint *e = &in->v[g->v[i].members[m]];
            e->priority = g->v[i].priority;
            e->locality_weight = in->weighted ? g->v[i].weight : 0;
        }
}

/* Takes the members of dropped groups out, with their place in the order. */
static void drop(hr_arena *arena, hr_members *in, const grouping *g) {
    uint32_t *place = HR_ARRAY(arena, uint32_t, in->n);
    if (place == NULL)
        return;
    for (size_t i = 0; i < g->n; i++)
        for (size_t m = 0; m < g->v[i].n; m++)
            place[g->v[i].members[m]] = g->v[i].dropped ? UINT32_MAX : 0;
    size_t n = 0, ready = 0;
    for (size_t i = 0; i < in->n; i++) {
        if (place[i] == UINT32_MAX)
            continue;
        place[i] = (uint32_t)n;
        in->v[n++] = in->v[i];
        ready += i < in->n_ready;
    }
    in->n = n;
    in->n_ready = ready;
    size_t at = 0;
    for (size_t i = 0; i < g->n; i++)
        for (size_t m = 0; m < g->v[i].n; m++)
            if (!g->v[i].dropped)
                in->order[at++] = place[g->v[i].members[m]];
}

void hr_locality_apply(hr_arena *arena, hr_members *in, const hr_mesh_traffic_policy *policy,
                       hr_distribution distribution, const hr_caller *caller) {
    setting s = effective(policy, distribution);
    bool distributes = !s.off && s.lb != NULL && s.lb->n_distribute > 0;
    /* Without outlierDetection no endpoint is ever ejected: Istio then does not fail over. */
    bool fails_over = !s.off && !distributes && (s.forced || policy->outlier_detection != NULL);
    size_t n_failover = s.lb == NULL ? 0 : s.lb->n_failover;
    for (size_t i = 0; i < in->n; i++)
        in->v[i].priority = fails_over && s.n_priorities > 0
                                ? label_priority(&in->v[i], s.priorities, s.n_priorities, caller)
                                : 0;
    in->own = caller->locality;
    in->weighted = distributes || (fails_over && (n_failover > 0 || s.n_priorities > 0));
    in->order = HR_ARRAY(arena, uint32_t, in->n);
    grouping g = group_members(arena, in);
    if (hr_arena_failed(arena)) {
        *in = (hr_members){0};
        return;
    }
    if (distributes)
        distribute(arena, &g, s.lb, caller->locality);
    else if (fails_over)
        close_gaps(&g);
    if (fails_over && (s.n_priorities == 0 || n_failover > 0))
        fail_over(&g, s.lb == NULL ? NULL : s.lb->failover, n_failover, caller->locality);
    keep(in, &g);
    drop(arena, in, &g);
}
