/* The entries of spec.http as routes of one view: what depends on the view is consumed here. */
#include "route_compile.h"

#include <stdlib.h>

#include "action.h"
#include "header_kinds.h"
#include "host_names.h"
#include "http_route.h"
#include "index.h"
#include "literal_filter.h"
#include "name_rules.h"
#include "text.h"
#include "virtual_service.h"

/* ---- conditions ---- */

typedef struct cond_writer {
    hr_view_build *vb;
    hr_cond *v;
    size_t n;
    bool conditional; /* anything at all that keeps the route from being a catch-all */
} cond_writer;

hr_cond_kind hr_header_cond_kind(hr_str lower) {
    static const struct {
        const char *name;
        hr_cond_kind kind;
    } pseudo[] = {{":method", HR_COND_METHOD},
                  {":scheme", HR_COND_SCHEME},
                  {":authority", HR_COND_AUTHORITY},
                  {"host", HR_COND_AUTHORITY},
                  {":path", HR_COND_FULL_PATH}};
    for (size_t i = 0; i < sizeof(pseudo) / sizeof(pseudo[0]); i++)
        if (hr_str_eq_c(lower, pseudo[i].name))
            return pseudo[i].kind;
    bool stripped = hr_header_is_stripped(lower) || hr_str_eq_c(lower, "te");
    return stripped ? HR_COND_STRIPPED : HR_COND_HEADER;
}

/* Identifies a matcher: a pattern has one hr_regex; the subject is given by the kind and the number
 * of the name. */
typedef struct matcher_key {
    const hr_regex *regex;
    uint32_t kind, slot;
} matcher_key;

/* Claims have several values, of which none is kept as a verdict. */
static const hr_matcher *matcher_of_claim(hr_view_build *vb, hr_str pattern) {
    hr_matcher *made = HR_NEW(vb->arena, hr_matcher);
    *made = (hr_matcher){.regex = hr_table_regex(vb->table, pattern), .pattern = pattern};
    return made;
}

static const hr_matcher *matcher_of(hr_view_build *vb, hr_cond_kind kind, uint32_t slot,
                                    hr_str pattern) {
    matcher_key key = {hr_table_regex(vb->table, pattern), (uint32_t)kind, slot};
    hr_str octets = hr_str_of((const char *)&key, sizeof(key));
    hr_matcher *known = hr_map_get(&vb->matchers, octets);
    if (known != NULL)
        return known;
    hr_matcher *made = HR_NEW(vb->arena, hr_matcher);
    *made = (hr_matcher){
        .regex = key.regex, .pattern = pattern, .number = (uint32_t)vb->view->n_verdicts++};
    hr_literals_add(vb, made, key.kind, key.slot, pattern);
    hr_map_add(vb->temp, &vb->matchers, hr_arena_copy(vb->temp, octets), made);
    return made;
}

/* Istio turns `{}` and the regex "*" into presence. The condition's kind and slot are set before.
 */
static void set_matcher(cond_writer *w, hr_cond *cond, const hr_string_match *m) {
    cond->match = (uint8_t)m->kind;
    cond->value = m->value.p == NULL ? HR_STR("") : m->value;
    if (m->kind == HR_SM_NONE || (m->kind == HR_SM_REGEX && hr_str_eq_c(m->value, "*")))
        cond->match = HR_SM_PRESENCE;
    if (cond->match == HR_SM_REGEX && cond->kind == HR_COND_CLAIM)
        cond->regex = matcher_of_claim(w->vb, m->value);
    else if (cond->match == HR_SM_REGEX)
        cond->regex = matcher_of(w->vb, cond->kind, cond->slot, m->value);
}

static uint32_t number_in(hr_view_build *vb, hr_name_table *names, hr_str name) {
    void **place = hr_map_at(vb->arena, &names->numbers, name);
    if (*place == NULL) {
        size_t length = name.len % 64;
        if (names->n < HR_FEW_NAMES) {
            names->next[names->n] = names->first[length];
            names->first[length] = (uint8_t)(names->n + 1);
        }
        HR_PUSH(vb->arena, names, name);
        names->lengths |= UINT64_C(1) << length;
        *place = (void *)(uintptr_t)names->n;
    }
    return (uint32_t)((uintptr_t)*place - 1);
}

uint32_t hr_name_number(hr_view_build *vb, hr_str name) {
    return number_in(vb, &vb->view->names, name);
}

hr_str hr_claim_name(hr_arena *arena, hr_str written) {
    if (written.p[0] == '[')
        return hr_arena_copy(arena, written);
    hr_str name = HR_STR("");
    for (size_t from = 1; from <= written.len;) {
        size_t dot = hr_str_find(written, '.', from);
        name = hr_arena_printf(arena, "%.*s[%.*s]", (int)name.len, name.p, (int)(dot - from),
                               written.p + from);
        from = dot + 1;
    }
    return name;
}

