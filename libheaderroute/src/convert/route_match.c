/* HTTPMatchRequest as HTTPRouteMatch. */
#include "route_match.h"

#include "text.h"

typedef struct match_text {
    hr_yaml_text *t;
    bool begun;
} match_text;

static void begin_member(match_text *m, const char *name) {
    hr_yaml_put(m->t, "%s%s:", m->begun ? "      " : "    - ", name);
    m->begun = true;
}

/* A literal text as a regular expression. */
static hr_str quoted_regex(hr_arena *arena, const char *before, hr_str text, const char *after) {
    hr_yaml_text out = {.arena = arena};
    hr_yaml_put(&out, "%s", before);
    for (size_t i = 0; i < text.len; i++) {
        if (strchr("\\.+*?()|[]{}^$", text.p[i]) != NULL)
            hr_yaml_put(&out, "\\");
        hr_yaml_put_str(&out, hr_str_of(text.p + i, 1));
    }
    hr_yaml_put(&out, "%s", after);
    return hr_yaml_text_of(&out);
}

/* ---- paths ---- */

/* Whether the API server accepts the path in an Exact or PathPrefix match. */
static bool is_plain_path(hr_str path) {
    static const char *const parts[] = {"//", "/./", "/../", "%2f", "%2F"};
    if (path.len == 0 || path.p[0] != '/' || path.len > 1024)
        return false;
    for (size_t i = 0; i < path.len; i++) {
        char c = path.p[i];
        bool alnum = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!alnum && strchr("-/._~!$&'()*+,;=:@%", c) == NULL)
            return false;
        for (size_t k = 0; k < sizeof(parts) / sizeof(parts[0]); k++)
            if (hr_str_starts(hr_str_tail(path, i), hr_str_from(parts[k])))
                return false;
    }
    return !hr_str_ends(path, HR_STR("/.")) && !hr_str_ends(path, HR_STR("/.."));
}

static void put_path(match_text *m, const char *type, hr_str value) {
    begin_member(m, "path");
    hr_yaml_put(m->t, " {type: %s, value: ", type);
    hr_yaml_put_scalar(m->t, value);
    hr_yaml_put(m->t, "}\n");
}

static void put_prefix(hr_route_writer *w, match_text *m, const hr_string_match *uri,
                       const char *part) {
    hr_str value = uri->value;
    bool slash = value.len > 1 && hr_str_ends(value, HR_STR("/"));
    if (slash)
        value.len--;
    put_path(m, "PathPrefix", value);
    if (slash)
        hr_route_lost(w, uri->pos, part,
                      "PathPrefix compares segments: the rule takes %.*s without the slash, too",
                      HR_S(value));
    else if (value.len > 1)
        hr_route_lost(w, uri->pos, part,
                      "PathPrefix compares segments: the rule takes %.*s and %.*s/..., and no "
                      "longer for example %.*sx",
                      HR_S(value), HR_S(value), HR_S(value));
}

static hr_path_form put_uri(hr_route_writer *w, match_text *m, const hr_match_request *match,
                            const char *part) {
    const hr_string_match *uri = &match->uri;
    bool lower = match->ignore_uri_case;
    hr_arena *arena = w->s->arena;
    switch (uri->kind) {
    case HR_SM_EXACT:
        if (lower || !is_plain_path(uri->value))
            put_path(m, "RegularExpression",
                     quoted_regex(arena, lower ? "(?i)" : "", uri->value, ""));
        else
            put_path(m, "Exact", uri->value);
        return HR_PATH_WHOLE;
    case HR_SM_PREFIX:
        if (!lower && is_plain_path(uri->value)) {
            put_prefix(w, m, uri, part);
            return HR_PATH_PREFIX;
        }
        put_path(m, "RegularExpression",
                 quoted_regex(arena, lower ? "(?i)" : "", uri->value, ".*"));
        return HR_PATH_WHOLE;
    case HR_SM_REGEX:
        put_path(m, "RegularExpression", uri->value);
        return HR_PATH_WHOLE;
    default:
        return HR_PATH_ANY;
    }
}

/* ---- headers and query parameters ---- */

