/* Kinds that are not evaluated: what a decision may lack because of them. */
#include "unread.h"

#include <stddef.h>
#include <string.h>

#include "text.h"

static const char patches[] =
    "it patches Envoy's configuration, so that any part of a decision may differ";
static const char changes[] = "its code may change or answer any request";
static const char admits[] = "every request is treated as allowed";
static const char installs[] = "it installs Istio and does not describe routing";
static const char entry[] = "where Istio is its controller, it decides requests for its hosts; it "
                            "is not part of a decision";

#define EVERY_PROXY (HR_REACH_GATEWAY | HR_REACH_CALLER | HR_REACH_DESTINATION)

static const hr_unread_kind kinds_unread[] = {
    {"networking.istio.io", "EnvoyFilter", EVERY_PROXY, true, patches},
    {"networking.istio.io", "ProxyConfig", 0, false,
     "it configures the proxies themselves and has no effect on routing"},
    {"networking.istio.io", "WorkloadGroup", 0, false,
     "it is a template for WorkloadEntries, and only those are read"},
    {"extensions.istio.io", "WasmPlugin", EVERY_PROXY, true, changes},
    {"extensions.istio.io", "TrafficExtension", EVERY_PROXY, true, changes},
    {"security.istio.io", "RequestAuthentication", HR_REACH_GATEWAY | HR_REACH_DESTINATION, true,
     admits},
    {"security.istio.io", "AuthorizationPolicy", HR_REACH_GATEWAY | HR_REACH_DESTINATION, true,
     admits},
    {"gateway.networking.k8s.io", "TLSRoute", 0, false,
     "it routes connections and never decides an HTTP request"},
    {"gateway.networking.k8s.io", "TCPRoute", 0, false,
     "it routes connections and never decides an HTTP request"},
    {"gateway.networking.k8s.io", "UDPRoute", 0, false,
     "it routes packets and never decides an HTTP request"},
    {"gateway.networking.x-k8s.io", NULL, 0, false,
     "experimental kinds of the Gateway API are not part of a decision"},
    {"networking.k8s.io", "Ingress", HR_REACH_HOSTS, false, entry},
    {"flagger.app", "Canary", HR_REACH_RULES, false,
     "Flagger changes the routes of its VirtualService while a release is under way"},
    {"argoproj.io", "Rollout", HR_REACH_RULES, false,
     "Argo Rollouts changes the routes of its VirtualService while a release is under way"},
    {"install.istio.io", NULL, 0, false, installs},
    {"operator.istio.io", NULL, 0, false, installs},
    {"kustomize.config.k8s.io", NULL, 0, false, "load what `kubectl kustomize DIR` prints instead"},
};

static const hr_unread_kind waypoint = {
    "", "istio.io/use-waypoint", HR_REACH_DESTINATION, false,
    "a waypoint applies the rules of the destination's namespace to requests for these services"};

const hr_unread_kind *hr_unread_kind_of(hr_str group, hr_str kind) {
    for (size_t i = 0; i < sizeof(kinds_unread) / sizeof(kinds_unread[0]); i++)
        if (hr_str_eq_c(group, kinds_unread[i].group) &&
            (kinds_unread[i].kind == NULL || hr_str_eq_c(kind, kinds_unread[i].kind)))
            return &kinds_unread[i];
    return NULL;
}

bool hr_unread_group(hr_str group) {
    for (size_t i = 0; i < sizeof(kinds_unread) / sizeof(kinds_unread[0]); i++)
        if (hr_str_eq_c(group, kinds_unread[i].group))
            return true;
    return false;
}

/* ---- reading: such a resource is not checked, so anything may be anywhere in it ---- */

/* The node at a path of keys, or NULL. */
static const hr_node *node_below(const hr_node *node, const char *const *keys) {
    for (; node != NULL && *keys != NULL; keys++)
        node = hr_node_get(node, hr_str_from(*keys));
    return node;
}

#define BELOW(node, ...) node_below((node), (const char *const[]){__VA_ARGS__, NULL})

static hr_str text_of_node(hr_reader *r, const hr_node *node) {
    return node == NULL || node->kind != HR_NODE_STRING ? (hr_str){0}
                                                        : hr_reader_copy(r, node->u.text);
}

static void add_text(hr_reader *r, hr_str_list *list, const hr_node *node) {
    hr_str text = text_of_node(r, node);
    hr_str *place = text.len == 0 ? NULL : hr_reader_append(r, &list->v, &list->n, sizeof(hr_str));
    if (place != NULL)
        *place = text;
}

static const hr_node *first_item(const hr_node *list) {
    return list == NULL || list->kind != HR_NODE_LIST ? NULL : list->u.children.first;
}

static void read_unread_selector(hr_reader *r, hr_spec_unread *out, const hr_node *map) {
    if (map == NULL || map->kind != HR_NODE_MAP)
        return;
    for (const hr_node *k = map->u.children.first; k != NULL; k = k->next) {
        hr_pair *pair = k->value->kind != HR_NODE_STRING
                            ? NULL
                            : hr_reader_append(r, &out->selector, &out->n_selector, sizeof(*pair));
        if (pair != NULL)
            *pair = (hr_pair){hr_reader_copy(r, k->u.text), hr_reader_copy(r, k->value->u.text)};
    }
}

