/*
 * What the controller of Argo Rollouts writes into a VirtualService while a step is under way
 * (rollout/trafficrouting/istio of argo-rollouts): the rules of setHeaderRoute and setMirrorRoute
 * are made and ordered as managedRoutes says, and setWeight divides the requests of the routes that
 * the Rollout names.
 */
#include "rollout_expand.h"
#include "arena.h"
#include "destination_rule.h"
#include "diag.h"
#include "http_route.h"
#include "resources.h"
#include "rollout.h"
#include "text.h"
#include "virtual_service.h"

#define P(s) (int)(s).len, (s).p == NULL ? "" : (s).p

typedef struct expansion {
    hr_arena *arena;
    hr_diagnostics *d;
    const hr_resources *resources;
    const hr_spec_rollout *rollout;
    const hr_rollout_target *target;
    hr_str canary_host; /* of the rules that are made */
    hr_spec_http_route *v;
    size_t n;
} expansion;

/* ---- routes by name ---- */

static int32_t rollout_route(const expansion *e, hr_str name) {
    for (size_t i = 0; i < e->n; i++)
        if (hr_str_eq(e->v[i].name, name))
            return (int32_t)i;
    return -1;
}

/* The route whose weights steps set, if the Rollout names none: the only one, or the first without
 * a name. */
static int32_t unnamed_route(const expansion *e) {
    return e->n == 1 ? 0 : rollout_route(e, HR_STR(""));
}

static int32_t first_weighted(const expansion *e) {
    return e->target->routes.n > 0 ? rollout_route(e, e->target->routes.v[0]) : unnamed_route(e);
}

static bool is_managed(const expansion *e, hr_str name) {
    for (size_t i = 0; i < e->rollout->n_managed; i++)
        if (hr_str_eq(e->rollout->managed[i].name, name))
            return true;
    return false;
}

static void remove_at(expansion *e, size_t index) {
    e->n--;
    for (size_t i = index; i < e->n; i++)
        e->v[i] = e->v[i + 1];
}

static void remove_named(expansion *e, hr_str name) {
    for (size_t i = e->n; i > 0; i--)
        if (hr_str_eq(e->v[i - 1].name, name))
            remove_at(e, i - 1);
}

static void insert_at(expansion *e, size_t index, const hr_spec_http_route *route) {
    for (size_t i = e->n; i > index; i--)
        e->v[i] = e->v[i - 1];
    e->v[index] = *route;
    e->n++;
}

/* The managed routes first, in the order of managedRoutes, then the others in theirs. */
static void order_routes(expansion *e) {
    size_t at = 0;
    for (size_t m = 0; m < e->rollout->n_managed; m++)
        for (size_t i = at; i < e->n; i++) {
            if (!hr_str_eq(e->v[i].name, e->rollout->managed[m].name))
                continue;
            hr_spec_http_route route = e->v[i];
            remove_at(e, i);
            insert_at(e, at++, &route);
        }
}

/* ---- setWeight ---- */

/* The first label of a host, which is compared with the names of Services. */
static hr_str first_label(hr_str host) {
    return hr_str_of(host.p, hr_str_find(host, '.', 0));
}

static bool is_of(const hr_spec_destination *d, hr_str service, hr_str subset) {
    return (service.len > 0 && hr_str_eq(first_label(d->host), service)) ||
           (subset.len > 0 && hr_str_eq(d->subset, subset));
}

/* Any other destination is removed, as experiments are not known here. */
static void divide(expansion *e, size_t index, int64_t weight) {
    hr_spec_http_route *http = &e->v[index];
    const hr_spec_rollout *rollout = e->rollout;
    hr_spec_route_destination *kept =
        HR_ARRAY(e->arena, hr_spec_route_destination, http->n_route + 1);
    size_t n = 0;
    for (size_t i = 0; kept != NULL && i < http->n_route; i++) {
        const hr_spec_destination *to = &http->route[i].destination;
        bool canary = is_of(to, rollout->canary_service, rollout->canary_subset);
        bool stable = is_of(to, rollout->stable_service, rollout->stable_subset);
        if (!canary && !stable && http->route[i].weight != 0)
            continue;
        kept[n] = http->route[i];
        if (canary || stable) {
            kept[n].weight = canary ? weight : 100 - weight;
            kept[n].has_weight = true;
        }
        n++;
    }
    http->route = kept;
    http->n_route = n;
}

static void set_weight(expansion *e, int64_t weight) {
    size_t n_named = e->target->routes.n;
    for (size_t i = 0; i < e->target->routes.n; i++) {
        int32_t found = rollout_route(e, e->target->routes.v[i]);
        if (found >= 0)
            divide(e, (size_t)found, weight);
    }
    for (size_t i = 0; i < e->n; i++)
        if (e->v[i].mirror != NULL && is_managed(e, e->v[i].name)) {
            divide(e, i, weight);
            n_named++;
        }
    int32_t only = n_named == 0 ? unnamed_route(e) : -1;
    if (only >= 0)
        divide(e, (size_t)only, weight);
    order_routes(e);
}

