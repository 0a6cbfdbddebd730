/* Which views two tables define: whose decisions a change can reach. */
#include "views.h"

#include <headerroute/diff.h>

#include "callers.h"
#include "destination_rule.h"
#include "gateway.h"
#include "http_match.h"
#include "resources.h"
#include "sidecar.h"
#include "virtual_service.h"

/* More combinations of source labels are not made. */
#define MOST_LABEL_SETS 32

typedef HR_LIST(hr_str) namespace_list;
typedef HR_LIST(uint16_t) port_list;

typedef struct label_set {
    const hr_pair *v;
    size_t n;
} label_set;

typedef struct collector {
    hr_arena *b;
    hr_view_list *out;
    const hr_view_options *base;
    namespace_list namespaces;
    port_list ports;
    HR_LIST(label_set) labels;
} collector;

/* ---- namespaces and ports ---- */

static bool is_listed(const collector *c, hr_str name) {
    for (size_t i = 0; i < c->namespaces.n; i++)
        if (hr_str_eq(c->namespaces.v[i], name))
            return true;
    return false;
}

static void add_namespace(collector *c, hr_str name) {
    if (name.len == 0 || hr_str_eq_c(name, "*") || hr_str_eq_c(name, "~") ||
        hr_str_eq_c(name, ".") || is_listed(c, name))
        return;
    HR_PUSH(c->b, &c->namespaces, name);
}

static void add_namespaces(collector *c, const hr_str_list *names) {
    for (size_t i = 0; i < names->n; i++)
        add_namespace(c, names->v[i]);
}

static void add_port(collector *c, uint32_t port) {
    for (size_t i = 0; i < c->ports.n; i++)
        if (c->ports.v[i] == port)
            return;
    HR_PUSH(c->b, &c->ports, (uint16_t)port);
}

/* ---- labels ---- */

static bool is_label_set(const label_set *a, const hr_pair *v, size_t n) {
    return a->n == n && hr_pairs_subset(v, n, a->v, a->n) && hr_pairs_subset(a->v, a->n, v, n);
}

static void add_labels(collector *c, const hr_pair *v, size_t n) {
    for (size_t i = 0; i < c->labels.n; i++)
        if (is_label_set(&c->labels.v[i], v, n))
            return;
    if (c->labels.n == MOST_LABEL_SETS) {
        c->out->labels_left_out = true;
        return;
    }
    label_set set = {v, n};
    HR_PUSH(c->b, &c->labels, set);
}

static hr_str label_value(const label_set *set, hr_str name) {
    for (size_t i = 0; i < set->n; i++)
        if (hr_str_eq(set->v[i].name, name))
            return set->v[i].value;
    return (hr_str){0};
}

/* Both sets, unless they contradict each other. */
static void add_union(collector *c, const label_set *a, const label_set *b) {
    hr_pair *v = HR_ARRAY(c->b, hr_pair, a->n + b->n);
    if (v == NULL)
        return;
    size_t n = a->n;
    if (n > 0)
        memcpy(v, a->v, n * sizeof(*v));
    for (size_t i = 0; i < b->n; i++) {
        hr_str value = label_value(a, b->v[i].name);
        if (value.p != NULL && !hr_str_eq(value, b->v[i].value))
            return;
        if (value.p == NULL)
            v[n++] = b->v[i];
    }
    add_labels(c, v, n);
}

/* A pod can have the labels of several sets. */
static void add_unions(collector *c) {
    for (size_t i = 1; i < c->labels.n; i++)
        for (size_t j = 1; j < i; j++) {
            label_set a = c->labels.v[i], b = c->labels.v[j];
            add_union(c, &a, &b);
        }
}

/* ---- what rules name ---- */

static void read_match(collector *c, const hr_match_request *m) {
    add_namespace(c, m->source_namespace);
    if (m->n_source_labels > 0)
        add_labels(c, m->source_labels, m->n_source_labels);
}

