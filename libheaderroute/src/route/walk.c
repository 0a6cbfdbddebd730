#include "walk.h"

const hr_croute *hr_walk(const hr_route_list *routes, hr_subject *subject) {
    for (size_t i = 0; i < routes->n; i++)
        if (hr_route_matches(&routes->v[i], subject))
            return &routes->v[i];
    return NULL;
}

/* ---- the trace ---- */

typedef struct tracer {
    hr_subject *subject;
    hr_trace_fn trace;
    void *ctx;
} tracer;

static hr_trace_event event_of(const hr_croute *route, hr_trace_kind kind, bool ok) {
    return (hr_trace_event){
        .kind = kind,
        .ok = ok,
        .virtual_service = route->origin->vs == NULL ? (hr_str){0} : route->origin->vs->id,
        .file = route->origin->file,
        .line = route->line,
        .route_index = route->route_index,
        .match_index = route->match_index,
    };
}

static hr_str text_of(hr_subject *subject, const char *prefix, hr_str a, const char *middle, hr_str b,
                      const char *end) {
    hr_sbuf s = hr_sbuf_begin(subject->scratch, 64);
    hr_sbuf_put(&s, hr_str_from(prefix));
    hr_sbuf_put(&s, a);
    hr_sbuf_put(&s, hr_str_from(middle));
    hr_sbuf_put(&s, b);
    hr_sbuf_put(&s, hr_str_from(end));
    subject->no_memory = subject->no_memory || s.failed;
    return hr_sbuf_end(&s);
}

static const char *kind_name(uint8_t match) {
    switch (match) {
    case HR_SM_EXACT:
        return "exact: ";
    case HR_SM_PREFIX:
        return "prefix: ";
    case HR_SM_REGEX:
        return "regex: ";
    default:
        return "present";
    }
}

static hr_str expected_of(const tracer *t, uint8_t match, hr_str value, bool invert) {
    return text_of(t->subject, invert ? "not " : "", (hr_str){0}, kind_name(match),
                   match == HR_SM_PRESENCE ? (hr_str){0} : value, "");
}

/* method, scheme, authority: fields of the match itself, not of its headers. */
static bool is_scalar(const hr_cond *cond) {
    return (cond->kind == HR_COND_METHOD || cond->kind == HR_COND_SCHEME || cond->kind == HR_COND_AUTHORITY) &&
           cond->name.p[0] != ':' && !hr_str_eq_c(cond->name, "host");
}

static hr_str field_of(const tracer *t, const hr_cond *cond) {
    if (cond->kind == HR_COND_QUERY)
        return text_of(t->subject, "queryParams[", cond->name, "]", (hr_str){0}, "");
    if (is_scalar(cond))
        return cond->name;
    return text_of(t->subject, cond->invert ? "withoutHeaders[" : "headers[", cond->name, "]",
                   (hr_str){0}, "");
}

static bool trace_path(const tracer *t, const hr_croute *route) {
    bool ok = hr_route_path_matches(route, t->subject);
    if (route->path_kind == HR_SM_NONE)
        return ok;
    hr_trace_event e = event_of(route, HR_TRACE_CONDITION, ok);
    e.field = HR_STR("uri");
    e.expected = expected_of(t, route->path_kind, route->path, false);
    e.actual = t->subject->path;
    if (route->ignore_case && route->path_kind != HR_SM_REGEX)
        e.detail = HR_STR("letter case is ignored");
    t->trace(t->ctx, &e);
    return ok;
}

static bool trace_cond(const tracer *t, const hr_croute *route, const hr_cond *cond) {
    bool ok = hr_cond_holds(cond, t->subject);
    hr_trace_event e = event_of(route, HR_TRACE_CONDITION, ok);
    e.field = field_of(t, cond);
    e.expected = expected_of(t, cond->match, cond->value, cond->invert);
    e.actual = hr_cond_actual(cond, t->subject);
    if (cond->kind == HR_COND_NEVER)
        e.detail = HR_STR("claims of a token are looked up in what RequestAuthentication validated: there is none");
    else if (cond->kind == HR_COND_STRIPPED)
        e.detail = HR_STR("a proxy takes this header away before it looks for a route");
    else if (e.actual.p == NULL && cond->invert && cond->match != HR_SM_PRESENCE)
        e.detail = HR_STR("a missing header counts as empty in withoutHeaders");
    t->trace(t->ctx, &e);
    return ok;
}

const hr_croute *hr_walk_traced(const hr_route_list *routes, hr_subject *subject, hr_trace_fn trace, void *ctx) {
    tracer t = {subject, trace, ctx};
    for (size_t i = 0; i < routes->n; i++) {
        const hr_croute *route = &routes->v[i];
        bool ok = trace_path(&t, route);
        for (size_t c = 0; c < route->n_conds; c++)
            ok &= trace_cond(&t, route, &route->conds[c]);
        hr_trace_event e = event_of(route, HR_TRACE_RULE, ok);
        e.detail = route->origin->name;
        trace(ctx, &e);
        if (ok)
            return route;
    }
    return NULL;
}
