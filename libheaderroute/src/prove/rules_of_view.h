/*
 * The one place where comparing reads compiled views: their routes as conjunctions of literals,
 * their actions as numbered parts, and which list of routes an authority leads to.
 */
#ifndef HR_RULES_OF_VIEW_H
#define HR_RULES_OF_VIEW_H

#include "outcome.h"

typedef struct hr_rule {
    const hr_literal *literals;
    uint32_t n;
    uint32_t conjunction; /* number of the literals together */
    const hr_outcome *outcome;
    hr_path_change path;
    const hr_view_route *route; /* NULL: the redirect of a TLS host, or no route at all */
    hr_diff_rule place;
} hr_rule;

/* The rules that one virtual host tries in order. The last always holds: no route. */
typedef struct hr_rule_list {
    const hr_route_list *routes; /* NULL: no virtual host */
    bool require_tls;
    hr_rule *v;
    size_t n;
} hr_rule_list;

/* The list of a virtual host (NULL: none), read once. */
const hr_rule_list *hr_rules_of(hr_rule_reader *r, const hr_view_virtual_host *vhost);

/* The index in `list` of what a decision of the library chose; list->n if that is in no such list.
 */
size_t hr_rule_chosen(const hr_rule_list *list, const hr_decision *decision);

/* Whether a rule of the list has a condition on the authority. */
bool hr_asks_for_authority(const hr_universe *u, const hr_rule_list *list);

/* A condition of a region, as the rules' own are read. `regex` is that of HR_WHERE_REGEX. Returns
 * false if rules have no such condition. */
bool hr_condition_literal(hr_literal *out, hr_rule_reader *r, const hr_where *where,
                          const hr_regex *regex);

#endif
