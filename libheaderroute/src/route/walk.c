/* Tries routes in order, for short lists and for the trace of `explain`. */
#include "walk.h"

#include "http_match.h"
#include "table.h"

const hr_view_route *hr_walk(const hr_route_list *routes, hr_subject *subject) {
    for (size_t i = 0; i < routes->n; i++)
        if (hr_route_matches(&routes->v[i], subject))
            return &routes->v[i];
    return NULL;
}

/* ---- the trace ---- */

/* route_index counts in the VirtualService that wrote the rule, so this is the one to name. */
static hr_str author_of(const hr_origin *origin) {
    if (origin->author != NULL)
        return origin->author->words;
    if (origin->delegate.p != NULL)
        return origin->delegate;
    return origin->vs == NULL ? (hr_str){0} : origin->vs->id;
}

static hr_trace_event event_of(const hr_view_route *route, hr_trace_kind kind, bool ok) {
    return (hr_trace_event){
        .kind = kind,
        .ok = ok,
        .virtual_service = author_of(route->origin),
        .file = route->origin->file,
        .line = route->line,
        .route_index = route->route_index,
        .match_index = route->match_index,
    };
}

static hr_str text_of(hr_subject *subject, const char *prefix, hr_str a, const char *middle,
                      hr_str b, const char *end) {
    hr_sbuf s = hr_sbuf_begin(subject->scratch, 64);
    hr_sbuf_put(&s, hr_str_from(prefix));
    hr_sbuf_put(&s, a);
    hr_sbuf_put(&s, hr_str_from(middle));
    hr_sbuf_put(&s, b);
    hr_sbuf_put(&s, hr_str_from(end));
    subject->no_memory = subject->no_memory || s.failed;
    return hr_sbuf_end(&s);
}

/* A long text by its beginning, without the half of a UTF-8 character at its end, and its length.
 */
static hr_str shortened(hr_subject *subject, hr_str text) {
    if (text.len <= HR_TRACE_MAX_TEXT)
        return text;
    size_t kept = HR_TRACE_MAX_TEXT;
    for (size_t back = 0; back < 3 && ((unsigned char)text.p[kept] & 0xC0) == 0x80; back++)
        kept--;
    hr_sbuf s = hr_sbuf_begin(subject->scratch, kept + 32);
    hr_sbuf_put(&s, hr_str_of(text.p, kept));
    hr_sbuf_put(&s, HR_STR("[... "));
    hr_sbuf_put_int(&s, (int64_t)text.len);
    hr_sbuf_put(&s, HR_STR(" bytes]"));
    subject->no_memory = subject->no_memory || s.failed;
    return hr_sbuf_end(&s);
}

void hr_trace_report(const hr_tracer *t, hr_trace_event *e, hr_scratch_mark before) {
    e->expected = shortened(t->subject, e->expected);
    e->actual = shortened(t->subject, e->actual);
    t->trace(t->ctx, e);
    hr_scratch_rewind(t->subject->scratch, before);
}

static const char *kind_name(uint8_t match) {
    switch (match) {
    case HR_SM_EXACT:
        return "exact: ";
    case HR_SM_PREFIX:
        return "prefix: ";
    case HR_SM_PATH_PREFIX:
        return "path prefix: ";
    case HR_SM_REGEX:
        return "regex: ";
    default:
        return "present";
    }
}

static hr_str expected_of(const hr_tracer *t, uint8_t match, hr_str value, bool invert) {
    return text_of(t->subject, invert ? "not " : "", (hr_str){0}, kind_name(match),
                   match == HR_SM_PRESENCE ? (hr_str){0} : value, "");
}

/* A field of the match itself (method, authority), not one of its headers: its name is that of the
 * row. */
static bool is_string_field(const hr_cond *cond) {
    for (size_t i = 0; i < HR_MATCH_FIELD_COUNT; i++)
        if (hr_match_fields[i].type == HR_MATCH_TYPE_STRING &&
            cond->name.p == hr_match_fields[i].name)
            return true;
    return false;
}

static hr_str field_of(const hr_tracer *t, const hr_cond *cond) {
    if (cond->kind == HR_COND_QUERY)
        return text_of(t->subject, "queryParams[", cond->name, "]", (hr_str){0}, "");
    if (is_string_field(cond))
        return cond->name;
    const char *list = cond->invert ? "withoutHeaders[" : "headers[";
    if (cond->kind == HR_COND_CLAIM)
        list =
            cond->invert ? "withoutHeaders[@request.auth.claims" : "headers[@request.auth.claims";
    return text_of(t->subject, list, cond->name, "]", (hr_str){0}, "");
}

static bool trace_path(const hr_tracer *t, const hr_view_route *route) {
    bool ok = hr_route_path_matches(route, t->subject);
    if (route->path_kind == HR_SM_NONE)
        return ok;
    hr_scratch_mark before = hr_scratch_now(t->subject->scratch);
    hr_trace_event e = event_of(route, HR_TRACE_CONDITION, ok);
    e.field = HR_STR("uri");
    e.expected = expected_of(t, route->path_kind, hr_view_route_path(route), false);
    e.actual = t->subject->path;
    if (route->ignore_case && route->path_kind != HR_SM_REGEX)
        e.detail = HR_STR("letter case is ignored");
    hr_trace_report(t, &e, before);
    return ok;
}

static bool trace_cond(const hr_tracer *t, const hr_view_route *route, const hr_cond *cond) {
    bool ok = hr_cond_holds(cond, t->subject);
    hr_trace_event e = event_of(route, HR_TRACE_CONDITION, ok);
    e.actual = hr_cond_actual(cond, t->subject); /* joined values stay in the scratch */
    hr_scratch_mark before = hr_scratch_now(t->subject->scratch);
    e.field = field_of(t, cond);
    e.expected = expected_of(t, cond->match, cond->value, cond->invert);
    if (cond->kind == HR_COND_CLAIM && e.actual.p == NULL)
        e.detail = HR_STR("the request has no such claim of a validated token");
    else if (cond->kind == HR_COND_STRIPPED)
        e.detail = HR_STR("the proxy removes this header before it matches routes");
    else if (e.actual.p == NULL && cond->invert && cond->match != HR_SM_PRESENCE)
        e.detail = HR_STR("a missing header counts as empty in withoutHeaders");
    hr_trace_report(t, &e, before);
    return ok;
}

const hr_view_route *hr_walk_traced(const hr_route_list *routes, hr_subject *subject,
                                    hr_trace_fn trace, void *ctx) {
    hr_tracer t = {subject, trace, ctx};
    for (size_t i = 0; i < routes->n; i++) {
        const hr_view_route *route = &routes->v[i];
        bool ok = trace_path(&t, route);
        for (size_t c = 0; c < route->n_conds; c++)
            ok &= trace_cond(&t, route, &route->conds[c]);
        hr_trace_event e = event_of(route, HR_TRACE_RULE, ok);
        e.detail = hr_view_route_name(route);
        trace(ctx, &e);
        if (ok)
            return route;
    }
    return NULL;
}
