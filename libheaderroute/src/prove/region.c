/* What was found, in words: the conditions of a region, its witness, and the draws that show the
 * difference. */
#include "region.h"

#include "relation.h"
#include "search.h"
#include "solve.h"

typedef HR_LIST(hr_where) where_list;
typedef HR_LIST(hr_where_list) except_list;
typedef HR_LIST(hr_literal) literals;

/* Questions to automata that make one region's text shorter. */
#define MOST_QUESTIONS 64

typedef struct region_writer {
    hr_comparison *c;
    const hr_pair_of_rules *pair;
    literals known;            /* of both rules */
    literals single;           /* literals of earlier rules that must not hold */
    HR_LIST(literals) several; /* of which one must not hold */
    literals asked;
    size_t n_asked;
    where_list where;
    except_list except;
} region_writer;

/* ---- conditions ---- */

static hr_str field_text(hr_comparison *c, const hr_attr *attr) {
    static const char *const names[] = {"method", "scheme", "authority", "path"};
    if (attr->kind < HR_ATTR_HEADER)
        return hr_str_from(names[attr->kind]);
    if (attr->kind == HR_ATTR_FREE)
        return hr_arena_printf(c->b, "not modelled: %.*s", (int)attr->name.len, attr->name.p);
    return hr_arena_printf(c->b,
                           attr->kind == HR_ATTR_HEADER ? "headers[%.*s]" : "queryParams[%.*s]",
                           (int)attr->name.len, attr->name.p);
}

static void quote_into(hr_str s, char *p, size_t *n) {
    for (size_t i = 0; i < s.len; i++) {
        if (strchr("\\.+*?()|[]{}^$", s.p[i]) != NULL && s.p[i] != '\0')
            p[(*n)++] = '\\';
        p[(*n)++] = s.p[i];
    }
}

/* A regular expression of RE2 for a language that is neither an exact text nor a prefix. */
static hr_str pattern_text(hr_comparison *c, const hr_language *l) {
    char *quoted = HR_ARRAY(c->b, char, l->text.len * 2 + 1);
    size_t n = 0;
    if (quoted == NULL)
        return HR_STR("");
    quote_into(l->text, quoted, &n);
    if (l->kind == HR_LANG_WINDOW || l->kind == HR_LANG_WINDOW_OPEN)
        return hr_arena_printf(c->b, "\\C{%zu}%.*s%s", l->skip, (int)n, quoted,
                               l->kind == HR_LANG_WINDOW ? "" : "\\C*");
    return hr_arena_printf(c->b, "%s%.*s%s", l->ignore_case ? "(?i)" : "", (int)n, quoted,
                           l->kind == HR_LANG_PREFIX        ? "\\C*"
                           : l->kind == HR_LANG_PATH_PREFIX ? "(/\\C*)?"
                                                            : "");
}

static hr_str pattern_words(hr_comparison *c, const hr_language *l) {
    if (l->kind == HR_LANG_WINDOW || l->kind == HR_LANG_WINDOW_OPEN)
        return hr_arena_printf(c->b, "that is %zu bytes and then %.*s%s", l->skip, (int)l->text.len,
                               l->text.p, l->kind == HR_LANG_WINDOW ? "" : "...");
    if (l->kind == HR_LANG_PATH_PREFIX)
        return hr_arena_printf(c->b, "path prefix %.*s", (int)l->text.len, l->text.p);
    return hr_arena_printf(c->b, "%s%.*s%s", l->kind == HR_LANG_PREFIX ? "prefix " : "",
                           (int)l->text.len, l->text.p,
                           l->ignore_case ? " in any letter case" : " as it is sent");
}

