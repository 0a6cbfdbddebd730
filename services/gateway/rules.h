/* "Which rules can requests of the page reach?": one request for each rule, as JSON. */
#ifndef SV_GATEWAY_RULES_H
#define SV_GATEWAY_RULES_H

#include "gateway.h"

/* Answers
 * {"rules":[{"virtual_service","route_index","match_index","file","line","state","path","headers":
 * [["name","value"],...]},...],"left_out":N} in the order in which the rules are tried. Looks at
 * POST /predict with the authority of the exchange. `state` is hr_reach_state_name(); `path` and
 * `headers` are those of a request that the rule decides, null unless `state` is "some". Rules from
 * 1 MiB of JSON on are counted in `left_out` only. */
void gw_rules(sv_exchange *ex);

#endif
