/* What every search through two views begins with: their rules, and the box of a pair of them. */
#include "comparison.h"

#include "search.h"

void hr_comparison_init(hr_comparison *c, hr_arena *b, const hr_view *before, const hr_view *after,
                        hr_scratch *scratch) {
    c->b = b;
    c->views[0] = before;
    c->views[1] = after;
    c->scratch = scratch;
    c->reader = (hr_rule_reader){.u = &c->u,
                                 .gateway = before->gateway,
                                 .each = before->repeated_headers == HR_REPEATED_EACH};
}

void hr_comparison_build(hr_comparison *c) {
    hr_hosts_build(&c->hosts, &c->reader, c->views, c->scratch);
    c->box.v = HR_ARRAY(c->b, hr_box_attr, c->u.attrs.n);
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
