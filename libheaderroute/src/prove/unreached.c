/* Rules of a view that no request reaches, whatever stands in front of the proxy. */
#include "unreached.h"

#include <stdlib.h>

#include "comparison.h"
#include "scratch.h"
#include "search.h"

#define MOST_UNREACHED_STEPS 2000

typedef struct unreached_search {
    hr_comparison *c;
    const hr_unreached_question *question;
    const hr_rule_list *list;
    const hr_host_class *only; /* NULL: any authority */
    hr_str authority;
} unreached_search;

void hr_unreached_options(hr_view_options *options) {
    options->repeated_headers = HR_REPEATED_EACH;
}

static int index_order(const void *a, const void *b) {
    size_t x = *(const size_t *)a, y = *(const size_t *)b;
    return x < y ? -1 : x > y;
}

/* The routes that the search had to step around, each once. */
static size_t earlier_routes(unreached_search *s, const hr_view_route **out) {
    size_t *v = s->c->blockers.v, n = s->c->blockers.n, kept = 0;
    if (n > 1)
        qsort(v, n, sizeof(*v), index_order);
    for (size_t i = 0; i < n; i++)
        if ((i == 0 || v[i] != v[i - 1]) && s->list->v[v[i]].route != NULL)
            out[kept++] = s->list->v[v[i]].route;
    return kept;
}

static void look_for_rule(unreached_search *s, size_t index) {
    hr_comparison *c = s->c;
    const hr_pair_of_rules pair = {.lists = {s->list, s->list}, .index = {index, index}};
    const char *why = NULL;
    c->blockers.n = 0; /* also where no search is needed */
    hr_truth t = hr_box_fill(c, s->only, &pair, &why);
    if (t != HR_NO)
        t = s->authority.p == NULL ? HR_MAYBE : hr_search(c, &pair, s->authority, &why);
    const hr_view_route **earlier = HR_ARRAY(c->b, const hr_view_route *, c->blockers.n);
    if (earlier == NULL)
        return;
    size_t n = earlier_routes(s, earlier);
    s->question->answers(s->question->ctx, s->list->v[index].route, t == HR_NO, earlier, n);
}

static void look_through_list(unreached_search *s) {
    for (size_t i = 0; i < s->list->n && !hr_arena_failed(s->c->b); i++)
        if (s->list->v[i].route != NULL && s->question->asks(s->question->ctx, s->list->v[i].route))
            look_for_rule(s, i);
}

/* In the mesh a client may send any Host header to the address of a service. */
static void look_through_group(unreached_search *s, const hr_host_group *group) {
    hr_comparison *c = s->c;
    s->list = group->lists[0];
    bool by_class = c->reader.gateway && hr_asks_for_authority(&c->u, s->list);
    for (size_t i = 0; i < (by_class ? group->classes.n : 1); i++) {
        s->only = by_class ? group->classes.v[i] : NULL;
        s->authority = by_class ? s->only->example : hr_host_group_example(group)->example;
        look_through_list(s);
    }
}

static int look_through_view(hr_arena *b, hr_view *view, const hr_unreached_question *question,
                             uint64_t *work) {
    hr_comparison *c = HR_NEW(b, hr_comparison);
    hr_scratch *scratch = NULL;
    int error = hr_scratch_new(&scratch);
    if (error != HR_OK)
        return error;
    hr_comparison_init(c, b, view, view, scratch);
    c->max_steps = MOST_UNREACHED_STEPS;
    c->reader.any_proxy = true;
    hr_universe_init(&c->u, b, view->path_normalization, *work);
    if (!hr_arena_failed(b)) {
        c->u.attrs.v[HR_ATTR_METHOD].domain = HR_DOMAIN_TOKEN; /* HTTP/2 has any method */
        hr_comparison_build(c);
    }
    unreached_search s = {.c = c, .question = question};
    for (size_t i = 0; i < c->hosts.groups.n && !hr_arena_failed(b); i++)
        look_through_group(&s, c->hosts.groups.v[i]);
    *work -= c->u.work.spent < *work ? c->u.work.spent : *work;
    hr_scratch_free(scratch);
    return hr_arena_failed(b) ? HR_ENOMEM : HR_OK;
}

int hr_unreached_find(hr_view *view, const hr_unreached_question *question, uint64_t *work) {
    hr_arena *b = hr_arena_new();
    int error = b == NULL ? HR_ENOMEM : look_through_view(b, view, question, work);
    hr_arena_free(b);
    return error;
}