/* Hosts of an HTTPRoute or an Ingress, and the Services that an HTTPRoute is attached to. */
static void read_unread_hosts(hr_reader *r, hr_spec_unread *out, const hr_node *spec) {
    for (const hr_node *i = first_item(BELOW(spec, "hostnames")); i != NULL; i = i->next)
        add_text(r, &out->hosts, i);
    for (const hr_node *i = first_item(BELOW(spec, "rules")); i != NULL; i = i->next)
        add_text(r, &out->hosts, BELOW(i, "host"));
    for (const hr_node *i = first_item(BELOW(spec, "parentRefs")); i != NULL; i = i->next)
        if (hr_str_eq_c(text_of_node(r, BELOW(i, "kind")), "Service"))
            add_text(r, &out->services, BELOW(i, "name"));
}

static void read_target(hr_reader *r, hr_spec_unread *out, const hr_node *target) {
    hr_str kind = text_of_node(r, BELOW(target, "kind"));
    if (target == NULL)
        return;
    out->has_targets = true;
    if (hr_str_eq_c(kind, "Gateway"))
        add_text(r, &out->gateways, BELOW(target, "name"));
    else if (hr_str_eq_c(kind, "Service"))
        add_text(r, &out->services, BELOW(target, "name"));
}

/* The older targetRef counts only if there are no targetRefs. */
static void read_unread_targets(hr_reader *r, hr_spec_unread *out, const hr_node *spec) {
    for (const hr_node *i = first_item(BELOW(spec, "targetRefs")); i != NULL; i = i->next)
        read_target(r, out, i);
    if (!out->has_targets)
        read_target(r, out, BELOW(spec, "targetRef"));
}

static void read_unread_rules(hr_reader *r, hr_spec_unread *out, const hr_node *spec) {
    const hr_node *istio = BELOW(spec, "strategy", "canary", "trafficRouting", "istio");
    const hr_node *service = BELOW(spec, "service", "name"),
                  *target = BELOW(spec, "targetRef", "name");
    add_text(r, &out->virtual_services, BELOW(istio, "virtualService", "name"));
    for (const hr_node *i = first_item(BELOW(istio, "virtualServices")); i != NULL; i = i->next)
        add_text(r, &out->virtual_services, BELOW(i, "name"));
    add_text(r, &out->virtual_services, service != NULL ? service : target);
}

static hr_spec_unread *new_unread(hr_reader *r, const hr_node *resource, const hr_unread_kind *kind,
                                  hr_str name_of_kind, hr_str default_namespace) {
    hr_spec_unread *out = HR_APPEND(r, unread);
    if (out == NULL)
        return NULL;
    out->kind = kind;
    out->name_of_kind = hr_reader_copy(r, name_of_kind).p;
    out->name = text_of_node(r, BELOW(resource, "metadata", "name"));
    out->namespace_ = text_of_node(r, BELOW(resource, "metadata", "namespace"));
    if (out->namespace_.len == 0)
        out->namespace_ = default_namespace;
    out->pos = hr_reader_pos(r, resource);
    return out;
}

void hr_read_unread(hr_reader *r, const hr_node *resource, const hr_unread_kind *kind,
                    hr_str name_of_kind, hr_str default_namespace) {
    const hr_node *spec = BELOW(resource, "spec");
    bool idle = hr_str_eq_c(name_of_kind, "Rollout") &&
                BELOW(spec, "strategy", "canary", "trafficRouting", "istio") == NULL;
    hr_spec_unread *out =
        idle ? NULL : new_unread(r, resource, kind, name_of_kind, default_namespace);
    if (out == NULL)
        return;
    read_unread_selector(r, out, BELOW(spec, "workloadSelector", "labels"));
    read_unread_selector(r, out, BELOW(spec, "selector", "matchLabels"));
    if (kind->reach & HR_REACH_GATEWAY)
        read_unread_targets(r, out, spec);
    if (kind->reach & HR_REACH_HOSTS)
        read_unread_hosts(r, out, spec);
    if (kind->reach & HR_REACH_RULES)
        read_unread_rules(r, out, spec);
}

void hr_read_waypoint(hr_reader *r, const hr_node *resource, hr_str name_of_kind,
                      hr_str default_namespace) {
    hr_str asked = text_of_node(r, BELOW(resource, "metadata", "labels", "istio.io/use-waypoint"));
    if (asked.len == 0 || hr_str_eq_c(asked, "none"))
        return;
    hr_spec_unread *out =
        new_unread(r, resource, &waypoint, HR_STR("istio.io/use-waypoint"), default_namespace);
    if (out == NULL)
        return;
    if (hr_str_eq_c(name_of_kind, "Namespace"))
        out->namespace_ = out->name;
    else
        read_unread_selector(r, out, BELOW(resource, "spec", "selector"));
}

/* ---- reporting ---- */

void hr_report_unread(hr_arena *arena, hr_diagnostics *d, const hr_resources *resources) {
    hr_map counts = {0}; /* kind -> size_t */
    for (size_t i = 0; i < resources->n_unread && !hr_arena_failed(arena); i++) {
        hr_str kind = hr_str_from(resources->unread[i].name_of_kind);
        size_t *n = hr_map_get(&counts, kind);
        if (n == NULL) {
            n = HR_NEW(arena, size_t);
            hr_map_add(arena, &counts, kind, n);
        }
        ++*n;
    }
    for (size_t i = 0; i < resources->n_unread && !hr_arena_failed(arena); i++) {
        const hr_spec_unread *u = &resources->unread[i];
        size_t *n = hr_map_get(&counts, hr_str_from(u->name_of_kind));
        if (n == NULL || *n == 0)
            continue;
        hr_diag_left_out(d, u->pos, "%s is not evaluated (%zu resource%s): %s", u->name_of_kind, *n,
                         *n == 1 ? "" : "s", u->kind->effect);
        *n = 0;
    }
}
