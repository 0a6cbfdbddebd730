/* The answers that servers give of their own: errors, and what is the same everywhere. */
#include "answer_error.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "answer_grpc.h"

/* /v2 and what is below it. */
static bool answer_is_inference(const sv_exchange *ex) {
    hr_str path = ex->request.path;
    return path.len >= 3 && memcmp(path.p, "/v2", 3) == 0 &&
           (path.len == 3 || path.p[3] == '/' || path.p[3] == '?');
}

hr_str sv_error_json(sv_exchange *ex, const char *detail) {
    sv_text text = {0};
    sv_text_str(&text, answer_is_inference(ex)
                           ? "{\"error\":"
                           : "{\"status\":\"ng\",\"img_none_bg_base64\":null,\"detail\":");
    sv_json_string(&text, detail, strlen(detail));
    sv_text_str(&text, "}");
    hr_str body = {NULL, 0};
    if (!text.failed)
        body = sv_pool_copy(ex->pool, (hr_str){text.p, text.len});
    sv_text_free(&text);
    return body;
}

void sv_answer_error(sv_exchange *ex, int status, const char *detail) {
    if (sv_exchange_is_grpc(ex))
        sv_answer_grpc_error(ex, status, detail);
    else
        sv_answer(ex, status, "application/json", sv_error_json(ex, detail));
}

void sv_answer_text(sv_exchange *ex, int status, sv_text *json) {
    bool failed = json->failed;
    hr_str body = {NULL, 0};
    if (!failed)
        body = sv_pool_copy(ex->pool, (hr_str){json->p, json->len});
    sv_text_free(json);
    if (failed)
        sv_answer_error(ex, 500, "out of memory");
    else
        sv_answer(ex, status, "application/json", body);
}

void sv_answer_errorf(sv_exchange *ex, int status, const char *fmt, ...) {
    char detail[512];
    va_list args;
    va_start(args, fmt);
    vsnprintf(detail, sizeof(detail), fmt, args);
    va_end(args);
    sv_answer_error(ex, status, detail);
}

void sv_answer_busy(sv_exchange *ex, int retry_after_s, const char *detail) {
    sv_answer_retry_after(ex, retry_after_s);
    sv_answer_error(ex, 503, detail);
}

void sv_answer_method(sv_exchange *ex, const char *allow) {
    sv_answer_field(ex, HR_STR("allow"), sv_str(allow));
    sv_answer_errorf(ex, 405, "this path takes %s", allow);
}

static void answer_metrics(sv_exchange *ex) {
    size_t len;
    char *text = sv_metrics_text(sv_server_metrics_of(ex->loop->server), &len);
    hr_str body = sv_pool_copy(ex->pool, (hr_str){text, len});
    free(text);
    sv_answer(ex, 200, "text/plain; version=0.0.4; charset=utf-8", body);
}

bool sv_answer_common(sv_exchange *ex) {
    bool ready = sv_str_is(sv_request_path(ex), "/ready");
    bool metrics = sv_str_is(sv_request_path(ex), "/metrics");
    if (!ready && !metrics)
        return false;
    if (!sv_request_is_get(ex))
        sv_answer_method(ex, "GET, HEAD");
    else if (metrics)
        answer_metrics(ex);
    else if (sv_server_draining(ex->loop->server))
        sv_answer_busy(ex, 1, "this server is shutting down");
    else if (!sv_server_ready(ex->loop->server))
        sv_answer_busy(ex, 1, "this server is starting");
    else
        sv_answer_json(ex, 200, "{\"ready\":\"ok\"}");
    return true;
}