/* ---- setHeaderRoute and setMirrorRoute ---- */

static hr_spec_destination canary_of(const expansion *e, const hr_rollout_step *step) {
    int32_t weighted = first_weighted(e);
    hr_spec_destination to = {.host = e->canary_host,
                              .subset = e->rollout->canary_subset,
                              .pos = step->pos,
                              .host_pos = step->pos,
                              .subset_pos = step->pos,
                              .port_pos = step->pos};
    if (weighted >= 0 && e->v[weighted].n_route > 0)
        to.port = e->v[weighted].route[0].destination.port;
    return to;
}

static hr_spec_http_route managed_route(const hr_rollout_step *step) {
    return (hr_spec_http_route){.name = step->name,
                                .match = step->match,
                                .n_match = step->n_match,
                                .timeout_ns = -1,
                                .mirror_percentage = -1,
                                .mirror_percent = -1,
                                .pos = step->pos};
}

static void set_header_route(expansion *e, const hr_rollout_step *step) {
    hr_spec_http_route route = managed_route(step);
    hr_spec_route_destination *to = HR_NEW(e->arena, hr_spec_route_destination);
    remove_named(e, step->name);
    if (step->n_match == 0)
        return;
    *to = (hr_spec_route_destination){.weight = 100, .has_weight = true, .pos = step->pos};
    to->destination = canary_of(e, step);
    route.route = to;
    route.n_route = 1;
    insert_at(e, e->n, &route);
    order_routes(e);
}

/* The destinations of the weighted route, without their other fields. */
static void copy_destinations(expansion *e, hr_spec_http_route *out, const hr_rollout_step *step) {
    int32_t from = first_weighted(e);
    if (from < 0)
        return;
    const hr_spec_http_route *http = &e->v[from];
    hr_spec_route_destination *to =
        HR_ARRAY(e->arena, hr_spec_route_destination, http->n_route + 1);
    for (size_t i = 0; to != NULL && i < http->n_route; i++)
        to[i] = (hr_spec_route_destination){.destination = http->route[i].destination,
                                            .weight = http->route[i].weight,
                                            .has_weight = true,
                                            .pos = step->pos};
    out->route = to;
    out->n_route = to == NULL ? 0 : http->n_route;
}

static void set_mirror_route(expansion *e, const hr_rollout_step *step) {
    hr_spec_http_route route = managed_route(step);
    hr_spec_mirror *mirror = HR_NEW(e->arena, hr_spec_mirror);
    remove_named(e, step->name);
    if (step->n_match == 0)
        return;
    *mirror =
        (hr_spec_mirror){.destination = canary_of(e, step), .percentage = -1, .pos = step->pos};
    copy_destinations(e, &route, step);
    route.mirror = mirror;
    route.mirror_percentage = step->percentage;
    insert_at(e, 0, &route);
    order_routes(e);
}

/* ---- a whole rollout ---- */

/* NULL, or why the controller refuses the VirtualService. */
static const char *why_refused(const expansion *e) {
    size_t n_own = 0;
    for (size_t i = 0; i < e->n; i++)
        n_own += !is_managed(e, e->v[i].name);
    for (size_t i = 0; i < e->target->routes.n; i++)
        if (rollout_route(e, e->target->routes.v[i]) < 0)
            return "it lacks a route that the Rollout names";
    if (e->target->routes.n == 0 && n_own != 1)
        return "the Rollout names no routes, so that it must have exactly one";
    int32_t weighted = first_weighted(e);
    const hr_spec_http_route *http = weighted < 0 ? NULL : &e->v[weighted];
    const hr_spec_rollout *r = e->rollout;
    bool subsets = r->destination_rule.len > 0, stable = false, canary = false;
    for (size_t i = 0; http != NULL && i < http->n_route; i++) {
        const hr_spec_destination *to = &http->route[i].destination;
        stable |= is_of(to, subsets ? HR_STR("") : r->stable_service,
                        subsets ? r->stable_subset : HR_STR(""));
        canary |= is_of(to, subsets ? HR_STR("") : r->canary_service,
                        subsets ? r->canary_subset : HR_STR(""));
    }
    return http != NULL && !(stable && canary)
               ? "its route lacks the destination of the stable or the canary version"
               : NULL;
}

static void remove_managed(expansion *e) {
    for (size_t i = e->n; i > 0; i--)
        if (is_managed(e, e->v[i - 1].name))
            remove_at(e, i - 1);
}

static void run_steps(expansion *e, size_t n) {
    int64_t weight = 0;
    for (size_t i = 0; i < n; i++) {
        const hr_rollout_step *step = &e->rollout->steps[i];
        if (step->kind == HR_ROLLOUT_WEIGHT)
            weight = step->weight;
        else if (step->kind == HR_ROLLOUT_HEADER)
            set_header_route(e, step);
        else if (step->kind == HR_ROLLOUT_MIRROR)
            set_mirror_route(e, step);
        set_weight(e, weight);
    }
}

