/*
 * Two lists of rules for the same authorities. Rules whose conditions stand on both sides are
 * aligned in order; of a request that aligned rules decide on both sides, they are partners (an
 * earlier rule that matches would have an earlier partner that matches). So only rules without a
 * partner are compared with all of the other side, and partners with each other.
 */
#include "compare.h"

#include "difference.h"
#include "region.h"
#include "relation.h"
#include "search.h"

#define NONE SIZE_MAX

typedef struct lister {
    hr_comparison *c;
    const hr_host_group *group;
    const hr_host_class
        *only; /* the one class that is looked at; NULL: authorities make no difference */
    const hr_rule_list *lists[2];
    size_t *partner[2]; /* by index; NONE: no rule of the other side has the same conditions in the
                           same order */
} lister;

/* ---- alignment ---- */

/* A longest sequence of common conjunctions in both orders: the longest increasing run of the
 * places in the second list. A conjunction that comes twice in one list counts at its first place;
 * the second is dead. */
static bool align(lister *l) {
    hr_arena *b = l->c->b;
    size_t n[2] = {l->lists[0]->n, l->lists[1]->n};
    size_t *place = l->c->places; /* by conjunction: where it stands in the second list, plus one */
    size_t *tails = HR_ARRAY(b, size_t, n[0]), *before = HR_ARRAY(b, size_t, n[0]), length = 0;
    size_t *at = HR_ARRAY(b, size_t, n[0]); /* the place of rule i in the second list, plus one */
    for (size_t side = 0; side < 2; side++)
        l->partner[side] = HR_ARRAY(b, size_t, n[side]);
    if (hr_arena_failed(b))
        return false;
    for (size_t j = n[1]; j > 0; j--)
        place[l->lists[1]->v[j - 1].conjunction] = j;
    for (size_t i = 0; i < n[0]; i++) {
        uint32_t conjunction = l->lists[0]->v[i].conjunction;
        at[i] = place[conjunction];
        place[conjunction] = 0; /* taken */
        if (at[i] == 0)
            continue;
        size_t low = 0, high = length;
        while (low < high) {
            size_t middle = low + (high - low) / 2;
            if (at[tails[middle]] < at[i])
                low = middle + 1;
            else
                high = middle;
        }
        before[i] = low == 0 ? NONE : tails[low - 1];
        tails[low] = i;
        length += low == length;
    }
    for (size_t j = 0; j < n[1]; j++)
        place[l->lists[1]->v[j].conjunction] = 0;
    for (size_t side = 0; side < 2; side++)
        for (size_t i = 0; i < n[side]; i++)
            l->partner[side][i] = NONE;
    for (size_t i = length == 0 ? NONE : tails[length - 1]; i != NONE; i = before[i]) {
        l->partner[0][i] = at[i] - 1;
        l->partner[1][at[i] - 1] = i;
    }
    return true;
}

/* ---- pairs ---- */

static void note_undecided(lister *l, const hr_pair_of_rules *pair, const char *why) {
    hr_diff_undecided u = {
        .reason = hr_str_from(why != NULL ? why : "not decided"),
        .before = pair->lists[0]->v[pair->index[0]].place,
        .after = pair->lists[1]->v[pair->index[1]].place,
    };
    HR_PUSH(l->c->b, &l->c->undecided, u);
}

static hr_truth add_to_box(lister *l, hr_literal literal, hr_truth so_far, const char **why) {
    hr_truth t = so_far == HR_NO ? HR_NO : hr_box_add(l->c, literal, why);
    return t == HR_YES ? so_far : t;
}

/* The box of what both rules ask for, and of one more literal (NULL: none). */
static hr_truth fill_box(lister *l, const hr_pair_of_rules *pair, const hr_literal *more,
                         const char **why) {
    hr_truth result = hr_box_fill(l->c, l->only, pair, why);
    if (pair->only_outside)
        result = add_to_box(l, hr_not(pair->window), result, why);
    return more == NULL ? result : add_to_box(l, *more, result, why);
}

static hr_str example_of(const lister *l) {
    if (l->only != NULL)
        return l->only->example;
    for (size_t i = 0; i < l->group->classes.n; i++)
        if (l->group->classes.v[i]->example.p != NULL)
            return l->group->classes.v[i]->example;
    return (hr_str){0};
}

/* HR_YES: a request was found, which is c->request. */
static hr_truth look_for(lister *l, const hr_pair_of_rules *pair, const hr_literal *more,
                         const char **why) {
    hr_str authority = example_of(l);
    hr_truth t = fill_box(l, pair, more, why);
    if (t == HR_NO)
        return HR_NO;
    if (authority.p == NULL) {
        *why = "no authority was found that belongs to a wildcard";
        return HR_MAYBE;
    }
    /* Also where the box was not decided: what is found counts. */
    return hr_search(l->c, pair, authority, why);
}

