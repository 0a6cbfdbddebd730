#include "match.h"

bool hr_string_matches(uint8_t kind, hr_str pattern, const hr_regex *regex, hr_str value) {
    switch (kind) {
    case HR_SM_EXACT:
        return value.len == pattern.len && hr_octets_equal(value.p, pattern.p, pattern.len);
    case HR_SM_PREFIX:
        return value.len >= pattern.len && hr_octets_equal(value.p, pattern.p, pattern.len);
    case HR_SM_REGEX:
        return regex != NULL && hr_regex_match(regex, value);
    default:
        return true;
    }
}

/* ---- headers ---- */

bool hr_same_name(const char *name, const char *lower, size_t len) {
    return hr_octets_equal(name, lower, len) || hr_str_eq_nocase(hr_str_of(name, len), hr_str_of(lower, len));
}

uint32_t hr_name_lookup(const hr_name_table *names, hr_str name) {
    char lower[256];
    if (name.len > sizeof(lower))
        return UINT32_MAX;
    for (size_t i = 0; i < name.len; i++)
        lower[i] = hr_lower(name.p[i]);
    return (uint32_t)((uintptr_t)hr_map_get(&names->numbers, hr_str_of(lower, name.len)) - 1);
}

bool hr_header_is_inline(hr_str name) {
    static const char *const names[] = {
        "accept",
        "accept-encoding",
        "access-control-request-headers",
        "access-control-request-method",
        "access-control-request-private-network",
        "authorization",
        "cache-control",
        "content-encoding",
        "content-type",
        "expect",
        "grpc-accept-encoding",
        "grpc-timeout",
        "if-match",
        "if-modified-since",
        "if-none-match",
        "if-range",
        "if-unmodified-since",
        "origin",
        "pragma",
        "referer",
        "user-agent",
        "via",
        "x-client-trace-id",
        "x-envoy-attempt-count",
        "x-envoy-decorator-operation",
        "x-envoy-downstream-service-cluster",
        "x-envoy-original-path",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-port",
        "x-forwarded-proto",
        "x-request-id",
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (hr_str_eq_c(name, names[i]))
            return true;
    return false;
}

bool hr_header_is_stripped(hr_str name) {
    static const char *const names[] = {
        "connection",
        "keep-alive",
        "proxy-connection",
        "x-envoy-expected-rq-timeout-ms",
        "x-envoy-force-trace",
        "x-envoy-internal",
        "x-envoy-ip-tags",
        "x-envoy-max-retries",
        "x-envoy-retry-grpc-on",
        "x-envoy-retry-on",
        "x-envoy-upstream-alt-stat-name",
        "x-envoy-upstream-rq-per-try-timeout-ms",
        "x-envoy-upstream-rq-timeout-alt-response",
        "x-envoy-upstream-rq-timeout-ms",
    };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (hr_str_eq_c(name, names[i]))
            return true;
    return false;
}

/* The next header of that name from `from` on; n_headers where there is none. */
static size_t next_header(const hr_request *request, hr_str name, size_t from) {
    while (from < request->n_headers && !hr_is_named(request->headers[from].name, name))
        from++;
    return from;
}

static hr_str join(hr_subject *subject, hr_str name, size_t first) {
    const hr_request *request = subject->request;
    for (const hr_joined *j = subject->scratch->joined; j != NULL; j = j->next)
        if (hr_str_eq(j->name, name))
            return j->value;
    hr_str separator = hr_str_eq_c(name, "cookie") ? HR_STR("; ") : HR_STR(",");
    bool skip_empty = hr_header_is_inline(name); /* joined as they arrive, which passes over empty ones */
    hr_sbuf s = hr_sbuf_begin(subject->scratch, 256);
    for (size_t i = first; i < request->n_headers; i = next_header(request, name, i + 1)) {
        if (skip_empty && request->headers[i].value.len == 0)
            continue;
        if (skip_empty ? s.len > 0 : i != first)
            hr_sbuf_put(&s, separator);
        hr_sbuf_put(&s, request->headers[i].value);
    }
    hr_joined *joined = hr_scratch_alloc(subject->scratch, sizeof(*joined));
    hr_str value = hr_sbuf_end(&s);
    if (joined == NULL || value.p == NULL) {
        subject->no_memory = true;
        return (hr_str){0};
    }
    *joined = (hr_joined){name, value, subject->scratch->joined};
    subject->scratch->joined = joined;
    return value;
}

static hr_str present(hr_str value) {
    return value.p == NULL ? HR_STR("") : value;
}

hr_str hr_header_value(hr_subject *subject, hr_str name) {
    size_t first = next_header(subject->request, name, 0);
    if (first == subject->request->n_headers)
        return (hr_str){0};
    if (next_header(subject->request, name, first + 1) == subject->request->n_headers)
        return present(subject->request->headers[first].value);
    return join(subject, name, first);
}

/* One value that matches is enough. */
static bool any_value_matches(const hr_cond *cond, const hr_subject *subject, size_t first) {
    const hr_request *request = subject->request;
    for (size_t i = first; i < request->n_headers; i = next_header(request, cond->name, i + 1))
        if (hr_string_matches(cond->match, cond->value, cond->regex, present(request->headers[i].value)))
            return true;
    return false;
}

static bool header_holds(const hr_cond *cond, hr_subject *subject) {
    const hr_request *request = subject->request;
    const hr_seen *seen = &subject->scratch->seen[cond->slot];
    bool found = seen->round == subject->scratch->round;
    if (cond->match == HR_SM_PRESENCE)
        return found != cond->invert;
    if (!found) /* "treat missing as empty" is said of inverted matchers alone */
        return cond->invert && !hr_string_matches(cond->match, cond->value, cond->regex, HR_STR(""));
    if (seen->repeated && cond->each)
        return any_value_matches(cond, subject, seen->first) != cond->invert;
    hr_str value = seen->repeated ? join(subject, cond->name, seen->first) : present(request->headers[seen->first].value);
    return hr_string_matches(cond->match, cond->value, cond->regex, value) != cond->invert;
}

/* ---- query ---- */

hr_str hr_query_value(hr_str full_path, size_t path_len, hr_str name) {
    if (path_len >= full_path.len)
        return (hr_str){0};
    hr_str rest = hr_str_tail(full_path, path_len + 1);
    for (;;) {
        size_t end = hr_str_find(rest, '&', 0);
        hr_str item = hr_str_of(rest.p, end);
        size_t equals = hr_str_find(item, '=', 0);
        if (hr_str_eq(hr_str_of(item.p, equals), name))
            return equals == item.len ? HR_STR("") : hr_str_tail(item, equals + 1);
        if (end == rest.len)
            return (hr_str){0};
        rest = hr_str_tail(rest, end + 1);
    }
}

/* ---- conditions ---- */

/* Pseudo headers are always there, so an inverted presence never holds. */
static bool pseudo_holds(const hr_cond *cond, hr_str value) {
    return hr_string_matches(cond->match, cond->value, cond->regex, value) != cond->invert;
}

/* Of what a proxy takes for itself, only `te: trailers` comes through. */
static hr_str stripped_value(const hr_cond *cond, hr_subject *subject) {
    hr_str value = hr_str_eq_c(cond->name, "te") ? hr_header_value(subject, cond->name) : (hr_str){0};
    return hr_str_eq_c(value, "trailers") ? value : (hr_str){0};
}

bool hr_cond_holds(const hr_cond *cond, hr_subject *subject) {
    hr_str value;
    switch ((hr_cond_kind)cond->kind) {
    case HR_COND_HEADER:
        return header_holds(cond, subject);
    case HR_COND_METHOD:
        return pseudo_holds(cond, subject->method);
    case HR_COND_SCHEME:
        return pseudo_holds(cond, subject->scheme);
    case HR_COND_AUTHORITY:
        return pseudo_holds(cond, subject->authority);
    case HR_COND_FULL_PATH:
        return pseudo_holds(cond, subject->full_path);
    case HR_COND_QUERY:
        value = hr_query_value(subject->full_path, subject->path.len, cond->name);
        return value.p != NULL && hr_string_matches(cond->match, cond->value, cond->regex, value);
    case HR_COND_STRIPPED:
        value = stripped_value(cond, subject);
        if (cond->match == HR_SM_PRESENCE)
            return (value.p != NULL) != cond->invert;
        if (value.p == NULL && !cond->invert)
            return false;
        return pseudo_holds(cond, present(value));
    case HR_COND_NEVER:
        return cond->invert;
    case HR_COND_PATH:
        break;
    }
    return false;
}

hr_str hr_cond_actual(const hr_cond *cond, hr_subject *subject) {
    switch ((hr_cond_kind)cond->kind) {
    case HR_COND_HEADER:
        return hr_header_value(subject, cond->name);
    case HR_COND_METHOD:
        return subject->method;
    case HR_COND_SCHEME:
        return subject->scheme;
    case HR_COND_AUTHORITY:
        return subject->authority;
    case HR_COND_FULL_PATH:
        return subject->full_path;
    case HR_COND_QUERY:
        return hr_query_value(subject->full_path, subject->path.len, cond->name);
    case HR_COND_STRIPPED:
        return stripped_value(cond, subject);
    case HR_COND_NEVER:
    case HR_COND_PATH:
        break;
    }
    return (hr_str){0};
}

bool hr_route_path_matches(const hr_croute *route, const hr_subject *subject) {
    switch (route->path_kind) {
    case HR_SM_EXACT:
        return route->ignore_case ? hr_str_eq_nocase(subject->path, route->path)
                                  : hr_string_matches(HR_SM_EXACT, route->path, NULL, subject->path);
    case HR_SM_PREFIX:
        return route->ignore_case ? hr_str_starts_nocase(subject->path, route->path)
                                  : hr_string_matches(HR_SM_PREFIX, route->path, NULL, subject->path);
    case HR_SM_REGEX:
        return route->path_regex != NULL && hr_regex_match(route->path_regex, subject->path);
    default:
        return true;
    }
}

bool hr_route_matches(const hr_croute *route, hr_subject *subject) {
    if (route->path_kind != HR_SM_NONE && !hr_route_path_matches(route, subject))
        return false;
    for (size_t i = 0; i < route->n_conds; i++) {
        const hr_cond *cond = &route->conds[i];
        if (cond->kind == HR_COND_HEADER ? !header_holds(cond, subject) : !hr_cond_holds(cond, subject))
            return false;
    }
    return true;
}