static hr_where where_of(hr_comparison *c, hr_literal literal) {
    const hr_atom *atom = hr_atom_of(&c->u, literal);
    const hr_language *l = &atom->language;
    hr_where w = {.field = field_text(c, &c->u.attrs.v[atom->attr]), .op = HR_WHERE_PRESENT};
    w.negated = hr_is_negated(literal);
    if (atom->presence)
        return w;
    /* Exact and prefix of `authority` are those of virtual hosts; rules look at all of it. */
    bool as_sent = c->u.attrs.v[atom->attr].kind == HR_ATTR_AUTHORITY;
    w.value = l->text;
    if (l->kind == HR_LANG_REGEX) {
        w.op = HR_WHERE_REGEX;
    } else if (l->kind == HR_LANG_HOST) {
        w.op = HR_WHERE_EXACT;
    } else if (l->kind == HR_LANG_HOST_SUFFIX) {
        w.op = HR_WHERE_SUFFIX;
    } else if (!l->ignore_case && l->kind <= HR_LANG_PREFIX && !as_sent) {
        w.op = l->kind == HR_LANG_EXACT ? HR_WHERE_EXACT : HR_WHERE_PREFIX;
    } else {
        w.op = HR_WHERE_REGEX;
        w.value = pattern_text(c, l);
        w.words = pattern_words(c, l);
    }
    return w;
}

static void where_put(region_writer *w, hr_literal l) {
    HR_PUSH(w->c->b, &w->where, where_of(w->c, l));
}

static bool has_literal(const literals *list, hr_literal l) {
    for (size_t i = 0; i < list->n; i++)
        if (list->v[i] == l)
            return true;
    return false;
}

static void gather_known(region_writer *w) {
    hr_arena *b = w->c->b;
    for (size_t side = 0; side < 2; side++) {
        const hr_rule *rule = &w->pair->lists[side]->v[w->pair->index[side]];
        for (uint32_t i = 0; i < rule->n; i++)
            if (!has_literal(&w->known, rule->literals[i]))
                HR_PUSH(b, &w->known, rule->literals[i]);
    }
    if (w->pair->only_outside)
        HR_PUSH(b, &w->known, hr_not(w->pair->window));
}

/* ---- what earlier rules take away ---- */

/* What the region says about the attribute of `l`, and `l`: whether that is possible. */
static hr_truth is_possible(region_writer *w, hr_literal l) {
    const hr_universe *u = &w->c->u;
    uint32_t attr = hr_atom_of(u, l)->attr;
    hr_values values;
    const char *why;
    w->asked.n = 0;
    for (size_t i = 0; i < w->known.n; i++)
        if (hr_atom_of(u, w->known.v[i])->attr == attr)
            HR_PUSH(w->c->b, &w->asked, w->known.v[i]);
    for (size_t i = 0; i < w->single.n; i++)
        if (hr_atom_of(u, w->single.v[i])->attr == attr)
            HR_PUSH(w->c->b, &w->asked, hr_not(w->single.v[i]));
    HR_PUSH(w->c->b, &w->asked, l);
    return hr_solve(&w->c->u, attr, w->asked.v, w->asked.n, &values, &why);
}

/* The same as hr_relate_all, with automata for the first MOST_QUESTIONS literals that it leaves
 * open. */
static hr_relation relate_literal(region_writer *w, hr_literal l) {
    hr_relation r = hr_relate_all(&w->c->u, w->known.v, w->known.n, l);
    if (r != HR_REL_OPEN || w->n_asked >= MOST_QUESTIONS)
        return r;
    w->n_asked++;
    hr_truth t = is_possible(w, l);
    if (t == HR_MAYBE) /* a hard one: it is only about how the region reads */
        w->n_asked = MOST_QUESTIONS;
    if (t != HR_YES)
        return t == HR_NO ? HR_REL_DISJOINT : HR_REL_OPEN;
    return is_possible(w, hr_not(l)) == HR_NO ? HR_REL_IMPLIED : HR_REL_OPEN;
}

/* The literals of an earlier rule that the region does not settle. false: they never meet. */
static bool open_literals(region_writer *w, const hr_rule *rule, literals *out) {
    out->n = 0;
    for (uint32_t i = 0; i < rule->n; i++) {
        hr_relation r = relate_literal(w, rule->literals[i]);
        if (r == HR_REL_DISJOINT)
            return false;
        if (r == HR_REL_OPEN)
            HR_PUSH(w->c->b, out, rule->literals[i]);
    }
    return out->n > 0;
}

