/* A Canary of Flagger, and its VirtualService as a YAML node, made of the parts of the Canary. */
#ifndef HR_CANARY_RULES_H
#define HR_CANARY_RULES_H

#include "reader.h"

/* What the controller has set last (SetRoutes of Flagger's routers), with the cookies of session
 * affinity, `NAME=VALUE`; absent: not set. */
typedef struct hr_canary_state {
    int64_t primary, canary; /* weights; their sum is 100 */
    bool mirrored;
    bool kept; /* the controller has set no weights yet: its first rules stay */
    hr_str cookie, primary_cookie, previous_cookie;
} hr_canary_state;

typedef struct hr_canary_affinity { /* analysis.sessionAffinity */
    hr_str cookie, primary_cookie, domain, path, same_site;
    bool http_only, partitioned, secure;
    int64_t max_age;
} hr_canary_affinity;

typedef struct hr_canary_analysis {
    int64_t iterations, max_weight, step_weight, promotion_weight, mirror_weight;
    int64_t *weights; /* stepWeights */
    size_t n_weights;
    bool mirror;
    hr_str interval;
    hr_canary_affinity *affinity;
} hr_canary_analysis;

typedef struct hr_spec_canary {
    hr_str provider, target, service, app_protocol, port_name;
    uint32_t port;
    bool port_discovery, delegation;
    hr_str_list hosts, gateways;
    hr_canary_analysis *analysis, *old_analysis; /* old_analysis: canaryAnalysis */
    hr_str phase;                                /* status */
    int64_t status_weight, status_iterations;
    hr_canary_state status;       /* its cookies */
    hr_str apex, primary, canary; /* names of the Services */
    const hr_node *node;          /* spec; lives as long as the document */
} hr_spec_canary;

/* Sets the cookies of a state as the controller does when it sets the weights. */
void hr_canary_set_cookies(hr_reader *r, const hr_spec_canary *canary, hr_canary_state *state);
/* A document with the spec of the VirtualService after the controller has set `state`. Its nodes
 * live as long as the document of `r`. NULL if an allocation fails. */
hr_node *hr_canary_virtual_service(hr_reader *r, const hr_spec_canary *canary,
                                   const hr_canary_state *state);
/* The documents of the Service and DestinationRule of one host. */
hr_node *hr_canary_service(hr_reader *r, const hr_spec_canary *canary);
hr_node *hr_canary_destination_rule(hr_reader *r, const hr_spec_canary *canary, hr_str host);
/* Whether the analysis has conditions, which the controller sends to the canary (A/B testing). */
bool hr_canary_has_match(const hr_spec_canary *canary);
const hr_canary_analysis *hr_canary_analysis_of(const hr_spec_canary *canary);

#endif
