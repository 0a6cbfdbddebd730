/* What every search through two views begins with: their rules, and the box of a pair of them. */
#include "comparison.h"

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
