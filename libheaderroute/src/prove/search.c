/*
 * Looking for a request in a region: conditions are narrowed down only where the library's own
 * decision about the request at hand shows that an earlier rule takes it. A request that is found
 * was therefore decided by hr_route on both sides; a search that ends without one has excluded all
 * of the region.
 */
#include "search.h"

#include "solve.h"

#define MOST_DEPTH 2000

/* ---- boxes ---- */

void hr_box_reset(hr_comparison *c) {
    for (size_t i = 0; i < c->box.touched.n; i++) {
        hr_box_attr *attr = &c->box.v[c->box.touched.v[i]];
        attr->literals.n = 0;
        attr->values = (hr_values){0};
    }
    c->box.touched.n = 0;
}

static void box_push(hr_comparison *c, hr_literal l) {
    uint32_t number = hr_atom_of(&c->u, l)->attr;
    hr_box_attr *attr = &c->box.v[number];
    if (attr->literals.n == 0)
        HR_PUSH(c->b, &c->box.touched, number);
    HR_PUSH(c->b, &attr->literals, l);
}

static bool box_has(const hr_comparison *c, hr_literal l) {
    const hr_box_attr *attr = &c->box.v[hr_atom_of(&c->u, l)->attr];
    for (size_t i = 0; i < attr->literals.n; i++)
        if (attr->literals.v[i] == l)
            return true;
    return false;
}

static hr_truth box_solve(hr_comparison *c, uint32_t number, const char **why) {
    hr_box_attr *attr = &c->box.v[number];
    return hr_solve(&c->u, number, attr->literals.v, attr->literals.n, &attr->values, why);
}

hr_truth hr_box_add(hr_comparison *c, hr_literal l, const char **why) {
    if (!box_has(c, l))
        box_push(c, l);
    return box_solve(c, hr_atom_of(&c->u, l)->attr, why);
}

/* What the authority's class says as literals: its own name, and none of the narrower ones. */
static hr_truth add_class_literals(hr_comparison *c, const hr_host_class *class, const char **why) {
    hr_truth result = HR_YES;
    for (size_t i = 0; i < c->hosts.classes.n && result != HR_NO; i++) {
        const hr_host_class *other = c->hosts.classes.v[i];
        bool itself = other == class && class->kind != HR_HOST_ANY;
        if (!itself && !hr_host_narrower(other, class))
            continue;
        hr_language language = {.kind = other->kind == HR_HOST_EXACT ? HR_LANG_HOST
                                                                     : HR_LANG_HOST_SUFFIX,
                                .text = other->text};
        hr_literal literal = hr_universe_literal(&c->u, HR_ATTR_AUTHORITY, &language);
        hr_truth t = hr_box_add(c, itself ? literal : hr_not(literal), why);
        result = t == HR_YES ? result : t;
    }
    return result;
}

hr_truth hr_box_fill(hr_comparison *c, const hr_host_class *only, const hr_pair_of_rules *pair,
                     const char **why) {
    hr_truth result = HR_YES;
    hr_box_reset(c);
    c->u.authority_example = only == NULL ? (hr_str){0} : only->example;
    if (only != NULL)
        result = add_class_literals(c, only, why);
    for (size_t side = 0; side < 2; side++) {
        const hr_rule *rule = &pair->lists[side]->v[pair->index[side]];
        for (uint32_t i = 0; i < rule->n && result != HR_NO; i++) {
            hr_truth t = hr_box_add(c, rule->literals[i], why);
            result = t == HR_YES ? result : t;
        }
    }
    return result;
}

/* ---- requests ---- */

static void path_put(hr_comparison *c, hr_str s) {
    for (size_t i = 0; i < s.len; i++)
        HR_PUSH(c->b, &c->path, s.p[i]);
}

static void send_path(hr_comparison *c, hr_str path) {
    if (c->written_size < path.len * 3) {
        c->written_size = path.len * 6;
        c->written = HR_ARRAY(c->b, char, c->written_size);
    }
    if (c->written != NULL)
        path_put(c,
                 hr_str_of(c->written, hr_domain_write_path(
                                           c->written, c->u.attrs.v[HR_ATTR_PATH].domain, path)));
}

static void put_query_parameter(hr_comparison *c, hr_str name, hr_str value, bool first) {
    path_put(c, first ? HR_STR("?") : HR_STR("&"));
    path_put(c, name);
    path_put(c, HR_STR("="));
    path_put(c, value);
}

static void put_named(hr_comparison *c, uint32_t number, bool *query) {
    const hr_attr *attr = &c->u.attrs.v[number];
    hr_values values = c->box.v[number].values;
    for (size_t i = 0; i < values.n; i++) {
        if (attr->kind == HR_ATTR_QUERY) {
            put_query_parameter(c, attr->name, values.v[i], !*query);
            *query = true;
        } else if (attr->kind == HR_ATTR_HEADER && attr->name.p[0] == '@') {
            hr_pair claim = {hr_str_tail(attr->name, sizeof("@request.auth.claims") - 1),
                             values.v[i]};
            HR_PUSH(c->b, &c->claims, claim);
        } else if (attr->kind == HR_ATTR_HEADER) {
            hr_pair header = {attr->name, values.v[i]};
            HR_PUSH(c->b, &c->headers, header);
        }
    }
}

static hr_str box_value(const hr_comparison *c, hr_attr_kind kind, hr_str otherwise) {
    hr_values values = c->box.v[kind].values;
    return c->box.v[kind].literals.n > 0 && values.n > 0 ? values.v[0] : otherwise;
}