static bool takes_single(const region_writer *w, const literals *open) {
    for (size_t i = 0; i < open->n; i++)
        if (has_literal(&w->single, open->v[i]))
            return true;
    return false;
}

static void put_except(region_writer *w, const literals *open) {
    hr_arena *b = w->c->b;
    hr_where *v = HR_ARRAY(b, hr_where, open->n);
    if (v == NULL)
        return;
    for (size_t i = 0; i < open->n; i++)
        v[i] = where_of(w->c, open->v[i]);
    hr_where_list list = {v, open->n};
    HR_PUSH(b, &w->except, list);
}

/* An earlier rule of either side. Those of several conditions wait, since one condition may take
 * all of them. */
static void put_earlier_rule(region_writer *w, const hr_rule *rule) {
    hr_arena *b = w->c->b;
    literals open = {0};
    if (!open_literals(w, rule, &open))
        return;
    if (open.n > 1) {
        HR_PUSH(b, &w->several, open);
        return;
    }
    if (has_literal(&w->single, open.v[0]))
        return;
    HR_PUSH(b, &w->single, open.v[0]);
}

/* Once more, now that it is known what rules of one condition take away. */
static bool still_meets(region_writer *w, const literals *open) {
    for (size_t i = 0; i < open->n; i++)
        if (relate_literal(w, open->v[i]) == HR_REL_DISJOINT)
            return false;
    return true;
}

static void put_earlier(region_writer *w) {
    uint32_t mark = ++w->c->mark;
    for (size_t side = 0; side < 2; side++)
        for (size_t i = 0; i < w->pair->index[side]; i++) {
            const hr_rule *rule = &w->pair->lists[side]->v[i];
            if (w->c->seen[rule->conjunction] == mark)
                continue;
            w->c->seen[rule->conjunction] = mark;
            put_earlier_rule(w, rule);
        }
    for (size_t i = 0; i < w->several.n; i++)
        if (!takes_single(w, &w->several.v[i]) && still_meets(w, &w->several.v[i]))
            put_except(w, &w->several.v[i]);
}

/* Whether literal `at` of the list says nothing that the others do not. Of those that imply each
 * other the first stays. */
static bool is_implied(const region_writer *w, const literals *all, size_t at) {
    const hr_universe *u = &w->c->u;
    for (size_t k = 0; k < all->n; k++)
        if (k != at && hr_relate(u, all->v[k], all->v[at]) == HR_REL_IMPLIED &&
            (k < at || hr_relate(u, all->v[at], all->v[k]) != HR_REL_IMPLIED))
            return true;
    return false;
}

/* What both rules ask for, and what earlier rules of one condition leave. */
static void put_region_conditions(region_writer *w) {
    hr_arena *b = w->c->b;
    literals all = {0};
    for (size_t i = 0; i < w->known.n; i++)
        HR_PUSH(b, &all, w->known.v[i]);
    for (size_t i = 0; i < w->single.n; i++)
        HR_PUSH(b, &all, hr_not(w->single.v[i]));
    for (size_t i = 0; i < all.n; i++)
        if (!is_implied(w, &all, i))
            where_put(w, all.v[i]);
}

/* ---- authorities ---- */

static hr_where authority_where(const hr_host_class *class, bool negated) {
    return (hr_where){.field = HR_STR("authority"),
                      .op = class->kind == HR_HOST_EXACT ? HR_WHERE_EXACT : HR_WHERE_SUFFIX,
                      .value = class->text,
                      .negated = negated};
}

typedef HR_LIST(const hr_host_class *) class_list;

