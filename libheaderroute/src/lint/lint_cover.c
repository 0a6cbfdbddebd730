/*
 * Finds rules that can never decide a request: B is covered by an earlier A if each condition of A
 * follows from the conditions of B. Comparing every pair would be quadratic; so each A is filed
 * under one of its conditions, chosen so that a B which A covers finds it there.
 */
#include "lint_cover.h"

#include "diag.h"
#include "host_names.h"
#include "http_match.h"
#include "regex.h"
#include "resources.h"
#include "text.h"
#include "virtual_service.h"

/* ---- implication ---- */

static bool regex_matches(hr_linter *l, hr_str pattern, hr_str text) {
    const hr_regex *regex = hr_map_get(&l->resources->regexes, pattern);
    return regex != NULL && hr_regex_match(regex, text);
}

/* Whether every value that matches `b` matches `a`. */
static bool implies(hr_linter *l, const hr_string_match *b, const hr_string_match *a) {
    switch (a->kind) {
    case HR_SM_NONE:
    case HR_SM_PRESENCE:
        return true;
    case HR_SM_EXACT:
        return b->kind == HR_SM_EXACT && hr_str_eq(a->value, b->value);
    case HR_SM_PREFIX:
        return (b->kind == HR_SM_EXACT || b->kind == HR_SM_PREFIX) &&
               hr_str_starts(b->value, a->value);
    case HR_SM_PATH_PREFIX: /* of no VirtualService */
        return false;
    case HR_SM_REGEX:
        if (hr_str_eq_c(a->value, ".*") ||
            (b->kind == HR_SM_REGEX && hr_str_eq(a->value, b->value)))
            return true;
        return b->kind == HR_SM_EXACT && regex_matches(l, a->value, b->value);
    }
    return false;
}

static bool has_letter(hr_str s) {
    for (size_t i = 0; i < s.len; i++)
        if (hr_lower(s.p[i]) >= 'a' && hr_lower(s.p[i]) <= 'z')
            return true;
    return false;
}

/* A path begins with '/', so some matchers accept every path. */
static bool takes_every_path(const hr_string_match *uri) {
    return uri->kind == HR_SM_NONE || uri->kind == HR_SM_PRESENCE ||
           (uri->kind == HR_SM_PREFIX && (uri->value.len == 0 || hr_str_eq_c(uri->value, "/"))) ||
           (uri->kind == HR_SM_REGEX &&
            (hr_str_eq_c(uri->value, ".*") || hr_str_eq_c(uri->value, "/.*")));
}

static bool uri_implies(hr_linter *l, const hr_match_request *b, const hr_match_request *a) {
    const hr_string_match *x = &a->uri, *y = &b->uri;
    if (takes_every_path(x))
        return true;
    if (takes_every_path(y) || x->kind == HR_SM_REGEX)
        return !takes_every_path(y) && !(b->ignore_uri_case && y->kind == HR_SM_EXACT) &&
               implies(l, y, x);
    if (y->kind == HR_SM_REGEX || (x->kind == HR_SM_EXACT && y->kind != HR_SM_EXACT))
        return false;
    if (x->kind == HR_SM_EXACT && x->value.len != y->value.len)
        return false;
    if (a->ignore_uri_case)
        return hr_str_starts_nocase(y->value, x->value);
    return hr_str_starts(y->value, x->value) && (!b->ignore_uri_case || !has_letter(x->value));
}

static bool same_match_key(const hr_match_field *field, hr_str a, hr_str b) {
    return field->header_names ? hr_str_eq_nocase(a, b) : hr_str_eq(a, b);
}

static bool some_implies(hr_linter *l, const hr_match_field *field, hr_named_matches b,
                         const hr_named_match *a) {
    for (size_t i = 0; i < b.n; i++)
        if (same_match_key(field, b.v[i].name, a->name) && implies(l, &b.v[i].match, &a->match))
            return true;
    return false;
}

static bool is_absence(const hr_string_match *without) {
    return without->kind == HR_SM_PRESENCE ||
           (without->kind == HR_SM_REGEX && hr_str_eq_c(without->value, "*"));
}

