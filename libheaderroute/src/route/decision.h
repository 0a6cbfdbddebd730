/* Decisions with and without the index, and the virtual host that takes a request. */
#ifndef HR_DECISION_H
#define HR_DECISION_H

#include "scratch.h"
#include "view.h"

/* hr_route with a trace (NULL: none) and with or without the index: tests and
 * benchmarks compare the two. */
typedef struct hr_route_mode {
    bool plain_walk;
    hr_trace_fn trace;
    void *ctx;
} hr_route_mode;
int hr_route_by(hr_decision *out, const hr_view *view, const hr_request *request,
                hr_scratch *scratch, const hr_route_mode *mode);
/* The virtual host of an authority that is also what the client connects to, NULL where
 * none takes it. Uses memory of the scratch. HR_OK or HR_ENOMEM. */
int hr_find_vhost(const hr_view_virtual_host **out, const hr_view *view, hr_str authority,
                  hr_scratch *scratch);

#endif
