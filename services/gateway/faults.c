/* What Envoy's fault filter does before a request is routed on. */
#include "faults.h"

#include "act.h"
#include "grpc.h"
#include "reply.h"

static int grpc_code(hr_str name) {
    for (int code = 0; code < SV_GRPC_STATUSES; code++)
        if (sv_str_is(name, sv_grpc_status_name(code)))
            return code;
    return SV_GRPC_UNKNOWN;
}

static void abort_request(gw_request *r) {
    const hr_decision *d = &r->decision;
    if (d->abort_grpc_status.p != NULL)
        gw_end_grpc(r, GW_FAULT, grpc_code(d->abort_grpc_status));
    else
        gw_end_with(r, GW_FAULT, d->abort_status, hr_str_from(gw_ending_of(GW_FAULT)->body));
}

static void after_delay(gw_request *r) {
    if (r->decision.abort_fires)
        abort_request(r);
    else
        gw_act(r);
}

static void on_delay(sv_timer *timer) {
    after_delay(SV_CONTAINER(gw_request, timer, timer));
}

void gw_apply_faults(gw_request *r) {
    const hr_decision *d = &r->decision;
    if (!d->delay_fires || d->delay_ms <= 0) {
        after_delay(r);
        return;
    }
    gw_flag(r, "DI");
    sv_timer_set(r->loop->timers, &r->timer, sv_timers_now() + (uint64_t)d->delay_ms, on_delay);
}
