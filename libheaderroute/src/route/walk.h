/* First match, route by route: what the index must agree with, and what explain shows. */
#ifndef HR_WALK_H
#define HR_WALK_H

#include "match.h"
#include "view.h"

/* Tries the routes in order. NULL: none matches. */
const hr_view_route *hr_walk(const hr_route_list *routes, hr_subject *subject);
/* The same, reporting every rule and every condition that is tried. */
const hr_view_route *hr_walk_traced(const hr_route_list *routes, hr_subject *subject,
                                    hr_trace_fn trace, void *ctx);

/* Where a trace goes. */
typedef struct hr_tracer {
    hr_subject *subject;
    hr_trace_fn trace;
    void *ctx;
} hr_tracer;

/* Hands over an event whose long texts are cut (HR_TRACE_MAX_TEXT). The texts that were made for it
 * since `before` are given back afterwards, so that a trace of many rules takes no more of the
 * scratch than one of a few. */
void hr_trace_report(const hr_tracer *t, hr_trace_event *e, hr_scratch_mark before);

#endif
