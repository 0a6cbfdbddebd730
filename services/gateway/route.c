/* Routes a request: builds it as rules see it, and makes the decision. */
#include "route.h"

#include "faults.h"
#include "incoming.h"
#include "reply.h"

static void note_route(gw_request *r) {
    const hr_decision *d = &r->decision;
    r->ex->route_name = d->route_name;
    r->ex->upstream_cluster = d->cluster_name;
}

static void decide(gw_request *r) {
    if (sv_str_is(r->in.path, "*")) { /* OPTIONS: as in Envoy, no rule is about it */
        gw_end(r, GW_NO_ROUTE);
        return;
    }
    r->decision.version = HR_DECISION_VERSION;
    int error = hr_route(&r->decision, r->listener->view, &r->in, r->scratch->scratch);
    if (error == HR_EREQUEST) {
        gw_end(r, GW_BAD_REQUEST);
        return;
    }
    if (error == HR_ELIMIT) {
        gw_end(r, GW_REGEX_LIMIT);
        return;
    }
    if (error != HR_OK) {
        gw_end(r, GW_NO_MEMORY);
        return;
    }
    note_route(r);
    gw_apply_faults(r);
}

void gw_route(gw_request *r) {
    if (gw_build_request(r) != 0)
        gw_end(r, GW_NO_MEMORY);
    else
        decide(r);
}
