/* The actions of routes as numbered parts. */
#ifndef HR_OUTCOME_H
#define HR_OUTCOME_H

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

typedef struct hr_rule_reader {
    hr_universe *u;
    unsigned only;   /* hr_change bits */
    bool gateway;    /* the views are a Gateway's */
    bool any_proxy;  /* headers that proxies set may have any value */
    bool each;       /* headers that come more than once are matched value by value */
    hr_map outcomes; /* of plans that were read */
    hr_map unique;   /* outcomes by all that is in them */
    hr_map lists;
} hr_rule_reader;

const hr_outcome *hr_outcome_of(hr_rule_reader *r, const hr_view_action *plan);
/* Of a request that no route takes. */
const hr_outcome *hr_outcome_no_route(hr_rule_reader *r);

#endif
