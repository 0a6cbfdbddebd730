/* Evaluates the conditions of a region on a request, independently of the library's prover. */
#include "where.h"

#include <stdlib.h>
#include <string.h>

#include "header_kinds.h"
#include "host_index.h"
#include "match.h"
#include "path.h"
#include "query.h"
#include "regex.h"

struct where_regex {
    const char *pattern; /* the condition's own */
    hr_regex *regex;
};

void where_free(where_reader *w) {
    for (size_t i = 0; i < w->n_regexes; i++)
        hr_regex_free(w->regexes[i].regex);
    free(w->regexes);
}

static const hr_regex *compiled(where_reader *w, hr_str pattern) {
    for (size_t i = 0; i < w->n_regexes; i++)
        if (w->regexes[i].pattern == pattern.p)
            return w->regexes[i].regex;
    w->regexes = realloc(w->regexes, (w->n_regexes + 1) * sizeof(*w->regexes));
    if (w->regexes == NULL)
        abort();
    struct where_regex *r = &w->regexes[w->n_regexes++];
    *r = (struct where_regex){pattern.p, NULL};
    if (hr_regex_new(&r->regex, NULL, pattern, NULL, 0) != HR_OK)
        abort();
    return r->regex;
}

/* ---- one value ---- */

static bool value_meets(where_reader *w, const hr_where *c, hr_str value) {
    switch (c->op) {
    case HR_WHERE_EXACT:
        return hr_str_eq(value, c->value);
    case HR_WHERE_PREFIX:
        return hr_str_starts(value, c->value);
    case HR_WHERE_SUFFIX:
        return hr_str_ends(value, c->value);
    case HR_WHERE_REGEX:
        return hr_regex_match(compiled(w, c->value), value) != 0;
    case HR_WHERE_PRESENT:
        return true;
    }
    return false;
}

/* Exact and suffix are those of virtual hosts, without letter case and port; a regex sees all of
 * it. */
static bool authority_meets(where_reader *w, const hr_where *c, hr_str authority) {
    hr_str host = hr_authority_host(authority);
    if (c->op == HR_WHERE_SUFFIX)
        return host.len > c->value.len &&
               hr_str_eq_nocase(hr_str_tail(host, host.len - c->value.len), c->value);
    if (c->op == HR_WHERE_EXACT)
        return hr_str_eq_nocase(host, c->value);
    return value_meets(w, c, authority);
}

/* ---- headers and parameters ---- */

static hr_str name_in(hr_str field, const char *kind) {
    size_t len = strlen(kind);
    return hr_str_starts(field, hr_str_from(kind)) ? hr_str_from_to(field, len, field.len - 1)
                                                   : (hr_str){0};
}

static hr_str joined_values(const hr_request *r, hr_str name, char *room) {
    const char *between = hr_str_eq_c(name, "cookie") ? "; " : ",";
    bool inlined = hr_header_is_inline(name), first = true;
    size_t n = 0;
    for (size_t i = 0; i < r->n_headers; i++) {
        hr_str value = r->headers[i].value;
        if (!hr_str_eq_nocase(r->headers[i].name, name) || (inlined && value.len == 0))
            continue;
        if (!first) {
            memcpy(room + n, between, strlen(between));
            n += strlen(between);
        }
        memcpy(room + n, value.p, value.len);
        n += value.len;
        first = false;
    }
    return hr_str_of(room, n);
}

static bool header_meets(where_reader *w, const hr_where *c, hr_str name, const hr_request *r) {
    char room[4096];
    bool each = w->each && !hr_header_is_inline(name), found = false;
    for (size_t i = 0; i < r->n_headers && !hr_header_is_stripped(name); i++) {
        if (!hr_str_eq_nocase(r->headers[i].name, name))
            continue;
        found = true;
        if (each && value_meets(w, c, r->headers[i].value))
            return true;
    }
    return found && !each && value_meets(w, c, joined_values(r, name, room));
}

static bool condition_holds(where_reader *w, const hr_where *c, const hr_request *r, hr_str full,
                            size_t path_len) {
    hr_str header = name_in(c->field, "headers["), param = name_in(c->field, "queryParams[");
    if (header.p != NULL)
        return header_meets(w, c, header, r);
    if (param.p != NULL) {
        hr_str value = hr_query_value(full, path_len, param);
        return value.p != NULL && value_meets(w, c, value);
    }
    if (hr_str_eq_c(c->field, "authority"))
        return authority_meets(w, c, r->authority);
    if (hr_str_eq_c(c->field, "path"))
        return value_meets(w, c, hr_str_of(full.p, path_len));
    return value_meets(w, c, hr_str_eq_c(c->field, "method") ? r->method : r->scheme);
}

static bool list_holds(where_reader *w, const hr_where_list *list, const hr_request *r, hr_str full,
                       size_t path_len) {
    for (size_t i = 0; i < list->n; i++)
        if (condition_holds(w, &list->v[i], r, full, path_len) == (list->v[i].negated != 0))
            return false;
    return true;
}

bool where_has(where_reader *w, const hr_diff_region *region, const hr_request *request) {
    hr_str full;
    size_t path_len;
    if (hr_scratch_reset(w->scratch) != HR_OK ||
        hr_path_normalize(&full, &path_len, w->scratch, request->path, w->normalization) !=
            HR_PATH_OK)
        abort();
    if (!list_holds(w, &region->where, request, full, path_len))
        return false;
    for (size_t i = 0; i < region->n_except; i++)
        if (list_holds(w, &region->except[i], request, full, path_len))
            return false;
    return true;
}
