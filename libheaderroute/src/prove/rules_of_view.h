/*
 * The one place where comparing reads compiled views: their routes as conjunctions of literals,
 * their actions as numbered parts, and which list of routes an authority leads to.
 */
#ifndef HR_RULES_OF_VIEW_H
#define HR_RULES_OF_VIEW_H

#include <headerroute/diff.h>

#include "universe.h"
#include "view.h"

/* What becomes of the path: `skip` bytes are replaced by `text`; or all of it; or what a regex
 * finds. */
typedef struct hr_path_change {
    enum { HR_PATH_AFFINE = 0, HR_PATH_WHOLE, HR_PATH_REGEX } kind;
    size_t skip;
    hr_str text;
    uint32_t regex; /* number of pattern and substitution */
    hr_str pattern;
} hr_path_change;

/* The draw's part of a weighted route: numbers of all that depends on the destination, up to a
 * weight. */
typedef struct hr_share {
    uint32_t parts; /* of all of the destination's, as one number */
    uint64_t end;
    bool answered; /* without an upstream, which hides a rewrite */
} hr_share;

typedef struct hr_outcome {
    uint32_t parts[HR_CHANGE_COUNT]; /* by bit of hr_change: equal numbers are equal parts */
    const hr_share *shares;
    size_t n_shares;
    uint64_t total;                    /* of the weights */
    uint32_t delay_parts, abort_parts; /* per million */
    double mirror_percentage;          /* of the first mirror */
    bool redirects;
} hr_outcome;

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

typedef struct hr_rule_reader {
    hr_universe *u;
    unsigned only;   /* hr_change bits */
    bool gateway;    /* the views are a Gateway's */
    bool each;       /* headers that come more than once are matched value by value */
    hr_map outcomes; /* of plans that were read */
    hr_map unique;   /* outcomes by all that is in them */
    hr_map lists;
} hr_rule_reader;

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
