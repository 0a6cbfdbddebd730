/* "Which rules can requests of the page reach?": one request for each rule, as JSON. */
#ifndef SV_GATEWAY_RULES_H
#define SV_GATEWAY_RULES_H

#include "gateway.h"

/* Answers {"rules":[{"state","virtual_service","route_index","match_index","file","line","path",
 * "headers":[["name","value"],...]},...],"left_out":N} in the order in which the rules are tried.
 * Looks at POST /predict with the authority of the exchange. `state` is hr_reach_state_name();
 * `path` and `headers` are those of a request that the rule decides, null unless `state` is "some".
 * Rules from 256 KiB of JSON on are counted in `left_out` only, and all are if the table has more
 * than 1,000 or is larger than 2.5 MiB. */
void gw_rules(sv_exchange *ex);

#endif