/* Several names as one regex, with or without a port. */
static hr_where names_where(hr_comparison *c, const class_list *classes, bool negated) {
    size_t room = 64, n = 0;
    for (size_t i = 0; i < classes->n; i++)
        room += classes->v[i]->text.len * 2 + 4;
    char *p = HR_ARRAY(c->b, char, room);
    if (p == NULL)
        return (hr_where){0};
    static const char head[] = "(?i)(?:", tail[] = ")(?::[^:\\]]*)?";
    memcpy(p, head, sizeof(head) - 1);
    n = sizeof(head) - 1;
    for (size_t i = 0; i < classes->n; i++) {
        if (i > 0)
            p[n++] = '|';
        if (classes->v[i]->kind == HR_HOST_SUFFIX) {
            p[n++] = '.';
            p[n++] = '+';
        }
        quote_into(classes->v[i]->text, p, &n);
    }
    memcpy(p + n, tail, sizeof(tail) - 1);
    hr_str first = classes->v[0]->text;
    bool wild = classes->v[0]->kind == HR_HOST_SUFFIX;
    return (hr_where){.field = HR_STR("authority"),
                      .op = HR_WHERE_REGEX,
                      .value = hr_str_of(p, n + sizeof(tail) - 1),
                      .words =
                          hr_arena_printf(c->b, "%s%.*s or one of %zu other names", wild ? "*" : "",
                                          (int)first.len, first.p, classes->n - 1),
                      .negated = negated};
}

static void put_names(region_writer *w, const class_list *classes, bool negated) {
    if (classes->n == 0)
        return;
    hr_where where = classes->n == 1 ? authority_where(classes->v[0], negated)
                                     : names_where(w->c, classes, negated);
    HR_PUSH(w->c->b, &w->where, where);
}

/* The classes of a cluster, without the narrower ones. */
static void where_cluster(region_writer *w, const hr_host_group *group, uint32_t cluster) {
    hr_arena *b = w->c->b;
    class_list in = {0}, narrower = {0};
    for (size_t i = 0; i < group->classes.n; i++)
        if (group->classes.v[i]->cluster == cluster)
            HR_PUSH(b, &in, group->classes.v[i]);
    if (in.n == 0)
        return;
    const hr_host_class *class = in.v[0];
    for (size_t i = 0; class->kind != HR_HOST_EXACT && i < w->c->hosts.classes.n; i++)
        if (hr_host_narrower(w->c->hosts.classes.v[i], class))
            HR_PUSH(b, &narrower, w->c->hosts.classes.v[i]);
    if (class->kind != HR_HOST_ANY)
        put_names(w, &in, false);
    put_names(w, &narrower, true);
}

/* ---- draws ---- */

static const hr_share *share_at(const hr_outcome *o, double draw) {
    size_t i = 0;
    while (i + 1 < o->n_shares && (uint64_t)(draw * (double)o->total) >= o->shares[i].end)
        i++;
    return &o->shares[i];
}

/* How well a draw shows the difference: 2 by other destinations, 1 by a rewrite that an upstream
 * sees. */
static int draw_shows(const hr_outcome *a, const hr_outcome *b, double draw) {
    const hr_share *x = share_at(a, draw), *y = share_at(b, draw);
    return x->parts != y->parts ? 2 : !x->answered && !y->answered;
}

/* The draw of a weight that shows most, as near to 0 as there is. */
static double weight_draw(const hr_outcome *a, const hr_outcome *b) {
    const hr_outcome *sides[] = {a, b};
    double best = 0;
    int shows = draw_shows(a, b, 0);
    for (size_t side = 0; side < 2; side++)
        for (size_t i = 0; i + 1 < sides[side]->n_shares; i++) {
            /* A little beyond the edge, so that rounding cannot fall short of it. */
            double draw = ((double)sides[side]->shares[i].end + 0.001) / (double)sides[side]->total;
            int more = draw < 1 ? draw_shows(a, b, draw) : 0;
            if (more < shows || (more == shows && draw >= best))
                continue;
            best = draw;
            shows = more;
        }
    return best;
}

/* Fires on one side only, where the percentages differ. */
static double percentage_draw(uint32_t a, uint32_t b) {
    return a == b ? 0 : ((double)(a < b ? a : b) + 0.5) / 1000000;
}