static void add_claim(cond_writer *w, const hr_match_field *field, const hr_named_match *in) {
    hr_cond *cond = &w->v[w->n++];
    *cond = (hr_cond){.kind = HR_COND_CLAIM,
                      .invert = field->excludes,
                      .name = hr_claim_name(w->vb->arena, hr_claim_of_header(in->name))};
    set_matcher(w, cond, &in->match);
}

static void add_header(cond_writer *w, const hr_match_field *field, const hr_named_match *in) {
    hr_cond *cond = &w->v[w->n++];
    *cond = (hr_cond){.invert = field->excludes, .name = hr_arena_lower(w->vb->arena, in->name)};
    cond->kind = (uint8_t)hr_header_cond_kind(cond->name);
    if (cond->kind == HR_COND_HEADER)
        cond->slot = hr_name_number(w->vb, cond->name);
    else if (cond->kind == HR_COND_STRIPPED)
        cond->slot = hr_str_eq_c(
            cond->name, "te"); /* the others are absent, so that their subject is the same */
    set_matcher(w, cond, &in->match);
}

static void add_query(cond_writer *w, const hr_match_field *field, const hr_named_match *in) {
    hr_cond *cond = &w->v[w->n++];
    *cond = (hr_cond){.kind = HR_COND_QUERY,
                      .invert = field->excludes,
                      .name = in->name,
                      .slot = number_in(w->vb, &w->vb->view->params, in->name)};
    set_matcher(w, cond, &in->match);
}

/* What a string looks at is always there: presence says nothing at run time. */
static void add_string(cond_writer *w, const hr_match_field *field, const hr_string_match *m) {
    if (m->kind == HR_SM_NONE)
        return;
    w->conditional = true;
    hr_cond *cond = &w->v[w->n];
    *cond = (hr_cond){.kind = (uint8_t)field->cond, .name = hr_str_from(field->name)};
    set_matcher(w, cond, m);
    if (cond->match != HR_SM_PRESENCE)
        w->n++;
}

static void add_field(cond_writer *w, const hr_match_field *field, const hr_match_request *m) {
    if (field->type == HR_MATCH_TYPE_STRING)
        add_string(w, field, hr_match_string(m, field));
    if (field->type != HR_MATCH_TYPE_MAP)
        return;
    hr_named_matches map = hr_match_map(m, field);
    w->conditional |= map.n > 0;
    for (size_t i = 0; i < map.n; i++) {
        if (field->header_names && hr_is_jwt_claim(map.v[i].name))
            add_claim(w, field, &map.v[i]);
        else if (field->header_names)
            add_header(w, field, &map.v[i]);
        else
            add_query(w, field, &map.v[i]);
    }
}

/* Regexes last: they cost most. The order decides nothing else. */
static void cheap_first(hr_cond *v, size_t n) {
    for (size_t i = 1; i < n; i++)
        for (size_t j = i; j > 0 && v[j - 1].match == HR_SM_REGEX && v[j].match != HR_SM_REGEX;
             j--) {
            hr_cond moved = v[j];
            v[j] = v[j - 1];
            v[j - 1] = moved;
        }
}

/* The longest value that is copied behind its condition. */
#define SHORT_VALUE 64

static const hr_cond *packed(hr_view_build *vb, const hr_cond *v, size_t n) {
    size_t text = 0;
    for (size_t i = 0; i < n; i++)
        text += v[i].value.len <= SHORT_VALUE ? v[i].value.len : 0;
    hr_cond *out = hr_arena_array(vb->arena, 1, n * sizeof(*v) + text);
    if (out == NULL)
        return NULL;
    char *at = (char *)(out + n);
    for (size_t i = 0; i < n; i++) {
        out[i] = v[i];
        if (v[i].value.len > SHORT_VALUE || v[i].value.len == 0)
            continue;
        memcpy(at, v[i].value.p, v[i].value.len);
        out[i].value.p = at;
        at += v[i].value.len;
    }
    return out;
}

