/* Which rules of one view decide requests: each is looked for as a pair with itself. */
#include <headerroute/reach.h>

#include <stdlib.h>

#include "comparison.h"
#include "region.h"
#include "scratch.h"
#include "search.h"

#define DEFAULT_WORK UINT64_C(200000000)
#define DEFAULT_STEPS 20000

struct hr_reach {
    hr_view *view;
    hr_arena *arena;
    hr_scratch *scratch;
    hr_regex **regexes; /* of the conditions; NULL: none was made */
    size_t n_regexes;
    hr_comparison *comparison;
    HR_LIST(hr_literal) within;
    HR_LIST(hr_reached) found;
};

const char *hr_reach_state_name(hr_reach_state state) {
    static const char *const names[] = {
        [HR_REACH_NEVER] = "never", [HR_REACH_SOME] = "some", [HR_REACH_UNDECIDED] = "undecided"};
    return (int)state < 0 || (size_t)state >= sizeof(names) / sizeof(names[0]) ? NULL
                                                                               : names[state];
}

/* ---- one rule ---- */

/* The authorities that are looked at: a class, or those of a group, which are decided alike. */
typedef struct rule_finder {
    hr_reach *reach;
    const hr_host_group *group;
    const hr_host_class *only; /* NULL: any of the group */
} rule_finder;

static const hr_host_class *example_class(const rule_finder *f) {
    return f->only != NULL ? f->only : hr_host_group_example(f->group);
}

static hr_str host_text(hr_arena *b, const hr_host_class *class) {
    if (class->kind == HR_HOST_EXACT)
        return class->text;
    return hr_arena_printf(b, "*%.*s", (int)class->text.len,
                           class->text.p == NULL ? "" : class->text.p);
}

static hr_truth find_request(rule_finder *f, const hr_pair_of_rules *pair, const char **why) {
    hr_reach *reach = f->reach;
    hr_comparison *c = reach->comparison;
    const hr_host_class *class = example_class(f);
    c->blockers.n = 0; /* also where no search is needed */
    hr_truth t = hr_box_fill(c, f->only, pair, why);
    bool open = false; /* what is found may not be one of the requests that are asked about */
    for (size_t i = 0; i < reach->within.n && t != HR_NO; i++) {
        hr_truth more = hr_box_add(c, reach->within.v[i], why);
        t = more == HR_YES ? t : more;
        open |= more == HR_MAYBE;
    }
    if (t == HR_NO)
        return HR_NO;
    if (class->example.p == NULL) {
        *why = "no authority was found that belongs to a wildcard";
        return HR_MAYBE;
    }
    t = hr_search(c, pair, class->example, why);
    return t == HR_YES && open ? HR_MAYBE : t;
}

/* ---- what is kept of it ---- */

static double share_draw(const hr_outcome *o, size_t index) {
    /* A little beyond the edge, so that rounding cannot fall short of it. */
    return index == 0 ? 0 : ((double)o->shares[index - 1].end + 0.001) / (double)o->total;
}

/* How many ways a percentage has to go. */
static size_t ways(double percentage) {
    return percentage > 0 && percentage < 100 ? 2 : 1;
}

static double way_draw(size_t way) {
    return way == 0 ? 0 : 0.9999999;
}

static void put_draws(hr_arena *b, hr_reached *out, const hr_outcome *o) {
    double delay = o->delay_parts / 10000.0, abort = o->abort_parts / 10000.0;
    size_t shares = o->n_shares == 0 ? 1 : o->n_shares, delays = ways(delay), aborts = ways(abort);
    size_t mirrors = ways(o->mirror_percentage), n = shares * delays * aborts * mirrors;
    hr_draws *v = HR_ARRAY(b, hr_draws, n);
    if (v == NULL)
        return;
    for (size_t i = 0; i < n; i++)
        v[i] = (hr_draws){
            .weight = share_draw(o, i % shares),
            .abort = way_draw(i / shares % aborts),
            .delay = way_draw(i / shares / aborts % delays),
            .mirror = way_draw(i / shares / aborts / delays),
        };
    out->draws = v;
    out->n_draws = n;
}

static int by_index(const void *a, const void *b) {
    size_t x = *(const size_t *)a, y = *(const size_t *)b;
    return x < y ? -1 : x > y;
}

/* The rules that the search had to step around, each once. */
static void put_blockers(hr_comparison *c, hr_reached *out, const hr_rule_list *list) {
    size_t *v = c->blockers.v, n = c->blockers.n;
    hr_diff_rule *places = HR_ARRAY(c->b, hr_diff_rule, n);
    if (places == NULL || n == 0)
        return;
    qsort(v, n, sizeof(*v), by_index);
    for (size_t i = 0; i < n; i++)
        if (i == 0 || v[i] != v[i - 1])
            places[out->n_earlier++] = list->v[v[i]].place;
    out->earlier = places;
}

static void keep_reached(rule_finder *f, const hr_pair_of_rules *pair, hr_truth t,
                         const char *why) {
    hr_reach *reach = f->reach;
    hr_comparison *c = reach->comparison;
    const hr_rule *rule = &pair->lists[0]->v[pair->index[0]];
    hr_reached found = HR_REACHED_INIT;
    found.host = host_text(c->b, example_class(f));
    found.place = rule->place;
    if (t == HR_YES) {
        found.state = HR_REACH_SOME;
        found.witness = hr_copy_witness(c, pair);
        put_draws(c->b, &found, rule->outcome);
    } else if (t == HR_NO) {
        put_blockers(c, &found, pair->lists[0]);
    } else {
        found.state = HR_REACH_UNDECIDED;
        found.reason = hr_str_from(why != NULL ? why : "not decided");
    }
    HR_PUSH(c->b, &reach->found, found);
}

