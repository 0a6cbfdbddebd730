/* Destinations as backendRefs; a subset of a DestinationRule becomes a Service of its own. */
#include "route_backends.h"

#include "backend_tls_policy.h"
#include "destination_rule.h"
#include "host_names.h"
#include "resources.h"
#include "service.h"
#include "text.h"

/* ---- Services for subsets ---- */

static const hr_spec_subset *find_subset(hr_conversion_state *s, hr_str host, hr_str subset,
                                         const hr_spec_destination_rule **rule) {
    const hr_resources *r = s->table->resources;
    for (size_t i = 0; i < r->n_destination_rules; i++) {
        *rule = &r->destination_rules[i];
        hr_str of =
            hr_resolve_host(s->arena, (*rule)->host, (*rule)->meta.namespace_, s->table->domain);
        for (size_t k = 0; hr_str_eq(of, host) && k < (*rule)->n_subsets; k++)
            if (hr_str_eq((*rule)->subsets[k].name, subset))
                return &(*rule)->subsets[k];
    }
    return NULL;
}

static const hr_spec_service *spec_of(const hr_conversion_state *s, const hr_mesh_service *svc) {
    const hr_resources *r = s->table->resources;
    for (size_t i = 0; i < r->n_services; i++)
        if (&r->services[i].meta == svc->meta)
            return &r->services[i];
    return NULL;
}

static void put_port(hr_yaml_text *t, const hr_spec_port *port) {
    hr_yaml_put(t, "  - {");
    if (port->name.len > 0) {
        hr_yaml_put(t, "name: ");
        hr_yaml_put_scalar(t, port->name);
        hr_yaml_put(t, ", ");
    }
    hr_yaml_put(t, "port: %u", (unsigned)port->number);
    if (port->target_port_name.len > 0) {
        hr_yaml_put(t, ", targetPort: ");
        hr_yaml_put_scalar(t, port->target_port_name);
    } else if (port->target_port != 0) {
        hr_yaml_put(t, ", targetPort: %u", (unsigned)port->target_port);
    }
    if (port->protocol.len > 0)
        hr_yaml_put(t, ", protocol: %.*s", HR_S(port->protocol));
    if (port->app_protocol.len > 0) {
        hr_yaml_put(t, ", appProtocol: ");
        hr_yaml_put_scalar(t, port->app_protocol);
    }
    hr_yaml_put(t, "}\n");
}

static void put_label(hr_yaml_text *t, const hr_pair *label) {
    hr_yaml_put(t, "    ");
    hr_yaml_put_scalar(t, label->name);
    hr_yaml_put(t, ": ");
    hr_yaml_put_scalar(t, label->value);
    hr_yaml_put(t, "\n");
}

static bool has_label(const hr_spec_subset *subset, hr_str name) {
    for (size_t i = 0; i < subset->n_labels; i++)
        if (hr_str_eq(subset->labels[i].name, name))
            return true;
    return false;
}

static void write_subset_service(hr_conversion_state *s, const hr_spec_service *svc,
                                 const hr_spec_subset *subset, hr_str name) {
    hr_yaml_text t = hr_conversion_begin(s, "v1", "Service", svc->meta.namespace_, name);
    hr_yaml_put(&t, "spec:\n  selector:\n");
    for (size_t i = 0; i < svc->n_selector; i++)
        if (!has_label(subset, svc->selector[i].name))
            put_label(&t, &svc->selector[i]);
    for (size_t i = 0; i < subset->n_labels; i++)
        put_label(&t, &subset->labels[i]);
    hr_yaml_put(&t, "  ports:\n");
    for (size_t i = 0; i < svc->n_ports; i++)
        put_port(&t, &svc->ports[i]);
    hr_conversion_add(s, "Service", svc->meta.namespace_, name, &t);
}

/* A name of a Service that no loaded one has. */
static hr_str free_service_name(hr_conversion_state *s, const hr_spec_service *svc, hr_str subset) {
    hr_str name = hr_arena_printf(s->arena, "%.*s-%.*s", HR_S(svc->meta.name), HR_S(subset));
    name = hr_arena_lower(s->arena, name);
    return hr_conversion_name(s, "Service", svc->meta.namespace_, name);
}

/* The policies of the Service that name it, and not those that it becomes. */
static void lose_backend_tls(hr_conversion_state *s, const hr_spec_service *svc, hr_str made) {
    const hr_resources *r = s->table->resources;
    for (size_t i = 0; i < r->n_backend_tls_policies; i++) {
        const hr_spec_backend_tls_policy *policy = &r->backend_tls_policies[i];
        if (!hr_str_eq(policy->meta.namespace_, svc->meta.namespace_))
            continue;
        for (size_t t = 0; t < policy->n_targets; t++)
            if (hr_str_eq_c(policy->targets[t].kind, "Service") &&
                hr_str_eq(policy->targets[t].name, svc->meta.name))
                hr_diag_warn(s->found, policy->targets[t].pos, "spec.targetRefs",
                             "the TLS of the Service %.*s does not apply to the Service %.*s that "
                             "a subset became: add it to the targets",
                             HR_S(svc->meta.name), HR_S(made));
    }
}