static void compile_conditions(hr_view_build *vb, hr_view_route *route, const hr_match_request *m) {
    hr_cond few[8];
    size_t most = 0;
    for (size_t i = 0; i < HR_MATCH_FIELD_COUNT; i++)
        most += hr_match_fields[i].type == HR_MATCH_TYPE_MAP
                    ? hr_match_map(m, &hr_match_fields[i]).n
                    : 1;
    bool fit = most <= sizeof(few) / sizeof(few[0]);
    cond_writer w = {.vb = vb, .v = fit ? few : HR_ARRAY(vb->arena, hr_cond, most)};
    if (w.v == NULL)
        return;
    for (size_t i = 0; i < HR_MATCH_FIELD_COUNT; i++)
        add_field(&w, &hr_match_fields[i], m);
    cheap_first(w.v, w.n);
    route->conds = packed(vb, w.v, w.n);
    route->n_conds = (uint16_t)w.n;
    route->catch_all = !w.conditional;
}

static void compile_path(hr_view_build *vb, hr_view_route *route, const hr_match_request *m) {
    const hr_string_match *uri = &m->uri;
    route->ignore_case = m->ignore_uri_case;
    if (uri->kind == HR_SM_NONE || uri->kind == HR_SM_PRESENCE)
        return;
    route->path_kind = (uint8_t)uri->kind;
    route->path_len = (uint32_t)uri->value.len;
    route->has_matcher = uri->kind == HR_SM_REGEX;
    if (route->has_matcher)
        route->path.matcher = matcher_of(vb, HR_COND_PATH, 0, uri->value);
    else
        route->path.text = uri->value.p == NULL ? "" : uri->value.p;
}

/* Prefix `/`, the regex `.*`, or no uri: and nothing else to look at. */
static bool path_takes_all(const hr_view_route *route) {
    hr_str path = hr_view_route_path(route);
    return route->path_kind == HR_SM_NONE ||
           (route->path_kind == HR_SM_PREFIX && hr_str_eq_c(path, "/")) ||
           (route->path_kind == HR_SM_REGEX && hr_str_eq_c(path, ".*"));
}

/* ---- what the view decides ---- */

const char *hr_match_why_omitted(const hr_view *view, const hr_match_request *m,
                                 const hr_compile_scope *scope) {
    if (m->port != 0 && m->port != scope->port)
        return "its port is a different one";
    for (size_t i = 0; i < m->gateways.n; i++)
        if (hr_str_eq(m->gateways.v[i], scope->gateway))
            return NULL;
    if (m->gateways.n > 0) /* labels and namespace do not count where gateways are given */
        return "its gateways do not include this one";
    if (!hr_pairs_subset(m->source_labels, m->n_source_labels, view->labels, view->n_labels))
        return "its sourceLabels do not match this proxy";
    if (m->source_namespace.len > 0 && !hr_str_eq(m->source_namespace, view->namespace_))
        return "its sourceNamespace does not match this proxy";
    return NULL;
}

static hr_str route_name(hr_view_build *vb, hr_str route, hr_str match) {
    if (match.len == 0)
        return route.len == 0 ? (hr_str){0} : route;
    return hr_arena_printf(vb->arena, "%.*s.%.*s", (int)route.len, route.p == NULL ? "" : route.p,
                           (int)match.len, match.p);
}

typedef struct emitter {
    hr_view_build *vb;
    hr_route_list *out;
    const hr_mesh_virtual_service *vs;
    const hr_compile_scope *scope;
    hr_map origins; /* by origin_key; in the view's temporary arena */
} emitter;

/* What distinguishes the origins of one VirtualService. Equal texts at several places make several
 * origins, which cost memory only. */
typedef struct origin_key {
    const hr_mesh_author *author;
    const char *file, *delegate;
    size_t root_index;
} origin_key;

static const hr_origin no_origin;

static const hr_origin *make_origin(emitter *e, const hr_mesh_http_route *entry, hr_str file) {
    const hr_mesh_author *author = entry->author;
    hr_origin *origin = HR_LINES(e->vb->arena, hr_origin, 1);
    if (origin == NULL)
        return &no_origin;
    *origin = (hr_origin){.written = true,
                          .delegated = entry->delegate.p != NULL,
                          .kind = author == NULL ? HR_STR("VirtualService") : author->kind,
                          .id = author == NULL ? e->vs->id : author->id,
                          .file = file,
                          .author = author,
                          .vs = e->vs,
                          .delegate = entry->delegate,
                          .root_index = -1};
    if (origin->delegated) {
        origin->root_index = entry->root_index;
        origin->root_pos = e->vs->resource->http[entry->root_index].pos;
    }
    return origin;
}

static const hr_origin *origin_of(emitter *e, const hr_mesh_http_route *entry, hr_str file) {
    const origin_key key = {entry->author, file.p, entry->delegate.p,
                            entry->delegate.p == NULL ? 0 : (size_t)entry->root_index};
    hr_str octets = hr_str_of((const char *)&key, sizeof(key));
    const hr_origin *known = hr_map_get(&e->origins, octets);
    if (known != NULL)
        return known;
    const hr_origin *made = make_origin(e, entry, file);
    hr_map_add(e->vb->temp, &e->origins, hr_arena_copy(e->vb->temp, octets), made);
    return made;
}

