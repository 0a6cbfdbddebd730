/* Sentences on what a decision does not take into account: resources of kinds that are not
 * evaluated, and Services that are not loaded. */
#include <stdarg.h>
#include <stdio.h>

#include "forward.h"
#include "host_names.h"
#include "registry_endpoints.h"
#include "selection.h"
#include "table.h"
#include "text.h"
#include "unread.h"
#include "view.h"

typedef struct caveats {
    const hr_view *view;
    const hr_decision *decision;
    const hr_request *request;
    hr_scratch *scratch;
    hr_str *v;
    size_t n, capacity;
    bool failed;
} caveats;

static void add_caveat(caveats *c, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add_caveat(caveats *c, const char *format, ...) {
    char text[1024];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    size_t len = n < 0 ? 0 : (size_t)n < sizeof(text) ? (size_t)n : sizeof(text) - 1;
    char *copy = c->n == c->capacity ? NULL : hr_scratch_alloc(c->scratch, len + 1);
    if (copy == NULL) {
        c->failed = c->failed || c->n < c->capacity;
        return;
    }
    memcpy(copy, text, len + 1);
    c->v[c->n++] = hr_str_of(copy, len);
}

/* ---- what a resource concerns ---- */

static const hr_mesh_service *service_of(const caveats *c) {
    hr_str host = c->decision->destination_host;
    if (host.p == NULL)
        return NULL;
    const hr_registry *registry = &c->view->table->registry;
    const hr_mesh_service *svc =
        c->view->gateway ? hr_registry_find_for_gateway(registry, host, c->view->namespace_)
                         : hr_registry_find(registry, host, c->view->namespace_);
    return svc != NULL ? svc : hr_map_get(&registry->by_host, host);
}

static bool is_for_service(const hr_spec_unread *u, const hr_mesh_service *svc) {
    for (size_t i = 0; svc != NULL && svc->kubernetes && i < u->services.n; i++)
        if (hr_str_eq(svc->namespace_, u->namespace_) &&
            hr_str_eq(svc->meta->name, u->services.v[i]))
            return true;
    return false;
}

static bool reaches_destination(const caveats *c, const hr_spec_unread *u) {
    const hr_mesh_service *svc = service_of(c);
    const hr_cluster *cluster = c->decision->cluster;
    if (!(u->kind->reach & HR_REACH_DESTINATION) || svc == NULL)
        return false;
    if (u->has_targets) /* a waypoint applies it */
        return is_for_service(u, svc);
    if (!hr_unread_counts_in(u, c->view, svc->namespace_))
        return false;
    if (cluster == NULL || cluster->n_endpoints == 0)
        return hr_unread_can_select(u, svc->selector, svc->n_selector, false) &&
               (cluster == NULL ||
                hr_unread_can_select(u, cluster->labels, cluster->n_labels, false));
    for (size_t i = 0; i < cluster->n_endpoints; i++)
        if (hr_unread_can_select(u, cluster->endpoints[i]->labels, cluster->endpoints[i]->n_labels,
                                 true))
            return true;
    return false;
}

static hr_str host_called(const caveats *c) {
    hr_str authority = c->request->authority;
    size_t colon = authority.len;
    while (colon > 0 && authority.p[colon - 1] >= '0' && authority.p[colon - 1] <= '9')
        colon--;
    return colon > 0 && authority.p[colon - 1] == ':' ? hr_str_of(authority.p, colon - 1)
                                                      : authority;
}

static bool reaches_host(const caveats *c, const hr_spec_unread *u) {
    if (!(u->kind->reach & HR_REACH_HOSTS))
        return false;
    hr_str host = host_called(c);
    for (size_t i = 0; i < u->hosts.n; i++)
        if (hr_host_is_wild(u->hosts.v[i]) ? hr_host_subset_of(host, u->hosts.v[i])
                                           : hr_str_eq_nocase(host, u->hosts.v[i]))
            return true;
    return is_for_service(u, service_of(c)) ||
           (u->hosts.n == 0 && u->services.n == 0 && c->view->gateway);
}

static bool reaches_rule(const caveats *c, const hr_spec_unread *u) {
    hr_str rule = c->decision->virtual_service;
    if (!(u->kind->reach & HR_REACH_RULES) || rule.p == NULL)
        return false;
    size_t slash = hr_str_find(rule, '/', 0);
    for (size_t i = 0; i < u->virtual_services.n; i++)
        if (hr_str_eq(hr_str_of(rule.p, slash), u->namespace_) &&
            hr_str_eq(hr_str_tail(rule, slash + 1), u->virtual_services.v[i]))
            return true;
    return false;
}

static void add_unread(caveats *c) {
    const hr_resources *r = c->view->table->resources;
    for (size_t i = 0; i < r->n_unread; i++) {
        const hr_spec_unread *u = &r->unread[i];
        if (hr_unread_selects_proxy(u, c->view) || reaches_destination(c, u) ||
            reaches_host(c, u) || reaches_rule(c, u))
            add_caveat(c, "%s %.*s/%.*s (%.*s:%d) is not evaluated: %s", u->name_of_kind,
                       (int)u->namespace_.len, u->namespace_.p, (int)u->name.len,
                       u->name.p == NULL ? "" : u->name.p, (int)u->pos.file.len, u->pos.file.p,
                       u->pos.line, u->kind->effect);
    }
}

/* ---- Services that are not loaded ---- */

static bool has_services(const caveats *c, hr_str namespace_) {
    const hr_registry *registry = &c->view->table->registry;
    for (size_t i = 0; i < registry->n_services; i++)
        if (registry->services[i]->kubernetes &&
            hr_str_eq(registry->services[i]->namespace_, namespace_))
            return true;
    return false;
}

/* The name and the namespace of a Service that a host means: `name`, `name.ns`, `name.ns.svc` or
 * `name.ns.svc.DOMAIN`. Returns false if the host is outside of the cluster. */
static bool split_service(const caveats *c, hr_str host, hr_str *name, hr_str *namespace_) {
    hr_str domain = c->view->table->domain;
    size_t dot = hr_str_find(host, '.', 0);
    *name = hr_str_of(host.p, dot);
    *namespace_ = c->view->namespace_;
    if (hr_is_ip(host) || host.len == 0)
        return false;
    if (dot == host.len)
        return true;
    hr_str rest = hr_str_tail(host, dot + 1);
    size_t next = hr_str_find(rest, '.', 0);
    *namespace_ = hr_str_of(rest.p, next);
    hr_str tail = hr_str_tail(rest, next);
    if (tail.len == 0) /* or a domain of two labels, such as example.org */
        return has_services(c, *namespace_);
    return hr_str_eq_c(tail, ".svc") ||
           (hr_str_starts(tail, HR_STR(".svc.")) && hr_str_eq(hr_str_tail(tail, 5), domain));
}

/* "; found NAME in namespace NS, port 80", or an empty text. */
static void name_others(const caveats *c, char *out, size_t size, hr_str name) {
    const hr_registry *registry = &c->view->table->registry;
    out[0] = '\0';
    for (size_t i = 0; i < registry->n_services && out[0] == '\0'; i++) {
        const hr_mesh_service *svc = registry->services[i];
        if (!svc->kubernetes || !hr_str_eq(svc->meta->name, name))
            continue;
        int n = snprintf(out, size, "; found %.*s in namespace %.*s", (int)name.len, name.p,
                         (int)svc->namespace_.len, svc->namespace_.p);
        for (size_t p = 0; p < svc->n_ports && n > 0 && (size_t)n < size; p++)
            n += snprintf(out + n, size - (size_t)n, "%s%u", p == 0 ? ", port " : ", ",
                          (unsigned)svc->ports[p].number);
    }
}

static const hr_mesh_service *loaded_service(const caveats *c, hr_str name, hr_str namespace_) {
    const hr_registry *registry = &c->view->table->registry;
    for (size_t i = 0; i < registry->n_services; i++)
        if (registry->services[i]->kubernetes &&
            hr_str_eq(registry->services[i]->meta->name, name) &&
            hr_str_eq(registry->services[i]->namespace_, namespace_))
            return registry->services[i];
    return NULL;
}

/* A VirtualService of the mesh that has the host, whose rules are not reached without the Service.
 */
static const hr_mesh_virtual_service *rule_for(const caveats *c, hr_str name, hr_str namespace_) {
    const hr_table *table = c->view->table;
    char host[600];
    int n = snprintf(host, sizeof(host), "%.*s.%.*s.svc.%.*s", (int)name.len, name.p,
                     (int)namespace_.len, namespace_.p, (int)table->domain.len, table->domain.p);
    for (size_t i = 0; n > 0 && (size_t)n < sizeof(host) && i < table->n_virtual_services; i++)
        for (size_t h = 0; h < table->virtual_services[i].n_hosts; h++)
            if (hr_str_eq_nocase(table->virtual_services[i].hosts[h], hr_str_of(host, (size_t)n)))
                return &table->virtual_services[i];
    return NULL;
}

static void add_missing_port(caveats *c, const hr_mesh_service *svc, unsigned port) {
    char ports[256] = "";
    int n = 0;
    for (size_t i = 0; i < svc->n_ports && n >= 0 && (size_t)n < sizeof(ports); i++)
        n += snprintf(ports + n, sizeof(ports) - (size_t)n, "%s%u", i == 0 ? "" : ", ",
                      (unsigned)svc->ports[i].number);
    add_caveat(c, "Service %.*s in namespace %.*s has no port %u; it has %s",
               (int)svc->meta->name.len, svc->meta->name.p, (int)svc->namespace_.len,
               svc->namespace_.p, port, n > 0 ? ports : "none");
}

static void add_missing(caveats *c, hr_str host, unsigned port) {
    hr_str name, namespace_;
    char others[512];
    if (!split_service(c, host, &name, &namespace_))
        return;
    const hr_mesh_service *svc = loaded_service(c, name, namespace_);
    if (svc != NULL) {
        if (hr_mesh_port_find(svc, (uint16_t)port) == NULL)
            add_missing_port(c, svc, port);
        else if (c->view->sidecar.p != NULL)
            add_caveat(c,
                       "the Sidecar %.*s does not import Service %.*s of namespace %.*s, so that "
                       "the proxy does not know it",
                       (int)c->view->sidecar.len, c->view->sidecar.p, (int)name.len, name.p,
                       (int)namespace_.len, namespace_.p);
        return;
    }
    const hr_mesh_virtual_service *rule =
        c->decision->cluster_name.p == NULL || c->decision->action == HR_ACTION_PASSTHROUGH
            ? rule_for(c, name, namespace_)
            : NULL;
    name_others(c, others, sizeof(others), name);
    add_caveat(c, "no Service %.*s in namespace %.*s is loaded%s%s%.*s%s", (int)name.len, name.p,
               (int)namespace_.len, namespace_.p, others,
               rule == NULL ? "" : "; the rules of VirtualService ",
               rule == NULL ? 0 : (int)rule->id.len, rule == NULL ? "" : rule->id.p,
               rule == NULL ? "" : " need it");
}

/* A call in the mesh to a host that the proxy does not know. */
static bool is_call_to_unknown(const caveats *c) {
    const hr_decision *d = c->decision;
    return !c->view->gateway && (d->action == HR_ACTION_PASSTHROUGH || d->closes_connection ||
                                 (d->local_reply.status == 502 && d->destination_host.p == NULL));
}

int hr_decision_lacks_service(const hr_decision *decision, const hr_request *request) {
    hr_str name, namespace_;
    if (decision == NULL || request == NULL || decision->view == NULL)
        return 0;
    caveats c = {.view = decision->view, .decision = decision, .request = request};
    return is_call_to_unknown(&c) && split_service(&c, host_called(&c), &name, &namespace_) &&
           loaded_service(&c, name, namespace_) == NULL && rule_for(&c, name, namespace_) != NULL;
}

static void add_missing_services(caveats *c) {
    const hr_decision *d = c->decision;
    if (is_call_to_unknown(c))
        add_missing(c, host_called(c), c->view->port);
    else if (d->destination_host.p != NULL && d->cluster == NULL && service_of(c) == NULL)
        add_missing(c, d->destination_host, d->destination_port);
}

/* ---- the whole ---- */

int hr_decision_caveats(const hr_str **out, size_t *n, const hr_decision *decision,
                        const hr_request *request, hr_scratch *scratch) {
    if (out == NULL || n == NULL)
        return HR_EINVAL;
    *out = NULL;
    *n = 0;
    if (decision == NULL || request == NULL || scratch == NULL || decision->view == NULL ||
        request->version != HR_REQUEST_VERSION)
        return HR_EINVAL;
    caveats c = {.view = decision->view,
                 .decision = decision,
                 .request = request,
                 .scratch = scratch,
                 .capacity = decision->view->table->resources->n_unread + 1};
    c.v = hr_scratch_alloc(scratch, c.capacity * sizeof(*c.v));
    if (c.v == NULL)
        return HR_ENOMEM;
    add_missing_services(&c);
    add_unread(&c);
    *out = c.v;
    *n = c.n;
    return c.failed ? HR_ENOMEM : HR_OK;
}