static void make_request(hr_comparison *c, hr_str authority) {
    bool query = false;
    c->headers.n = c->claims.n = c->path.n = 0;
    send_path(c, box_value(c, HR_ATTR_PATH, HR_STR("/")));
    for (size_t i = 0; i < c->box.touched.n; i++)
        if (c->box.v[c->box.touched.v[i]].literals.n > 0)
            put_named(c, c->box.touched.v[i], &query);
    c->request = (hr_request)HR_REQUEST_INIT;
    c->request.method = box_value(c, HR_ATTR_METHOD, HR_STR("GET"));
    c->request.scheme = box_value(c, HR_ATTR_SCHEME, HR_STR("http"));
    c->request.authority = box_value(c, HR_ATTR_AUTHORITY, authority);
    c->request.path = hr_str_of(c->path.v, c->path.n);
    c->request.headers = c->headers.v;
    c->request.n_headers = c->headers.n;
    c->request.claims = c->claims.v;
    c->request.n_claims = c->claims.n;
}

/* With the headers that the view's proxies set or remove first. */
static int pass_edge(hr_comparison *c) {
    size_t size = c->edge_size;
    int error = hr_edge_request(&c->edge, c->views[0], &c->request, c->edge_room, &size);
    if (error != HR_ENOSPC)
        return error;
    c->edge_size = size * 2;
    c->edge_room = HR_ARRAY(c->b, char, c->edge_size);
    return c->edge_room == NULL
               ? HR_ENOMEM
               : hr_edge_request(&c->edge, c->views[0], &c->request, c->edge_room, &c->edge_size);
}

int hr_ask_both(hr_comparison *c, const hr_rule_list *const lists[2], size_t index[2]) {
    int error = pass_edge(c);
    for (size_t side = 0; side < 2; side++) {
        hr_decision d = HR_DECISION_INIT;
        if (error == HR_OK)
            error = hr_note_no_memory(c, hr_route(&d, c->views[side], &c->edge, c->scratch));
        if (error != HR_OK)
            return error;
        index[side] = hr_rule_chosen(lists[side], &d);
    }
    return HR_OK;
}

/* ---- the search ---- */

typedef struct searcher {
    hr_comparison *c;
    const hr_pair_of_rules *pair;
    hr_str authority;
    unsigned steps;
    const char *why;
} searcher;

static hr_truth search_step(searcher *s, unsigned depth);

static void box_pop(hr_comparison *c, hr_literal l, hr_values values) {
    hr_box_attr *attr = &c->box.v[hr_atom_of(&c->u, l)->attr];
    if (hr_arena_failed(c->b)) /* what was to be pushed may not be there */
        return;
    attr->literals.n--;
    attr->values = values;
    if (attr->literals.n == 0)
        c->box.touched.n--;
}

/* The box without what meets `l`. */
static hr_truth search_without(searcher *s, hr_literal l, unsigned depth) {
    hr_comparison *c = s->c;
    uint32_t attr = hr_atom_of(&c->u, l)->attr;
    hr_values before = c->box.v[attr].values;
    box_push(c, hr_not(l));
    hr_truth t = box_solve(c, attr, &s->why);
    if (t == HR_YES)
        t = search_step(s, depth + 1);
    if (t != HR_YES)
        box_pop(c, l, before);
    return t;
}

/* The box without what meets all of the rule's literals, in parts that do not overlap: without the
 * first; with the first but without the second; and so on. */
static hr_truth search_outside(searcher *s, const hr_rule *rule, unsigned depth) {
    hr_comparison *c = s->c;
    hr_truth result = HR_NO;
    HR_LIST(hr_literal) added = {0};
    for (uint32_t i = 0; i < rule->n; i++) {
        hr_literal l = rule->literals[i];
        if (box_has(c, l))
            continue;
        if (box_has(c, hr_not(l))) {
            s->why = s->why != NULL ? s->why : "a condition that is not modelled";
            result = HR_MAYBE;
            break;
        }
        hr_truth t = search_without(s, l, depth);
        if (t == HR_YES)
            return HR_YES;
        result = t == HR_MAYBE ? HR_MAYBE : result;
        box_push(c, l);
        HR_PUSH(c->b, &added, l);
    }
    for (size_t i = added.n; i > 0; i--)
        box_pop(c, added.v[i - 1], c->box.v[hr_atom_of(&c->u, added.v[i - 1])->attr].values);
    return result;
}

static hr_truth search_step(searcher *s, unsigned depth) {
    hr_comparison *c = s->c;
    const hr_pair_of_rules *pair = s->pair;
    size_t index[2];
    if (hr_arena_failed(c->b))
        return HR_MAYBE;
    if (++s->steps > c->max_steps || depth > MOST_DEPTH) {
        s->why = "the limit of steps was reached";
        return HR_MAYBE;
    }
    make_request(c, s->authority);
    int error = hr_ask_both(c, pair->lists, index);
    if (error == HR_OK && index[0] == pair->index[0] && index[1] == pair->index[1])
        return HR_YES;
    for (size_t side = 0; error == HR_OK && side < 2; side++)
        if (index[side] < pair->index[side]) {
            HR_PUSH(c->b, &c->blockers, index[side]);
            return search_outside(s, &pair->lists[side]->v[index[side]], depth);
        }
    s->why = s->why != NULL ? s->why : "a condition that is not modelled";
    return HR_MAYBE;
}

hr_truth hr_search(hr_comparison *c, const hr_pair_of_rules *pair, hr_str authority,
                   const char **why) {
    searcher s = {.c = c, .pair = pair, .authority = authority, .why = *why};
    c->blockers.n = 0;
    hr_truth t = search_step(&s, 0);
    *why = s.why;
    return t;
}