static void emit(emitter *e, const hr_mesh_http_route *entry, const hr_view_action *plan,
                 const hr_match_request *m, int32_t match_index) {
    const hr_spec_http_route *http = entry->http;
    hr_view_route *route = &e->out->v[e->out->n++];
    bool own_match = m != NULL && !entry->has_root_matches;
    const hr_pos *pos = own_match ? &m->pos : &http->pos;
    hr_str name = route_name(e->vb, http->name, m == NULL ? (hr_str){0} : m->name);
    *route = (hr_view_route){
        .action = plan,
        .origin = origin_of(e, entry, pos->file),
        .name = name.p,
        .name_len = (uint32_t)name.len,
        .line = pos->line,
        .route_index = entry->index,
        .match_index = own_match ? match_index : -1,
        .catch_all = true,
    };
    if (m != NULL) {
        compile_path(e->vb, route, m);
        compile_conditions(e->vb, route, m);
    }
    route->catch_all = route->catch_all && path_takes_all(route);
    if (route->path_kind == HR_SM_PREFIX && hr_str_eq_c(hr_view_route_path(route), "/"))
        route->path_kind =
            HR_SM_NONE; /* every path begins with it; a rewrite then replaces the same "/" */
}

/* In whose spec.http the entry has its index. */
static hr_str author_of_entry(const hr_mesh_http_route *entry, const hr_mesh_virtual_service *vs) {
    if (entry->author != NULL)
        return entry->author->words;
    return entry->delegate.p != NULL ? entry->delegate : vs->id;
}

static bool emit_entry(emitter *e, const hr_mesh_http_route *entry) {
    const hr_spec_http_route *http = entry->http;
    const hr_view_action *plan = NULL;
    if (http->n_match == 0) {
        emit(e, entry, hr_action_compile(e->vb, entry, e->scope), NULL, -1);
        return true;
    }
    for (size_t i = 0; i < http->n_match; i++) {
        const hr_match_request *m = &http->match[i];
        int32_t index = entry->match_index == NULL ? (int32_t)i : entry->match_index[i];
        const char *omitted = hr_match_why_omitted(e->vb->view, m, e->scope);
        if (omitted != NULL) {
            hr_view_omit(e->vb, author_of_entry(entry, e->vs), m->pos, entry->index, index,
                         omitted);
            continue;
        }
        if (plan == NULL)
            plan = hr_action_compile(e->vb, entry, e->scope);
        emit(e, entry, plan, m, index);
        if (e->out->v[e->out->n - 1].catch_all)
            return true;
    }
    return false;
}

void hr_routes_compile(hr_view_build *vb, hr_route_list *out, const hr_mesh_virtual_service *vs,
                       const hr_compile_scope *scope) {
    size_t most = 0;
    for (size_t i = 0; i < vs->n_http; i++)
        most += vs->http[i].http->n_match == 0 ? 1 : vs->http[i].http->n_match;
    *out = (hr_route_list){.v = HR_LINES(vb->arena, hr_view_route, most)};
    if (out->v == NULL)
        return;
    for (size_t i = 0; i < vs->n_dropped; i++) {
        const hr_dropped_rule *d = &vs->dropped[i];
        hr_view_omit(vb, d->id, d->pos, d->index, -1, d->reason);
    }
    emitter e = {.vb = vb, .out = out, .vs = vs, .scope = scope};
    for (size_t i = 0; i < vs->n_http; i++) {
        if (!emit_entry(&e, &vs->http[i]))
            continue;
        for (size_t rest = i + 1; rest < vs->n_http; rest++)
            hr_view_omit(vb, author_of_entry(&vs->http[rest], vs), vs->http[rest].http->pos,
                         vs->http[rest].index, -1, "an earlier rule matches every request");
        break;
    }
    out->index = hr_index_build(vb->arena, out, vb->view->names.n);
}

const hr_route_list *hr_routes_single(hr_view_build *vb, const hr_view_action *plan, hr_str name) {
    hr_route_list *list = HR_NEW(vb->arena, hr_route_list);
    list->v = HR_LINES(vb->arena, hr_view_route, 1);
    if (list->v == NULL)
        return list;
    list->n = 1;
    list->v[0] = (hr_view_route){.action = plan,
                                 .origin = &no_origin,
                                 .name = name.p,
                                 .name_len = (uint32_t)name.len,
                                 .route_index = -1,
                                 .match_index = -1,
                                 .catch_all = true};
    return list;
}