hr_draws hr_draws_of(const hr_pair_of_rules *pair) {
    const hr_outcome *a = pair->lists[0]->v[pair->index[0]].outcome,
                     *b = pair->lists[1]->v[pair->index[1]].outcome;
    hr_draws d = {0};
    bool fault = (pair->changed & HR_CHANGE_FAULT) != 0,
         aborts = a->abort_parts > 0 || b->abort_parts > 0;
    d.weight = weight_draw(a, b);
    if (fault)
        d.delay = percentage_draw(a->delay_parts, b->delay_parts);
    if (fault)
        d.abort = percentage_draw(a->abort_parts, b->abort_parts);
    else if (aborts) /* an abort would hide the rest */
        d.abort = 0.9999999;
    if ((pair->changed & HR_CHANGE_MIRRORS) != 0)
        d.mirror = percentage_draw((uint32_t)(a->mirror_percentage * 10000),
                                   (uint32_t)(b->mirror_percentage * 10000));
    return d;
}

/* ---- regions ---- */

hr_request *hr_copy_witness(hr_comparison *c, const hr_pair_of_rules *pair) {
    hr_request *out = HR_NEW(c->b, hr_request);
    hr_pair *headers = HR_ARRAY(c->b, hr_pair, c->headers.n);
    hr_pair *claims = HR_ARRAY(c->b, hr_pair, c->claims.n);
    if (headers == NULL || claims == NULL)
        return out;
    *out = c->request;
    out->path = hr_arena_copy(c->b, c->request.path);
    if (c->headers.n > 0)
        memcpy(headers, c->headers.v, c->headers.n * sizeof(*headers));
    if (c->claims.n > 0)
        memcpy(claims, c->claims.v, c->claims.n * sizeof(*claims));
    out->headers = headers;
    out->claims = claims;
    out->draws = hr_draws_of(pair);
    return out;
}

static void keep_cluster(hr_comparison *c, const hr_pair_of_rules *pair, const hr_host_group *group,
                         const hr_host_class *class) {
    region_writer w = {.c = c, .pair = pair};
    hr_region_name name = hr_region_name_of(pair->lists, pair->index, class->cluster);
    void **place = hr_map_at(c->b, &c->by_pair,
                             hr_arena_copy(c->b, hr_str_of((const char *)&name, sizeof(name))));
    if (*place != NULL)
        return;
    where_cluster(&w, group, class->cluster);
    gather_known(&w);
    put_earlier(&w);
    put_region_conditions(&w);
    hr_found_region found = {.pair = *pair, .cluster = class->cluster};
    found.region = (hr_diff_region){
        .where = {w.where.v, w.where.n},
        .except = w.except.v,
        .n_except = w.except.n,
        .changed = pair->changed,
        .before = pair->lists[0]->v[pair->index[0]].place,
        .after = pair->lists[1]->v[pair->index[1]].place,
        .witness = hr_copy_witness(c, pair),
    };
    HR_PUSH(c->b, &c->regions, found);
    *place = (void *)(uintptr_t)c->regions.n;
}

static void keep_undecided(hr_comparison *c, const hr_pair_of_rules *pair, const char *why) {
    hr_diff_undecided u = {
        .reason = hr_str_from(why),
        .before = pair->lists[0]->v[pair->index[0]].place,
        .after = pair->lists[1]->v[pair->index[1]].place,
    };
    HR_PUSH(c->b, &c->undecided, u);
}

void hr_keep_region(hr_comparison *c, const hr_pair_of_rules *pair, const hr_host_group *group,
                    const hr_host_class *only) {
    if (only != NULL) {
        keep_cluster(c, pair, group, only);
        return;
    }
    for (size_t i = 0; i < group->classes.n; i++) {
        const hr_host_class *class = group->classes.v[i];
        size_t index[2];
        if (class->example.p == NULL) {
            keep_undecided(c, pair, "no authority was found that belongs to a wildcard");
            continue;
        }
        c->request.authority = class->example;
        if (hr_ask_both(c, pair->lists, index) != HR_OK || index[0] != pair->index[0] ||
            index[1] != pair->index[1]) {
            keep_undecided(c, pair, "a witness of the region is decided otherwise");
            continue;
        }
        keep_cluster(c, pair, group, class);
    }
}
