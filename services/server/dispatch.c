/* Hands a request to its handler, or answers by a refusal. */
#include "dispatch.h"

#include "answer_error.h"
#include "answer_grpc.h"
#include "exchange_internal.h"

/* Heads and the beginnings of pipelined requests are not counted in the upload budget up to this.
 */
#define SMALL_INPUT ((size_t)32 << 10)

/* A large head counts several times: its fields are copied to be routed, changed by rules, sent on
 * and logged. */
#define HEAD_COPIES 4

static hr_str refusal_body(sv_exchange *ex, const char **content_type) {
    const sv_service *service = sv_server_service(ex->loop->server);
    *content_type = "application/json";
    if (service->refusal_body == NULL)
        return sv_error_json(ex, ex->refusal.detail);
    return service->refusal_body(ex, ex->refusal.status, ex->refusal.detail, content_type);
}

static void answer_refusal(sv_exchange *ex) {
    const char *content_type;
    ex->keep_alive = false;
    if (ex->refusal.retry_after_s > 0)
        sv_answer_retry_after(ex, ex->refusal.retry_after_s);
    if (sv_exchange_is_grpc(ex)) {
        sv_answer_grpc_error(ex, ex->refusal.status, ex->refusal.detail);
        return;
    }
    hr_str body = refusal_body(ex, &content_type);
    sv_answer(ex, ex->refusal.status, content_type, body);
}

static void name_request(sv_exchange *ex) {
    ex->request_id = sv_request_header(ex, "x-request-id");
    if (ex->request_id.len == 0)
        ex->request_id = sv_make_request_id(ex->pool);
}

void sv_exchange_dispatch(sv_exchange *ex, size_t beside) {
    size_t held = beside + (ex->head_len > SV_LARGE_HEAD ? HEAD_COPIES * ex->head_len : 0);
    size_t reserved = ex->reserved - ex->in.reserved; /* besides the body */
    if (ex->request_id.p == NULL)
        name_request(ex);
    if (ex->refusal.status == 0 && held > reserved + SMALL_INPUT &&
        !sv_exchange_reserve(ex, held - reserved))
        sv_exchange_refuse_busy(ex);
    ex->dispatched = true;
    if (ex->refusal.status != 0)
        answer_refusal(ex);
    else
        ex->listener->on_request(ex);
}