/* withoutHeaders: no value of the header matches `a`; a missing header counts as an empty value. */
static bool some_excludes(hr_linter *l, const hr_match_field *field, hr_named_matches b,
                          const hr_named_match *a) {
    static const hr_string_match empty = {.kind = HR_SM_EXACT, .value = {"", 0}};
    for (size_t i = 0; i < b.n; i++) {
        const hr_named_match *other = &b.v[i];
        if (!same_match_key(field, other->name, a->name))
            continue;
        if (is_absence(&other->match)
                ? is_absence(&a->match) || !implies(l, &empty, &a->match)
                : !is_absence(&a->match) && implies(l, &a->match, &other->match))
            return true;
    }
    return false;
}

static bool has_all(const hr_str_list *list, const hr_str_list *wanted) {
    for (size_t i = 0; i < wanted->n; i++) {
        bool found = false;
        for (size_t j = 0; j < list->n && !found; j++)
            found = hr_str_eq(list->v[j], wanted->v[i]);
        if (!found)
            return false;
    }
    return true;
}

/* The conditions that the control plane evaluates. */
static bool settled_implies(const hr_match_request *b, const hr_match_request *a) {
    if (a->port != 0 && a->port != b->port)
        return false;
    if (a->gateways.n > 0) /* sourceLabels and sourceNamespace are ignored then */
        return b->gateways.n > 0 && has_all(&a->gateways, &b->gateways);
    if (a->source_namespace.len > 0 &&
        (b->gateways.n > 0 || !hr_str_eq(a->source_namespace, b->source_namespace)))
        return false;
    return a->n_source_labels == 0 ||
           (b->gateways.n == 0 && hr_pairs_subset(a->source_labels, a->n_source_labels,
                                                  b->source_labels, b->n_source_labels));
}

static bool field_implies(hr_linter *l, const hr_match_field *field, const hr_match_request *b,
                          const hr_match_request *a) {
    if (field->type == HR_MATCH_TYPE_PATH)
        return uri_implies(l, b, a);
    if (field->type == HR_MATCH_TYPE_STRING)
        return implies(l, hr_match_string(b, field), hr_match_string(a, field));
    hr_named_matches asked = hr_match_map(a, field), given = hr_match_map(b, field);
    for (size_t i = 0; i < asked.n; i++)
        if (field->excludes ? !some_excludes(l, field, given, &asked.v[i])
                            : !some_implies(l, field, given, &asked.v[i]))
            return false;
    return true;
}

int hr_match_covers(hr_linter *l, const hr_match_request *a, const hr_match_request *b) {
    static const hr_match_request none = {0};
    if (a == NULL)
        return 1;
    if (b == NULL)
        b = &none;
    if (!settled_implies(b, a))
        return 0;
    for (size_t i = 0; i < HR_MATCH_FIELD_COUNT; i++)
        if (!field_implies(l, &hr_match_fields[i], b, a))
            return 0;
    return 1;
}

/* ---- the index ---- */

typedef struct rule rule;
struct rule {
    const hr_match_request *match; /* NULL: no conditions */
    size_t route, index;
    int line;
    const void *what;
    rule *next; /* in its file, older ones last */
};

#define MOST_TRIED 2000    /* earlier rules that one rule is compared with */
#define LONGEST_PREFIX 512 /* of those that are filed by their length */

typedef struct filing {
    hr_linter *l;
    hr_map files; /* key -> rule, newest first */
    bool prefix_lengths[LONGEST_PREFIX + 1];
    rule *others; /* without a condition to file them by */
} filing;

static hr_str file_key(hr_linter *l, char kind, hr_str name, hr_str value) {
    char *key = HR_ARRAY(l->arena, char, name.len + value.len + 2);
    if (key == NULL)
        return (hr_str){0};
    key[0] = kind;
    for (size_t i = 0; i < name.len; i++)
        key[1 + i] = hr_lower(name.p[i]);
    key[1 + name.len] = '=';
    if (value.len > 0)
        memcpy(key + name.len + 2, value.p, value.len);
    return hr_str_of(key, name.len + value.len + 2);
}

static hr_str lowered_key(hr_linter *l, hr_str s) {
    char *p = HR_ARRAY(l->arena, char, s.len + 1);
    if (p == NULL)
        return (hr_str){0};
    for (size_t i = 0; i < s.len; i++)
        p[i] = hr_lower(s.p[i]);
    return hr_str_of(p, s.len);
}

