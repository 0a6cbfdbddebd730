/*
 * libheaderroute: Istio's VirtualService and DestinationRule, evaluated inside your own process.
 *
 *     hr_table *table;       // immutable, shared by all threads
 *     hr_view *view;         // the sidecar of a client in namespace default
 *     hr_scratch *scratch;   // one for each thread
 *     hr_decision decision = HR_DECISION_INIT;
 *     hr_table_load_paths(&table, NULL, paths, 1, NULL);
 *     hr_view_new(&view, table, NULL);
 *     hr_scratch_new(&scratch);
 *     hr_route(&decision, view, &request, scratch);   // no allocation, no lock, no clock
 *
 * This is the only header to include. The headers that it includes have one task each:
 *
 *     types.h     errors, strings, scratch memory
 *     load.h      YAML to a table; diagnostics; what a table holds
 *     view.h      the rules as one proxy sees them; clusters and endpoints
 *     route.h     a request to a decision; why; what is sent
 *     balance.h   a decision to an endpoint
 *     diff.h      what a change of the rules changes, for all requests
 *     reach.h     which rules decide requests
 *     order.h     which neighbouring rules can be swapped without a change
 *     listeners.h the listeners of a Gateway and their certificates
 *     convert.h   the rules in the other language
 *
 * Conventions:
 *
 *  - Functions that can fail return HR_OK (0) or a negative hr_error. Outputs come first. On
 *    failure they are NULL or zeroed, except for the `version` of a struct.
 *  - NULL for a required pointer gives HR_EINVAL. Functions that free something accept NULL.
 *  - A struct that the caller allocates has a `version` as its first member and a macro _INIT,
 *    which sets it. A function refuses an unknown version with HR_EINVAL and never writes beyond
 *    the members of the version it is given. A few small structs are fixed instead, which their
 *    comments say. All other structs are made by the library and may grow at their end: reach them
 *    by the pointers that the library returns, and do not copy or compare them as a whole.
 *  - Strings are hr_str: pointer and length, not zero-terminated, not owned.
 *  - Thread-safety: any number of threads may use one table, view, cluster, rings or diagnostics.
 *    A scratch, a decision and a cursor belong to one thread at a time. There is no global mutable
 *    state.
 *  - Words are those of Istio's API (VirtualService, DestinationRule, subset, gateway, mesh) and
 *    of Envoy (cluster, endpoint, authority, virtual host, response flag).
 *  - Every enum has a function hr_..._name(), which returns a static string, or NULL if the value
 *    is unknown. Later versions may add values to an enum.
 */
#ifndef HEADERROUTE_HEADERROUTE_H
#define HEADERROUTE_HEADERROUTE_H

#include <headerroute/balance.h>
#include <headerroute/convert.h>
#include <headerroute/diff.h>
#include <headerroute/listeners.h>
#include <headerroute/load.h>
#include <headerroute/order.h>
#include <headerroute/reach.h>
#include <headerroute/route.h>
#include <headerroute/types.h>
#include <headerroute/view.h>

#endif
