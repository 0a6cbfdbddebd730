/*
 * Order: which neighbouring rules of a VirtualService can be swapped without a change, for all
 * requests.
 *
 *     static int print(void *ctx, const hr_neighbours *pair) {
 *         printf("%s\n", hr_order_state_name(pair->state));
 *         return HR_OK;
 *     }
 *     hr_order_find(table, NULL, print, NULL);
 *
 * Each pair is decided by comparing the table with one in which the two rules are swapped, so that
 * what diff.h says about differences and their proofs holds here, too.
 *
 * Include <headerroute/headerroute.h>, which includes this file.
 */
#ifndef HEADERROUTE_ORDER_H
#define HEADERROUTE_ORDER_H

#include <headerroute/diff.h>
#include <headerroute/load.h>
#include <headerroute/types.h>
#include <headerroute/view.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum hr_order_state {
    HR_ORDER_FREE = 0, /* Proven: swapping the two rules changes no request. */
    HR_ORDER_MATTERS,  /* Requests are decided differently if they are swapped. */
    HR_ORDER_UNDECIDED /* Neither was found within the limits. */
} hr_order_state;

/* Returns "free", "matters" or "undecided", or NULL if the value is unknown. */
HR_API const char *hr_order_state_name(hr_order_state state);

/* Start from HR_ORDER_OPTIONS_INIT; 0 and NULL choose the defaults. */
typedef struct hr_order_options {
    unsigned version;       /* HR_ORDER_OPTIONS_VERSION */
    hr_str virtual_service; /* "namespace/name": only rules of this one (default: of all of them) */
    const hr_view_options *view; /* The one view to look at (default: all views of the table) */
    const hr_view_options *base; /* As in hr_diff_options. */
    unsigned only;               /* hr_change bits to compare (default: HR_CHANGE_DEFAULT) */
    uint64_t max_work;           /* Automaton steps for each pair and view (default: 200 million) */
    unsigned max_steps; /* Refinements after which a region is undecided (default: 20000) */
} hr_order_options;
#define HR_ORDER_OPTIONS_VERSION 1
#define HR_ORDER_OPTIONS_INIT                                                                      \
    { HR_ORDER_OPTIONS_VERSION, {NULL, 0}, NULL, NULL, 0, 0, 0 }

/* Two neighbouring entries of spec.http. The library makes it; it is valid until the hr_order_fn
 * returns. */
typedef struct hr_neighbours {
    hr_diff_rule first, second; /* `match_index` is -1. */
    hr_order_state state;
    const hr_diff *diff; /* HR_ORDER_MATTERS: from the rules as they are to the swapped ones, in one
                          * view in which the order matters. HR_ORDER_UNDECIDED: what was not
                          * decided, or NULL if `reason` is not about a view. Else NULL. */
    hr_str reason;       /* Why it is undecided; else absent. */
} hr_neighbours;

/* Receives a pair. It returns HR_OK to go on, or an error, which ends the search. */
typedef int (*hr_order_fn)(void *ctx, const hr_neighbours *pair);

/* Calls `fn` with each pair of neighbouring rules, VirtualService by VirtualService in the order of
 * the load. Rules of delegates are compared within their delegate. Rules of HTTPRoutes and
 * GRPCRoutes are left out: the Gateway API orders them by how specific they are.
 *
 * Returns HR_OK, HR_ENOENT if the table has no such VirtualService or view, HR_EINVAL, HR_ENOMEM,
 * or the error that `fn` returned. */
HR_API int hr_order_find(hr_table *table, const hr_order_options *options, hr_order_fn fn,
                         void *ctx);

#ifdef __cplusplus
}
#endif
#endif