/* Calls `fn` with the key of each exact condition of `m` that is of this type. */
typedef void key_fn(filing *f, hr_str key, void *ctx);

static void each_exact(filing *f, hr_match_type type, const hr_match_request *m, key_fn *fn,
                       void *ctx) {
    for (size_t i = 0; i < HR_MATCH_FIELD_COUNT; i++) {
        const hr_match_field *field = &hr_match_fields[i];
        char kind = (char)('A' + i);
        if (field->type != type || field->excludes)
            continue;
        if (type == HR_MATCH_TYPE_STRING && hr_match_string(m, field)->kind == HR_SM_EXACT)
            fn(f, file_key(f->l, kind, (hr_str){0}, hr_match_string(m, field)->value), ctx);
        hr_named_matches map =
            type == HR_MATCH_TYPE_MAP ? hr_match_map(m, field) : (hr_named_matches){0};
        for (size_t k = 0; k < map.n; k++)
            if (map.v[k].match.kind == HR_SM_EXACT)
                fn(f, file_key(f->l, kind, map.v[k].name, map.v[k].match.value), ctx);
    }
}

static void keep_first(filing *f, hr_str key, void *ctx) {
    hr_str *home = ctx;
    (void)f;
    if (home->p == NULL)
        *home = key;
}

/* The key under which a rule is filed, by its most selective kind of condition; absent if it is
 * filed among the others. */
static hr_str home_of(filing *f, const hr_match_request *m) {
    hr_str home = {0};
    each_exact(f, HR_MATCH_TYPE_MAP, m, keep_first, &home);
    if (home.p != NULL)
        return home;
    if (m->uri.kind == HR_SM_EXACT)
        return file_key(f->l, 'u', home, lowered_key(f->l, m->uri.value));
    if (m->uri.kind == HR_SM_PREFIX && m->uri.value.len <= LONGEST_PREFIX) {
        f->prefix_lengths[m->uri.value.len] = true;
        return file_key(f->l, 'p', home, lowered_key(f->l, m->uri.value));
    }
    each_exact(f, HR_MATCH_TYPE_STRING, m, keep_first, &home);
    return home;
}

static void file_rule(filing *f, rule *r) {
    hr_str home = r->match == NULL ? (hr_str){0} : home_of(f, r->match);
    rule **head = &f->others;
    if (home.p != NULL)
        head = (rule **)(void *)hr_map_at(f->l->arena, &f->files, home);
    r->next = *head;
    *head = r;
}

/* The oldest rule of a file that covers `later`, or `best` if that is older. */
static rule *oldest(filing *f, rule *file, const hr_match_request *later, rule *best,
                    size_t *tries) {
    for (rule *r = file; r != NULL && *tries > 0; r = r->next, --*tries) {
        bool older = best == NULL || r->route < best->route ||
                     (r->route == best->route && r->index < best->index);
        if (older && hr_match_covers(f->l, r->match, later))
            best = r;
    }
    return best;
}

/* The search for a rule that covers `later`. */
typedef struct search {
    const hr_match_request *later;
    rule *best;
    size_t tries;
} search;

static void look_in(filing *f, hr_str key, void *ctx) {
    search *s = ctx;
    s->best = oldest(f, hr_map_get(&f->files, key), s->later, s->best, &s->tries);
}

static void look_for_path(filing *f, search *s) {
    const hr_string_match *uri = &s->later->uri;
    bool literal = uri->kind == HR_SM_EXACT || uri->kind == HR_SM_PREFIX;
    const hr_str none = {0}, root = HR_STR("/"); /* the prefixes "" and "/" match every path */
    hr_str path = literal ? lowered_key(f->l, uri->value) : root;
    for (size_t n = 0; n <= path.len && n <= LONGEST_PREFIX; n++)
        if (f->prefix_lengths[n])
            look_in(f, file_key(f->l, 'p', none, hr_str_of(path.p, n)), s);
    if (uri->kind == HR_SM_EXACT)
        look_in(f, file_key(f->l, 'u', none, path), s);
}

