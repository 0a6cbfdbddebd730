/* Answers: headers, framing, and the whole answers that servers give by themselves. */
#include "answer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "answer_grpc.h"
#include "decimal.h"
#include "exchange_internal.h"
#include "json_out.h"

const char *hr_status_reason(int status) {
    static const struct {
        int status;
        const char *reason;
    } reasons[] = {
        {100, "Continue"},
        {101, "Switching Protocols"},
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {203, "Non-Authoritative Information"},
        {204, "No Content"},
        {205, "Reset Content"},
        {206, "Partial Content"},
        {300, "Multiple Choices"},
        {301, "Moved Permanently"},
        {302, "Found"},
        {303, "See Other"},
        {304, "Not Modified"},
        {307, "Temporary Redirect"},
        {308, "Permanent Redirect"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {406, "Not Acceptable"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {410, "Gone"},
        {411, "Length Required"},
        {412, "Precondition Failed"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {415, "Unsupported Media Type"},
        {416, "Range Not Satisfiable"},
        {417, "Expectation Failed"},
        {418, "I'm a teapot"},
        {421, "Misdirected Request"},
        {422, "Unprocessable Content"},
        {425, "Too Early"},
        {426, "Upgrade Required"},
        {428, "Precondition Required"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {451, "Unavailable For Legal Reasons"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {502, "Bad Gateway"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
        {505, "HTTP Version Not Supported"},
        {507, "Insufficient Storage"},
        {508, "Loop Detected"},
        {511, "Network Authentication Required"},
    };
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
        if (reasons[i].status == status)
            return reasons[i].reason;
    return "Unknown";
}

void hr_answer_reserve(hr_exchange *ex, size_t n) {
    hr_answer_head *head = &ex->answer;
    size_t needed = head->n_fields + n;
    if (needed <= head->capacity)
        return;
    size_t capacity = needed > head->capacity * 2 ? needed : head->capacity * 2;
    hr_pair *fields = sv_pool_alloc(ex->pool, capacity * sizeof(*fields));
    if (head->n_fields > 0)
        memcpy(fields, head->fields, head->n_fields * sizeof(*fields));
    head->fields = fields;
    head->capacity = capacity;
}

void hr_answer_field(hr_exchange *ex, hr_str name, hr_str value) {
    hr_answer_head *head = &ex->answer;
    if (head->n_fields == head->capacity)
        hr_answer_reserve(ex, 8);
    head->fields[head->n_fields++] = (hr_pair){name, value};
}

void hr_answer_retry_after(hr_exchange *ex, int seconds) {
    /* https://github.com/grpc/proposal/blob/master/A6-client-retries.md */
    bool grpc = hr_exchange_is_grpc(ex);
    char *text = sv_pool_alloc(ex->pool, 16);
    int n = snprintf(text, 16, "%d%s", seconds, grpc ? "000" : "");
    hr_answer_field(ex, grpc ? HR_STR("grpc-retry-pushback-ms") : HR_STR("retry-after"),
                    (hr_str){text, (size_t)n});
}

/* ---- headers of every answer ---- */

/* One Via field: what came from upstream, then this hop (RFC 9110, section 7.6.3). */
static void add_via(hr_exchange *ex) {
    hr_answer_head *head = &ex->answer;
    hr_str own = hr_server_via(ex->loop->server);
    size_t size = own.len, kept = 0;
    for (size_t i = 0; i < head->n_fields; ++i)
        if (hr_str_is(head->fields[i].name, "via"))
            size += head->fields[i].value.len + 2;
    char *via = sv_pool_alloc(ex->pool, size), *at = via;
    for (size_t i = 0; i < head->n_fields; ++i) {
        const hr_pair field = head->fields[i];
        if (!hr_str_is(field.name, "via")) {
            head->fields[kept++] = field;
            continue;
        }
        at = mempcpy(at, field.value.p, field.value.len);
        at = mempcpy(at, ", ", 2);
    }
    head->n_fields = kept;
    memcpy(at, own.p, own.len);
    hr_answer_field(ex, HR_STR("via"), (hr_str){via, size});
}

static char *put_timing(char *at, const char *name, size_t name_len, uint64_t ns) {
    memcpy(at, name, name_len);
    memcpy(at + name_len, ";dur=", 5);
    return hr_put_ms(at + name_len + 5, ns);
}

/* https://www.w3.org/TR/server-timing/: this hop as a whole under its name, then its parts. */
static void add_server_timing(hr_exchange *ex) {
    const char *name = hr_server_options_of(ex->loop->server)->name;
    size_t name_len = strlen(name), size = name_len;
    for (size_t i = 0; i < ex->n_timings; ++i)
        size += strlen(ex->timings[i].name);
    size += (ex->n_timings + 1) * (sizeof(", ;dur=.000") + HR_DECIMAL_MAX);
    char *text = sv_pool_alloc(ex->pool, size);
    char *at = put_timing(text, name, name_len, hr_now_ns() - ex->start_ns);
    for (size_t i = 0; i < ex->n_timings; ++i) {
        const char *part = ex->timings[i].name;
        memcpy(at, ", ", 2);
        at = put_timing(at + 2, part, strlen(part), (uint64_t)(ex->timings[i].ms * 1e6));
    }
    hr_answer_field(ex, HR_STR("server-timing"), (hr_str){text, (size_t)(at - text)});
}

void hr_answer_finish_headers(hr_exchange *ex) {
    bool has_id = false;
    ex->answered = true;
    ex->answer_ns = hr_now_ns();
    add_via(ex);
    add_server_timing(ex);
    for (size_t i = 0; i < ex->answer.n_fields && !has_id; i++)
        has_id = hr_str_is(ex->answer.fields[i].name, "x-request-id");
    if (!has_id)
        hr_answer_field(ex, HR_STR("x-request-id"), ex->request_id);
}

/* ---- sending ---- */

/* RFC 9110 section 6.4.1. */
bool hr_answer_has_content(const hr_exchange *ex) {
    int status = ex->answer.status;
    return !(status < 200 || status == 204 || status == 304 || hr_request_is_head(ex));
}

void hr_answer_start(hr_exchange *ex, int status, uint64_t content_length,
                     void (*on_sent)(hr_exchange *ex)) {
    ex->answer.status = status;
    ex->answer.content_length = content_length;
    ex->on_sent = on_sent;
}

void hr_answer_write(hr_exchange *ex, const hr_str *parts, size_t n, bool final) {
    if (ex->over)
        return;
    ex->final = final;
    ex->carrier->write(ex, parts, hr_answer_has_content(ex) ? n : 0, final);
}

void hr_answer_trailers(hr_exchange *ex, const hr_pair *fields, size_t n) {
    ex->answer.trailers = fields;
    ex->answer.n_trailers = n;
}

void hr_answer_inform(hr_exchange *ex, int status, const hr_pair *fields, size_t n) {
    if (!ex->over && !ex->head_sent)
        ex->carrier->inform(ex, status, fields, n);
}

void hr_answer_abort(hr_exchange *ex) {
    ex->carrier->abort(ex);
}

void hr_answer_pieces(hr_exchange *ex, int status, const char *content_type, const hr_str *pieces,
                      size_t n) {
    uint64_t length = 0;
    for (size_t i = 0; i < n; ++i)
        length += pieces[i].len;
    ex->answer.status = status;
    hr_answer_field(ex, HR_STR("content-type"), sv_str(content_type));
    hr_answer_finish_headers(ex);
    hr_answer_start(ex, status, length, NULL);
    hr_answer_write(ex, pieces, n, true);
}

void hr_answer(hr_exchange *ex, int status, const char *content_type, hr_str body) {
    hr_answer_pieces(ex, status, content_type, &body, 1);
}

void hr_answer_json(hr_exchange *ex, int status, const char *json) {
    hr_answer(ex, status, "application/json", sv_str(json));
}

/* /v2 and what is below it. */
static bool answer_is_inference(const hr_exchange *ex) {
    hr_str path = ex->request.path;
    return path.len >= 3 && memcmp(path.p, "/v2", 3) == 0 &&
           (path.len == 3 || path.p[3] == '/' || path.p[3] == '?');
}

hr_str hr_error_json(hr_exchange *ex, const char *detail) {
    hr_text text = {0};
    hr_text_str(&text, answer_is_inference(ex)
                           ? "{\"error\":"
                           : "{\"status\":\"ng\",\"img_none_bg_base64\":null,\"detail\":");
    hr_json_string(&text, detail, strlen(detail));
    hr_text_str(&text, "}");
    hr_str body = {NULL, 0};
    if (!text.failed)
        body = sv_pool_copy(ex->pool, (hr_str){text.p, text.len});
    hr_text_free(&text);
    return body;
}

void hr_answer_error(hr_exchange *ex, int status, const char *detail) {
    if (hr_exchange_is_grpc(ex))
        hr_answer_grpc_error(ex, status, detail);
    else
        hr_answer(ex, status, "application/json", hr_error_json(ex, detail));
}

void hr_answer_text(hr_exchange *ex, int status, hr_text *json) {
    bool failed = json->failed;
    hr_str body = {NULL, 0};
    if (!failed)
        body = sv_pool_copy(ex->pool, (hr_str){json->p, json->len});
    hr_text_free(json);
    if (failed)
        hr_answer_error(ex, 500, "out of memory");
    else
        hr_answer(ex, status, "application/json", body);
}

void hr_answer_errorf(hr_exchange *ex, int status, const char *fmt, ...) {
    char detail[512];
    va_list args;
    va_start(args, fmt);
    vsnprintf(detail, sizeof(detail), fmt, args);
    va_end(args);
    hr_answer_error(ex, status, detail);
}

void hr_answer_busy(hr_exchange *ex, int retry_after_s, const char *detail) {
    hr_answer_retry_after(ex, retry_after_s);
    hr_answer_error(ex, 503, detail);
}

void hr_answer_method(hr_exchange *ex, const char *allow) {
    hr_answer_field(ex, HR_STR("allow"), sv_str(allow));
    hr_answer_errorf(ex, 405, "this path takes %s", allow);
}

static void answer_metrics(hr_exchange *ex) {
    size_t len;
    char *text = hr_metrics_text(hr_server_metrics_of(ex->loop->server), &len);
    hr_str body = sv_pool_copy(ex->pool, (hr_str){text, len});
    free(text);
    hr_answer(ex, 200, "text/plain; version=0.0.4; charset=utf-8", body);
}

bool hr_answer_common(hr_exchange *ex) {
    bool ready = hr_str_is(hr_request_path(ex), "/ready");
    bool metrics = hr_str_is(hr_request_path(ex), "/metrics");
    if (!ready && !metrics)
        return false;
    if (!hr_request_is_get(ex))
        hr_answer_method(ex, "GET, HEAD");
    else if (metrics)
        answer_metrics(ex);
    else if (hr_server_draining(ex->loop->server))
        hr_answer_busy(ex, 1, "this server is shutting down");
    else if (!hr_server_ready(ex->loop->server))
        hr_answer_busy(ex, 1, "this server is starting");
    else
        hr_answer_json(ex, 200, "{\"ready\":\"ok\"}");
    return true;
}