static void put_named_values(hr_route_writer *w, match_text *m, const char *name,
                             const hr_named_match *list, size_t n) {
    hr_arena *arena = w->s->arena;
    if (n > 0) {
        begin_member(m, name);
        hr_yaml_put(m->t, "\n");
    }
    for (size_t i = 0; i < n; i++) {
        hr_str value = list[i].match.value;
        bool exact = list[i].match.kind == HR_SM_EXACT && value.len > 0;
        if (list[i].match.kind == HR_SM_EXACT && !exact)
            value = HR_STR("^$");
        if (list[i].match.kind == HR_SM_PREFIX)
            value = quoted_regex(arena, "", value, ".*");
        if (list[i].match.kind == HR_SM_PRESENCE || list[i].match.kind == HR_SM_NONE)
            value = HR_STR(".*");
        hr_yaml_put(m->t, "      - {%sname: ", exact ? "" : "type: RegularExpression, ");
        hr_yaml_put_scalar(m->t, list[i].name);
        hr_yaml_put(m->t, ", value: ");
        hr_yaml_put_scalar(m->t, value);
        hr_yaml_put(m->t, "}\n");
    }
}

/* A name that does not belong to a header, such as a claim's. */
static const hr_named_match *unusual_name(const hr_named_match *list, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (list[i].name.len > 0 && (list[i].name.p[0] == '@' || list[i].name.p[0] == ':'))
            return &list[i];
    return NULL;
}

/* ---- conditions that HTTPRoutes lack ---- */

static bool is_route_method(hr_str method) {
    static const char *const methods[] = {"GET",     "HEAD",    "POST",  "PUT",  "DELETE",
                                          "CONNECT", "OPTIONS", "TRACE", "PATCH"};
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
        if (hr_str_eq_c(method, methods[i]))
            return true;
    return false;
}

/* The first condition that cannot be written; NULL: all can. */
static const char *lacking(const hr_match_request *m, hr_pos *pos) {
    const hr_named_match *unusual = unusual_name(m->headers, m->n_headers);
    *pos = m->pos;
    if (unusual != NULL)
        return *pos = unusual->pos, "headers";
    if (m->n_without_headers > 0)
        return *pos = m->without_headers[0].pos, "withoutHeaders";
    if (m->method.kind != HR_SM_NONE &&
        (m->method.kind != HR_SM_EXACT || !is_route_method(m->method.value)))
        return *pos = m->method.pos, "method";
    if (m->authority.kind != HR_SM_NONE)
        return *pos = m->authority.pos, "authority";
    if (m->scheme.kind != HR_SM_NONE)
        return *pos = m->scheme.pos, "scheme";
    if (m->port != 0)
        return "port";
    if (m->n_source_labels > 0)
        return "sourceLabels";
    if (m->source_namespace.len > 0)
        return "sourceNamespace";
    return NULL;
}

static const char *part_of(hr_route_writer *w, size_t index, const char *name) {
    hr_str part = hr_arena_printf(w->s->arena, "match[%zu].%s", index, name);
    return part.p == NULL ? "" : part.p;
}

bool hr_route_put_match(hr_route_writer *w, hr_yaml_text *t, const hr_match_request *match,
                        size_t index, hr_path_form *form) {
    match_text m = {.t = t};
    hr_pos pos;
    const char *name = lacking(match, &pos);
    *form = HR_PATH_ANY;
    if (name != NULL) {
        hr_route_lost(w, pos, part_of(w, index, name),
                      "HTTPRoute does not have this condition: the match is left out, and its "
                      "requests go on to later rules");
        return false;
    }
    *form = put_uri(w, &m, match, part_of(w, index, "uri"));
    put_named_values(w, &m, "headers", match->headers, match->n_headers);
    put_named_values(w, &m, "queryParams", match->query_params, match->n_query_params);
    if (match->method.kind == HR_SM_EXACT) {
        begin_member(&m, "method");
        hr_yaml_put(t, " %.*s\n", HR_S(match->method.value));
    }
    if (!m.begun) {
        put_path(&m, "PathPrefix", HR_STR("/"));
        *form = HR_PATH_PREFIX;
    }
    return true;
}
