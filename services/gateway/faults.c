/* What Envoy's fault filter does before a request is routed on. */
#include "faults.h"

#include <string.h>

#include "act.h"
#include "reply.h"

static int grpc_code(hr_str name) {
    static const char *const names[] = {"OK",
                                        "CANCELLED",
                                        "UNKNOWN",
                                        "INVALID_ARGUMENT",
                                        "DEADLINE_EXCEEDED",
                                        "NOT_FOUND",
                                        "ALREADY_EXISTS",
                                        "PERMISSION_DENIED",
                                        "RESOURCE_EXHAUSTED",
                                        "FAILED_PRECONDITION",
                                        "ABORTED",
                                        "OUT_OF_RANGE",
                                        "UNIMPLEMENTED",
                                        "INTERNAL",
                                        "UNAVAILABLE",
                                        "DATA_LOSS",
                                        "UNAUTHENTICATED"};
    for (int i = 0; i < (int)(sizeof(names) / sizeof(names[0])); i++)
        if (name.len == strlen(names[i]) && memcmp(names[i], name.p, name.len) == 0)
            return i;
    return 2;
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