static void read_rules(collector *c, const hr_table *table) {
    const hr_resources *r = table->resources;
    for (size_t i = 0; i < table->n_all_rules; i++) {
        const hr_mesh_virtual_service *vs = table->all_rules[i];
        add_namespace(c, vs->resource->meta.namespace_);
        add_namespaces(c, &vs->resource->export_to);
        for (size_t h = 0; h < vs->n_http; h++)
            for (size_t m = 0; m < vs->http[h].http->n_match; m++)
                read_match(c, &vs->http[h].http->match[m]);
    }
    for (size_t i = 0; i < r->n_destination_rules; i++) {
        const hr_spec_destination_rule *rule = &r->destination_rules[i];
        add_namespace(c, rule->meta.namespace_);
        add_namespaces(c, &rule->export_to);
        if (rule->n_selector > 0)
            add_labels(c, rule->selector, rule->n_selector);
    }
    for (size_t i = 0; i < r->n_sidecars; i++) {
        const hr_spec_sidecar *sidecar = &r->sidecars[i];
        add_namespace(c, sidecar->meta.namespace_);
        if (sidecar->n_selector > 0)
            add_labels(c, sidecar->selector, sidecar->n_selector);
    }
    for (size_t i = 0; i < table->registry.n_services; i++) {
        const hr_mesh_service *svc = table->registry.services[i];
        if (svc->export_to != NULL)
            add_namespaces(c, svc->export_to);
        for (size_t p = 0; p < svc->n_ports; p++)
            add_port(c, svc->ports[p].number);
    }
}

/* ---- callers that no rule names ---- */

static bool any_differs(collector *c, const hr_table *const tables[2], hr_str name) {
    return hr_callers_differ(c->b, tables[0], name) ||
           (tables[1] != tables[0] && hr_callers_differ(c->b, tables[1], name));
}

/* Namespaces of services alone, where their pods can see something of their own. */
static void add_owners(collector *c, const hr_table *const tables[2]) {
    hr_map seen = {0};
    for (size_t side = 0; side < 2; side++)
        for (size_t i = 0; i < tables[side]->registry.n_services; i++) {
            hr_str name = tables[side]->registry.services[i]->namespace_;
            if (hr_map_get(&seen, name) != NULL)
                continue;
            hr_map_add(c->b, &seen, name, c);
            if (!is_listed(c, name) && any_differs(c, tables, name))
                add_namespace(c, name);
        }
}

static bool lies_in(const hr_table *const tables[2], hr_str name) {
    for (size_t side = 0; side < 2; side++)
        for (size_t i = 0; i < tables[side]->registry.n_services; i++)
            if (hr_str_eq(tables[side]->registry.services[i]->namespace_, name))
                return true;
    return false;
}

/* All namespaces that nothing names see the same, so that one is compared for all of them:
 * `default` if it sees no more than they do, else one of a name that no file has. */
static void add_other_namespace(collector *c, const hr_table *const tables[2]) {
    hr_str name = HR_STR(HR_DIFF_OTHER_NAMESPACE);
    if (!any_differs(c, tables, HR_STR("default")))
        return;
    while (!hr_arena_failed(c->b) && (is_listed(c, name) || lies_in(tables, name)))
        name = hr_arena_printf(c->b, "%.*s.", (int)name.len, name.p);
    add_namespace(c, name);
}

/* ---- views ---- */

static void add_gateway(collector *c, hr_str id, uint16_t port) {
    for (size_t i = 0; i < c->out->v.n; i++)
        if (hr_str_eq(c->out->v.v[i].gateway, id) && c->out->v.v[i].port == port)
            return;
    hr_view_options view = *c->base;
    view.gateway = id;
    view.port = port;
    view.namespace_ = (hr_str){0};
    HR_PUSH(c->b, &c->out->v, view);
}

static void add_gateways(collector *c, const hr_table *table) {
    for (size_t i = 0; i < table->n_all_gateways; i++) {
        const hr_mesh_gateway *gateway = table->all_gateways[i];
        bool unique = hr_table_find_gateway(table, gateway->id) != NULL;
        for (size_t s = 0; s < gateway->resource->n_servers; s++)
            add_gateway(c, unique ? gateway->id : gateway->full_id, gateway->ports[s]);
    }
}

static void add_mesh(collector *c) {
    for (size_t n = 0; n < c->namespaces.n; n++)
        for (size_t p = 0; p < c->ports.n; p++)
            for (size_t l = 0; l < c->labels.n; l++) {
                hr_view_options view = *c->base;
                view.gateway = HR_STR("mesh");
                view.port = c->ports.v[p];
                view.namespace_ = c->namespaces.v[n];
                view.source_labels = c->labels.v[l].v;
                view.n_source_labels = c->labels.v[l].n;
                HR_PUSH(c->b, &c->out->v, view);
            }
}

void hr_views_collect(hr_arena *b, hr_view_list *out, const hr_table *const tables[2],
                      const hr_view_options *base) {
    collector c = {.b = b, .out = out, .base = base};
    add_namespace(&c, HR_STR("default"));
    add_port(&c, 80);
    add_labels(&c, NULL, 0);
    for (size_t side = 0; side < 2; side++) {
        read_rules(&c, tables[side]);
        add_gateways(&c, tables[side]);
    }
    add_owners(&c, tables);
    add_other_namespace(&c, tables);
    add_unions(&c);
    add_mesh(&c);
}
