/* Does what the decision asks for: an answer of the gateway, or a request upstream. */
#include "act.h"

#include "cors.h"
#include "outgoing.h"
#include "reply.h"

void gw_act(gw_request *r) {
    const hr_decision *d = &r->decision;
    if (d->cors_preflight) {
        gw_preflight(r);
        return;
    }
    if (d->local_reply.status != 0) {
        gw_end_with(r, gw_outcome_of_reply(&d->local_reply), d->local_reply.status,
                    d->local_reply.body);
        return;
    }
    switch (d->action) {
    case HR_ACTION_REDIRECT:
        gw_redirect(r);
        return;
    case HR_ACTION_DIRECT_RESPONSE:
        gw_direct_response(r);
        return;
    case HR_ACTION_ROUTE:
        gw_forward(r);
        return;
    case HR_ACTION_NO_ROUTE:
        if (d->closes_connection)
            break; /* the client is connected to this server already, so it gets an answer */
        gw_end(r, GW_NO_ROUTE);
        return;
    case HR_ACTION_PASSTHROUGH:
        break;
    }
    gw_end(r, GW_UNKNOWN_HOST);
}