static const hr_subset_service *subset_service(hr_route_writer *w, const hr_spec_destination *to,
                                               hr_str host, const hr_mesh_service *svc,
                                               const char *part) {
    hr_conversion_state *s = w->s;
    const hr_spec_destination_rule *rule = NULL;
    for (size_t i = 0; i < s->subsets.n; i++)
        if (hr_str_eq(s->subsets.v[i].host, host) && hr_str_eq(s->subsets.v[i].subset, to->subset))
            return &s->subsets.v[i];
    const hr_spec_service *spec = svc == NULL ? NULL : spec_of(s, svc);
    const hr_spec_subset *subset = find_subset(s, host, to->subset, &rule);
    if (spec == NULL || subset == NULL) {
        hr_route_lost(w, to->subset_pos, part,
                      "the subset %.*s needs a Service of its own, and %s is not loaded: requests "
                      "go to all pods of %.*s",
                      HR_S(to->subset), spec == NULL ? "its Service" : "its DestinationRule",
                      HR_S(host));
        return NULL;
    }
    hr_subset_service made = {
        host, to->subset, free_service_name(s, spec, to->subset), svc->namespace_, {0}};
    made.new_host = hr_arena_printf(s->arena, "%.*s.%.*s.svc.%.*s", HR_S(made.name),
                                    HR_S(made.namespace_), HR_S(s->table->domain));
    write_subset_service(s, spec, subset, made.name);
    lose_backend_tls(s, spec, made.name);
    HR_PUSH(s->arena, &s->subsets, made);
    if (rule->policy.present || subset->policy.present)
        hr_diag_warn(
            s->found, rule->pos, "",
            "its policies do not apply to the Service %.*s that the subset %.*s became: copy "
            "those of the subset into a DestinationRule for it",
            HR_S(made.name), HR_S(to->subset));
    return s->subsets.n == 0 ? NULL : &s->subsets.v[s->subsets.n - 1];
}

/* ---- references into other namespaces ---- */

static void grant(hr_route_writer *w, hr_str to) {
    hr_conversion_state *s = w->s;
    hr_str key = hr_arena_printf(s->arena, "%.*s %.*s", HR_S(w->namespace_), HR_S(to));
    if (w->mesh || hr_str_eq(to, w->namespace_) || !hr_map_add(s->arena, &s->grants, key, s))
        return;
    hr_str name = hr_conversion_name(
        s, "ReferenceGrant", to, hr_arena_printf(s->arena, "routes-of-%.*s", HR_S(w->namespace_)));
    hr_yaml_text t =
        hr_conversion_begin(s, "gateway.networking.k8s.io/v1", "ReferenceGrant", to, name);
    hr_yaml_put(&t, "spec:\n  from:\n  - {group: gateway.networking.k8s.io, kind: HTTPRoute, "
                    "namespace: ");
    hr_yaml_put_scalar(&t, w->namespace_);
    hr_yaml_put(&t, "}\n  to:\n  - {group: \"\", kind: Service}\n");
    hr_conversion_add(s, "ReferenceGrant", to, name, &t);
}

/* ---- a backend ---- */

/* "name.namespace.svc.DOMAIN" of a Service that is not loaded. */
static bool split_service_host(hr_conversion_state *s, hr_str host, hr_str *name, hr_str *ns) {
    hr_str suffix = hr_arena_printf(s->arena, ".svc.%.*s", HR_S(s->table->domain));
    if (!hr_str_ends(host, suffix) || suffix.len == 0)
        return false;
    hr_str front = hr_str_of(host.p, host.len - suffix.len);
    size_t dot = hr_str_find(front, '.', 0);
    *name = hr_str_of(front.p, dot);
    *ns = hr_str_tail(front, dot < front.len ? dot + 1 : dot);
    return ns->len > 0 && !hr_str_has(*ns, '.');
}

static uint32_t backend_port(hr_route_writer *w, const hr_spec_destination *to,
                             const hr_mesh_service *svc, const char *part) {
    if (to->port != 0)
        return to->port;
    uint32_t port = svc != NULL && svc->n_ports > 0 ? svc->ports[0].number : 80;
    if (svc == NULL || svc->n_own_ports != 1)
        hr_route_lost(w, to->pos, part,
                      "a backendRef requires a port: requests go to %u, where the VirtualService "
                      "takes the port that was called",
                      (unsigned)port);
    return port;
}

void hr_route_put_backend(hr_route_writer *w, hr_yaml_text *t, const hr_spec_destination *to,
                          const char *part) {
    hr_conversion_state *s = w->s;
    hr_str host = hr_resolve_host(s->arena, to->host, w->namespace_, s->table->domain);
    const hr_mesh_service *svc = hr_registry_find(&s->table->registry, host, w->namespace_);
    const hr_subset_service *made =
        to->subset.len == 0 ? NULL : subset_service(w, to, host, svc, part);
    hr_str name = {0}, ns = {0};
    bool service = split_service_host(s, host, &name, &ns);
    if (svc != NULL && !svc->kubernetes)
        service = false;
    if (made != NULL) {
        name = made->name;
        ns = made->namespace_;
        service = true;
    }
    if (!service) {
        hr_yaml_put(t, "group: networking.istio.io, kind: Hostname, ");
        name = host;
    }
    hr_yaml_put(t, "name: ");
    hr_yaml_put_scalar(t, name);
    if (service && !hr_str_eq(ns, w->namespace_)) {
        hr_yaml_put(t, ", namespace: ");
        hr_yaml_put_scalar(t, ns);
        grant(w, ns);
    }
    hr_yaml_put(t, ", port: %u", (unsigned)backend_port(w, to, svc, part));
}