/* A request that shows the difference. */
static hr_truth look_where_it_shows(lister *l, const hr_pair_of_rules *pair, const char **why) {
    hr_truth result = HR_NO;
    for (size_t i = 0; i < pair->n_shows; i++) {
        hr_truth t = look_for(l, pair, &pair->shows[i], why);
        if (t == HR_YES && hr_difference_shows(l->c, pair))
            return HR_YES;
        result = t == HR_NO ? result : HR_MAYBE;
    }
    if (pair->only_there && result == HR_NO)
        return HR_NO;
    hr_truth t = look_for(l, pair, NULL, why);
    if (t != HR_YES || hr_difference_shows(l->c, pair))
        return t;
    *why = "the rules make other texts of the request, and none was found for which they differ";
    return HR_MAYBE;
}

static void examine(lister *l, size_t i, size_t j) {
    hr_comparison *c = l->c;
    hr_pair_of_rules pair = {.lists = {l->lists[0], l->lists[1]}, .index = {i, j}};
    const char *why = NULL;
    hr_difference(c, &pair);
    if (pair.changed == 0)
        return;
    hr_truth t = look_where_it_shows(l, &pair, &why);
    if (t == HR_YES)
        hr_keep_region(c, &pair, l->group, l->only);
    else if (t == HR_MAYBE)
        note_undecided(l, &pair, why);
}

static bool disjoint(const hr_universe *u, const hr_rule *a, const hr_rule *b) {
    for (uint32_t i = 0; i < b->n; i++)
        if (hr_relate_all(u, a->literals, a->n, b->literals[i]) == HR_REL_DISJOINT)
            return true;
    return false;
}

/* Every request that `a` takes is one that `b` takes. */
static bool covered(const hr_universe *u, const hr_rule *a, const hr_rule *b) {
    for (uint32_t i = 0; i < b->n; i++)
        if (hr_relate_all(u, a->literals, a->n, b->literals[i]) != HR_REL_IMPLIED)
            return false;
    return true;
}

/* A rule without a partner against all rules of the other side that it can meet, up to one that
 * takes all of it. */
static void examine_alone(lister *l, size_t side, size_t at) {
    const hr_universe *u = &l->c->u;
    const hr_rule_list *own = l->lists[side], *others = l->lists[1 - side];
    const hr_rule *rule = &own->v[at];
    for (size_t i = 0; i < at; i++)
        if (covered(u, rule, &own->v[i]))
            return;
    for (size_t i = 0; i < others->n && !hr_arena_failed(l->c->b); i++) {
        if (disjoint(u, rule, &others->v[i]))
            continue;
        /* Two rules without partners meet once. */
        bool met_before = side == 1 && l->partner[0][i] == NONE;
        if (!met_before) {
            l->c->n_regions++;
            examine(l, side == 0 ? at : i, side == 0 ? i : at);
        }
        if (covered(u, rule, &others->v[i]))
            return;
    }
}

static void compare_lists(lister *l) {
    const hr_arena *b = l->c->b;
    for (size_t i = 0; i < l->lists[0]->n && !hr_arena_failed(b); i++) {
        if (l->partner[0][i] == NONE) {
            examine_alone(l, 0, i);
            continue;
        }
        l->c->n_regions++;
        examine(l, i, l->partner[0][i]);
    }
    for (size_t j = 0; j < l->lists[1]->n && !hr_arena_failed(b); j++)
        if (l->partner[1][j] == NONE)
            examine_alone(l, 1, j);
}

/* ---- groups ---- */

static bool same_path_change(const hr_path_change *a, const hr_path_change *b) {
    return a->kind == b->kind && a->skip == b->skip && a->regex == b->regex &&
           hr_str_eq(a->text, b->text);
}

static bool same_lists(const hr_rule_list *a, const hr_rule_list *b) {
    if (a == b)
        return true;
    if (a->n != b->n)
        return false;
    for (size_t i = 0; i < a->n; i++)
        if (a->v[i].conjunction != b->v[i].conjunction || a->v[i].outcome != b->v[i].outcome ||
            !same_path_change(&a->v[i].path, &b->v[i].path))
            return false;
    return true;
}

static void compare_group(hr_comparison *c, const hr_host_group *group) {
    lister l = {.c = c, .group = group, .lists = {group->lists[0], group->lists[1]}};
    if (same_lists(l.lists[0], l.lists[1])) {
        c->n_regions += l.lists[0]->n;
        return;
    }
    if (!align(&l))
        return;
    if (!hr_asks_for_authority(&c->u, l.lists[0]) && !hr_asks_for_authority(&c->u, l.lists[1])) {
        compare_lists(&l);
        return;
    }
    for (size_t i = 0; i < group->classes.n; i++) {
        group->classes.v[i]->cluster = c->hosts.n_clusters++;
        l.only = group->classes.v[i];
        compare_lists(&l);
    }
}

void hr_compare_views(hr_comparison *c) {
    hr_comparison_build(c);
    c->seen = HR_ARRAY(c->b, uint32_t, c->u.n_conjunctions);
    c->places = HR_ARRAY(c->b, size_t, c->u.n_conjunctions);
    for (size_t i = 0; i < c->hosts.groups.n && !hr_arena_failed(c->b); i++)
        compare_group(c, c->hosts.groups.v[i]);
}