hr_str hr_routes_describe(hr_arena *arena, const hr_spec_http_route *rules, size_t n) {
    hr_str text = HR_STR("");
    for (size_t i = 0; i < n && text.len < 600; i++) {
        const hr_spec_http_route *http = &rules[i];
        text = hr_arena_printf(arena,
                               "%.*s%s"
                               "http[%zu]%s%.*s",
                               P(text), i == 0 ? "" : "; ", i, http->name.len > 0 ? " " : "",
                               P(http->name));
        for (size_t k = 0; k < http->n_route && text.len < 600; k++) {
            const hr_spec_destination *to = &http->route[k].destination;
            text = hr_arena_printf(arena, "%.*s%s%.*s%s%.*s %lld", P(text), k == 0 ? " -> " : ", ",
                                   P(to->host), to->subset.len > 0 ? "/" : "", P(to->subset),
                                   (long long)http->route[k].weight);
        }
        if (http->mirror != NULL)
            text = hr_arena_printf(arena, "%.*s, mirror %.*s", P(text),
                                   P(http->mirror->destination.host));
    }
    return text;
}

static hr_spec_virtual_service *target_of(const expansion *e, hr_resources *r) {
    hr_str name = first_label(e->target->name), ns = e->rollout->meta.namespace_;
    if (name.len < e->target->name.len)
        ns = first_label(hr_str_tail(e->target->name, name.len + 1));
    for (size_t i = 0; i < r->n_virtual_services; i++)
        if (hr_str_eq(r->virtual_services[i].meta.name, name) &&
            hr_str_eq(r->virtual_services[i].meta.namespace_, ns))
            return &r->virtual_services[i];
    return NULL;
}

static hr_str canary_host_of(const expansion *e) {
    const hr_resources *r = e->resources;
    for (size_t i = 0; e->rollout->destination_rule.len > 0 && i < r->n_destination_rules; i++)
        if (hr_str_eq(r->destination_rules[i].meta.name, e->rollout->destination_rule) &&
            hr_str_eq(r->destination_rules[i].meta.namespace_, e->rollout->meta.namespace_))
            return r->destination_rules[i].host;
    return e->rollout->canary_service;
}

static void expand_target(expansion *e, hr_resources *resources, size_t step) {
    const hr_spec_rollout *rollout = e->rollout;
    hr_spec_virtual_service *vs = target_of(e, resources);
    if (vs == NULL) {
        hr_diag_left_out(e->d, rollout->pos,
                         "Rollout %.*s/%.*s: the VirtualService %.*s is not loaded",
                         P(rollout->meta.namespace_), P(rollout->meta.name), P(e->target->name));
        return;
    }
    e->v = HR_ARRAY(e->arena, hr_spec_http_route, vs->n_http + rollout->n_steps + 1);
    if (e->v == NULL)
        return;
    for (e->n = 0; e->n < vs->n_http; e->n++)
        e->v[e->n] = vs->http[e->n];
    const char *refused = why_refused(e);
    if (refused != NULL) {
        hr_diag_left_out(
            e->d, rollout->pos, "Rollout %.*s/%.*s: the controller refuses VirtualService %.*s: %s",
            P(rollout->meta.namespace_), P(rollout->meta.name), P(e->target->name), refused);
        return;
    }
    bool complete = step > rollout->n_steps;
    run_steps(e, complete ? 0 : step);
    if (complete || step == 0) {
        remove_managed(e);
        set_weight(e, 0);
    }
    vs->http = e->v;
    vs->n_http = e->n;
    hr_diag_left_out(
        e->d, rollout->pos, "Rollout %.*s/%.*s, %s %zu of %zu: VirtualService %.*s has %.*s",
        P(rollout->meta.namespace_), P(rollout->meta.name),
        complete ? "complete, after step" : "step", complete ? rollout->n_steps : step,
        rollout->n_steps, P(e->target->name), P(hr_routes_describe(e->arena, e->v, e->n)));
}

void hr_rollouts_expand(hr_arena *arena, hr_diagnostics *d, hr_resources *resources, int step) {
    for (size_t i = 0; i < resources->n_rollouts && !hr_arena_failed(arena); i++) {
        const hr_spec_rollout *rollout = &resources->rollouts[i];
        size_t at = step > 0                     ? (size_t)step
                    : rollout->current_step >= 0 ? (size_t)rollout->current_step + 1
                                                 : rollout->n_steps;
        for (size_t t = 0; t < rollout->n_virtual_services; t++) {
            expansion e = {.arena = arena,
                           .d = d,
                           .resources = resources,
                           .rollout = rollout,
                           .target = &rollout->virtual_services[t]};
            e.canary_host = canary_host_of(&e);
            expand_target(&e, resources, at);
        }
    }
}