static rule *covering(filing *f, const hr_match_request *later) {
    search s = {.later = later, .tries = MOST_TRIED};
    s.best = oldest(f, f->others, later, NULL, &s.tries);
    if (later == NULL || f->files.n == 0)
        return s.best;
    each_exact(f, HR_MATCH_TYPE_MAP, later, look_in, &s);
    each_exact(f, HR_MATCH_TYPE_STRING, later, look_in, &s);
    look_for_path(f, &s);
    return s.best;
}

/* ---- rules of several VirtualServices ---- */

struct hr_cover_rules {
    filing f;
};

hr_cover_rules *hr_cover_rules_new(hr_linter *l) {
    hr_cover_rules *rules = HR_NEW(l->arena, hr_cover_rules);
    rules->f.l = l;
    return rules;
}

void hr_cover_rules_add(hr_cover_rules *rules, const hr_match_request *match, size_t order,
                        const void *what) {
    rule *r = HR_NEW(rules->f.l->arena, rule);
    *r = (rule){.match = match, .route = order, .what = what};
    if (!hr_arena_failed(rules->f.l->arena))
        file_rule(&rules->f, r);
}

const void *hr_cover_rules_find(hr_cover_rules *rules, const hr_match_request *later) {
    const rule *found = covering(&rules->f, later);
    return found == NULL ? NULL : found->what;
}

/* ---- conditions that never hold ---- */

static bool serves_one_of(const hr_spec_virtual_service *vs, const hr_str_list *gateways) {
    for (size_t i = 0; i < gateways->n; i++) {
        if (vs->gateways.n == 0 && hr_str_eq_c(gateways->v[i], "mesh"))
            return true;
        for (size_t j = 0; j < vs->gateways.n; j++) {
            hr_str a = gateways->v[i], b = vs->gateways.v[j];
            size_t slash = hr_str_find(b, '/', 0), other = hr_str_find(a, '/', 0);
            hr_str short_b = slash == b.len ? b : hr_str_tail(b, slash + 1);
            hr_str short_a = other == a.len ? a : hr_str_tail(a, other + 1);
            if (hr_str_eq(short_a, short_b)) /* namespaces are compared when views are compiled */
                return true;
        }
    }
    return gateways->n == 0;
}

static const char *never(const hr_spec_virtual_service *vs, const hr_match_request *m) {
    hr_str uri = m->uri.value;
    bool literal = m->uri.kind == HR_SM_EXACT || m->uri.kind == HR_SM_PREFIX;
    if (vs->hosts.n > 0 && !serves_one_of(vs, &m->gateways)) /* a delegate has its root's */
        return "none of its gateways is listed in spec.gateways, which a match can only narrow";
    if (literal && (hr_str_has(uri, '?') || hr_str_has(uri, '#')))
        return "a path ends at the first '?' or '#'; use queryParams";
    if (literal && uri.len > 0 && uri.p[0] != '/')
        return "a path begins with '/'";
    if (m->uri.kind == HR_SM_EXACT && uri.len == 0)
        return "a path is never empty";
    for (size_t i = 0; i < m->n_without_headers; i++)
        if (m->without_headers[i].match.kind == HR_SM_REGEX &&
            hr_str_eq_c(m->without_headers[i].match.value, ".*"))
            return "withoutHeaders with the regex .* excludes every request, even those without "
                   "the header; use {}";
    return NULL;
}

/* ---- a VirtualService ---- */

static hr_str name_of(hr_linter *l, const hr_spec_virtual_service *vs, const rule *r) {
    hr_str name = vs->http[r->route].name;
    hr_str place = r->match == NULL
                       ? hr_arena_printf(l->arena, "http[%zu]", r->route)
                       : hr_arena_printf(l->arena, "http[%zu].match[%zu]", r->route, r->index);
    if (name.len == 0)
        return hr_arena_printf(l->arena, "%.*s (line %d)", (int)place.len, place.p, r->line);
    return hr_arena_printf(l->arena, "%.*s (\"%.*s\", line %d)", (int)place.len, place.p,
                           (int)name.len, name.p, r->line);
}

