/* "Why does this request go there?": one request through hr_explain, as JSON. */
#ifndef SV_GATEWAY_EXPLAIN_H
#define SV_GATEWAY_EXPLAIN_H

#include "gateway.h"

/* POST with {"method","scheme","authority","path","headers":[["name","value"],...]} (only authority
 * and path are required), or GET with the same names in the query and `header=Name: value` as often
 * as needed. Answers {"decision":...,"trace":[...]}, or {"error":"..."} with 400. `kind` is that of
 * the page or of the administrator. */
void gw_explain(sv_exchange *ex, gw_aside_kind kind);

#endif