static void find_rules(rule_finder *f, const hr_rule_list *list) {
    for (size_t i = 0; i < list->n && !hr_arena_failed(f->reach->arena); i++) {
        hr_pair_of_rules pair = {.lists = {list, list}, .index = {i, i}};
        const char *why = NULL;
        hr_truth t = find_request(f, &pair, &why);
        keep_reached(f, &pair, t, why);
    }
}

/* ---- all rules ---- */

static bool narrows_authority(const hr_reach *reach) {
    for (size_t i = 0; i < reach->within.n; i++)
        if (hr_atom_of(&reach->comparison->u, reach->within.v[i])->attr == HR_ATTR_AUTHORITY)
            return true;
    return false;
}

static void find_group(hr_reach *reach, const hr_host_group *group) {
    rule_finder f = {.reach = reach, .group = group};
    const hr_rule_list *list = group->lists[0];
    if (!narrows_authority(reach) && !hr_asks_for_authority(&reach->comparison->u, list)) {
        find_rules(&f, list);
        return;
    }
    for (size_t i = 0; i < group->classes.n; i++) {
        f.only = group->classes.v[i];
        find_rules(&f, list);
    }
}

/* A condition is read before the rules are, which may then have the same attribute. */
static int read_within(hr_reach *reach, const hr_reach_options *options) {
    hr_arena *b = reach->arena;
    reach->regexes = calloc(options->n_within + 1, sizeof(hr_regex *));
    if (reach->regexes == NULL)
        return HR_ENOMEM;
    for (size_t i = 0; i < options->n_within; i++) {
        hr_literal literal;
        const hr_where *where = &options->within[i];
        hr_regex **regex = &reach->regexes[reach->n_regexes++];
        int error =
            where->op == HR_WHERE_REGEX ? hr_regex_new(regex, NULL, where->value, NULL, 0) : HR_OK;
        if (error != HR_OK)
            return error;
        if (!hr_condition_literal(&literal, &reach->comparison->reader, where, *regex))
            return HR_EINVAL;
        HR_PUSH(b, &reach->within, literal);
    }
    return HR_OK;
}

static int run(hr_reach *reach, const hr_reach_options *options) {
    hr_arena *b = reach->arena;
    hr_comparison *c = HR_NEW(b, hr_comparison);
    reach->comparison = c;
    hr_comparison_init(c, b, reach->view, reach->view, reach->scratch);
    c->max_steps = options->max_steps == 0 ? DEFAULT_STEPS : options->max_steps;
    hr_universe_init(&c->u, b, reach->view->path_normalization,
                     options->max_work == 0 ? DEFAULT_WORK : options->max_work);
    c->reader.only = (1u << HR_CHANGE_COUNT) - 1;
    int error = hr_arena_failed(b) ? HR_ENOMEM : read_within(reach, options);
    if (error != HR_OK)
        return error;
    hr_comparison_build(c);
    for (size_t i = 0; i < c->hosts.groups.n && !hr_arena_failed(b); i++)
        find_group(reach, c->hosts.groups.v[i]);
    return hr_arena_failed(b) ? HR_ENOMEM : HR_OK;
}

/* ---- life ---- */

int hr_reach_new(hr_reach **out, hr_view *view, const hr_reach_options *options) {
    static const hr_reach_options defaults = HR_REACH_OPTIONS_INIT;
    if (out != NULL)
        *out = NULL;
    if (options == NULL)
        options = &defaults;
    if (out == NULL || view == NULL || options->version != HR_REACH_OPTIONS_VERSION ||
        (options->within == NULL && options->n_within > 0))
        return HR_EINVAL;
    hr_reach *reach = calloc(1, sizeof(*reach));
    if (reach == NULL)
        return HR_ENOMEM;
    reach->view = hr_view_ref(view);
    reach->arena = hr_arena_new();
    int error = reach->arena == NULL ? HR_ENOMEM : hr_scratch_new(&reach->scratch);
    if (error == HR_OK)
        error = run(reach, options);
    if (error != HR_OK) {
        hr_reach_free(reach);
        return error;
    }
    *out = reach;
    return HR_OK;
}

void hr_reach_free(hr_reach *reach) {
    if (reach == NULL)
        return;
    for (size_t i = 0; i < reach->n_regexes; i++)
        hr_regex_free(reach->regexes[i]);
    free(reach->regexes);
    hr_scratch_free(reach->scratch);
    hr_arena_free(reach->arena);
    hr_view_unref(reach->view);
    free(reach);
}

/* ---- answers ---- */

size_t hr_reach_count(const hr_reach *reach) {
    return reach == NULL ? 0 : reach->found.n;
}

int hr_reach_get(hr_reached *out, const hr_reach *reach, size_t index) {
    if (out == NULL || reach == NULL || out->version != HR_REACHED_VERSION)
        return HR_EINVAL;
    *out = (hr_reached)HR_REACHED_INIT;
    if (index >= reach->found.n)
        return HR_ENOENT;
    *out = reach->found.v[index];
    return HR_OK;
}