static bool names_all_gateways(hr_linter *l, const hr_spec_virtual_service *vs,
                               const hr_str_list *gateways) {
    static hr_str mesh[] = {{"mesh", 4}};
    const hr_str_list all = vs->gateways.n > 0 ? vs->gateways : (hr_str_list){.v = mesh, .n = 1};
    for (size_t i = 0; i < all.n; i++) {
        hr_str name = hr_resolve_gateway(l->arena, all.v[i], vs->meta.namespace_);
        bool found = false;
        for (size_t j = 0; j < gateways->n && !found; j++)
            found = hr_str_eq(gateways->v[j], name);
        if (!found)
            return false;
    }
    return vs->hosts.n > 0; /* a delegate has its root's */
}

/* The match without a list of gateways that narrows nothing. Where there is one, sourceLabels and
 * sourceNamespace are ignored. */
static const hr_match_request *
without_idle_gateways(hr_linter *l, const hr_spec_virtual_service *vs, const hr_match_request *m) {
    if (m->gateways.n == 0 || !names_all_gateways(l, vs, &m->gateways))
        return m;
    hr_match_request *plain = HR_NEW(l->arena, hr_match_request);
    *plain = *m;
    plain->gateways.n = 0;
    plain->n_source_labels = 0;
    plain->source_namespace = (hr_str){0};
    return plain;
}

static void lint_covered_route(filing *f, const hr_spec_virtual_service *vs, size_t index) {
    hr_linter *l = f->l;
    const hr_spec_http_route *route = &vs->http[index];
    size_t n = route->n_match == 0 ? 1 : route->n_match, dead = 0;
    rule **covers = HR_ARRAY(l->arena, rule *, n);
    const char **reasons = HR_ARRAY(l->arena, const char *, n);
    if (covers == NULL || reasons == NULL)
        return;
    for (size_t i = 0; i < n && !hr_arena_failed(l->arena); i++) {
        const hr_match_request *match =
            route->n_match == 0 ? NULL : without_idle_gateways(l, vs, &route->match[i]);
        reasons[i] = match == NULL ? NULL : never(vs, match);
        /* lint_delegates.c compares the rules of delegates, whose withoutHeaders replace those of
         * this rule. */
        bool alone = vs->hosts.n == 0 ||
                     (route->has_delegate && match != NULL && match->n_without_headers > 0);
        covers[i] = alone || reasons[i] != NULL ? NULL : covering(f, match);
        dead += reasons[i] != NULL || covers[i] != NULL;
        if (reasons[i] != NULL || covers[i] != NULL || route->has_delegate)
            continue; /* a rule that covers this one covers all that this rule would; the matches of
                         a delegate only narrow it */
        rule *r = HR_NEW(l->arena, rule);
        *r = (rule){.match = match,
                    .route = index,
                    .index = i,
                    .line = match == NULL ? route->pos.line : match->pos.line};
        file_rule(f, r);
    }
    for (size_t i = 0; i < n && !hr_arena_failed(l->arena); i++) {
        if (reasons[i] == NULL && covers[i] == NULL)
            continue;
        hr_lint_note_unreached(l, &vs->meta, (int32_t)index, route->n_match == 0 ? -1 : (int32_t)i);
        bool whole = dead == n;
        const char *field = route->n_match == 0 || (whole && n == 1)
                                ? HR_LINT_FIELD(l, "spec.http[%zu]", index)
                                : HR_LINT_FIELD(l, "spec.http[%zu].match[%zu]", index, i);
        hr_pos pos = route->n_match == 0 || (whole && n == 1) ? route->pos : route->match[i].pos;
        const char *subject =
            whole && n == 1 ? "this rule can never match" : "this match is never reached";
        if (reasons[i] != NULL)
            hr_diag_note(l->d, pos, "never-matches", field, "%s: %s", subject, reasons[i]);
        else
            hr_diag_note(l->d, pos, "never-matches", field,
                         "%s: %s matches every request that would reach it", subject,
                         hr_lint_text(name_of(l, vs, covers[i])));
        if (whole && n > 1 && i + 1 == n)
            hr_diag_note(l->d, route->pos, "never-matches",
                         HR_LINT_FIELD(l, "spec.http[%zu]", index),
                         "this rule can never match: none of its %zu matches is ever reached", n);
    }
}

void hr_lint_unreachable(hr_linter *l, const hr_spec_virtual_service *vs) {
    filing *f = HR_NEW(l->arena, filing);
    f->l = l;
    for (size_t i = 0; i < vs->n_http && !hr_arena_failed(l->arena); i++)
        lint_covered_route(f, vs, i);
}
