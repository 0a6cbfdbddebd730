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

const char *sv_status_reason(int status) {
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

void sv_answer_reserve(sv_exchange *ex, size_t n) {
    sv_answer_head *head = &ex->answer;
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

void sv_answer_field(sv_exchange *ex, hr_str name, hr_str value) {
    sv_answer_head *head = &ex->answer;
    if (head->n_fields == head->capacity)
        sv_answer_reserve(ex, 8);
    head->fields[head->n_fields++] = (hr_pair){name, value};
}

void sv_answer_retry_after(sv_exchange *ex, int seconds) {
    /* https://github.com/grpc/proposal/blob/master/A6-client-retries.md */
    bool grpc = sv_exchange_is_grpc(ex);
    char *text = sv_pool_alloc(ex->pool, 16);
    int n = snprintf(text, 16, "%d%s", seconds, grpc ? "000" : "");
    sv_answer_field(ex, grpc ? HR_STR("grpc-retry-pushback-ms") : HR_STR("retry-after"),
                    (hr_str){text, (size_t)n});
}

/* ---- headers of every answer ---- */

/* One Via field: what came from upstream, then this hop (RFC 9110, section 7.6.3). */
static void add_via(sv_exchange *ex) {
    sv_answer_head *head = &ex->answer;
    hr_str own = sv_server_via(ex->loop->server);
    size_t size = own.len, kept = 0;
    for (size_t i = 0; i < head->n_fields; ++i)
        if (sv_str_is(head->fields[i].name, "via"))
            size += head->fields[i].value.len + 2;
    char *via = sv_pool_alloc(ex->pool, size), *at = via;
    for (size_t i = 0; i < head->n_fields; ++i) {
        const hr_pair field = head->fields[i];
        if (!sv_str_is(field.name, "via")) {
            head->fields[kept++] = field;
            continue;
        }
        at = mempcpy(at, field.value.p, field.value.len);
        at = mempcpy(at, ", ", 2);
    }
    head->n_fields = kept;
    memcpy(at, own.p, own.len);
    sv_answer_field(ex, HR_STR("via"), (hr_str){via, size});
}

static char *put_timing(char *at, const char *name, size_t name_len, uint64_t ns) {
    memcpy(at, name, name_len);
    memcpy(at + name_len, ";dur=", 5);
    return sv_put_ms(at + name_len + 5, ns);
}

/* https://www.w3.org/TR/server-timing/: this hop as a whole under its name, then its parts. */
static void add_server_timing(sv_exchange *ex) {
    const char *name = sv_server_options_of(ex->loop->server)->name;
    size_t name_len = strlen(name), size = name_len;
    for (size_t i = 0; i < ex->n_timings; ++i)
        size += strlen(ex->timings[i].name);
    size += (ex->n_timings + 1) * (sizeof(", ;dur=.000") + SV_DECIMAL_MAX);
    char *text = sv_pool_alloc(ex->pool, size);
    char *at = put_timing(text, name, name_len, sv_now_ns() - ex->start_ns);
    for (size_t i = 0; i < ex->n_timings; ++i) {
        const char *part = ex->timings[i].name;
        memcpy(at, ", ", 2);
        at = put_timing(at + 2, part, strlen(part), (uint64_t)(ex->timings[i].ms * 1e6));
    }
    sv_answer_field(ex, HR_STR("server-timing"), (hr_str){text, (size_t)(at - text)});
}

void sv_answer_finish_headers(sv_exchange *ex) {
    bool has_id = false;
    ex->answered = true;
    ex->answer_ns = sv_now_ns();
    add_via(ex);
    add_server_timing(ex);
    for (size_t i = 0; i < ex->answer.n_fields && !has_id; i++)
        has_id = sv_str_is(ex->answer.fields[i].name, "x-request-id");
    if (!has_id)
        sv_answer_field(ex, HR_STR("x-request-id"), ex->request_id);
}

/* ---- sending ---- */

/* RFC 9110 section 6.4.1. */
bool sv_answer_has_content(const sv_exchange *ex) {
    int status = ex->answer.status;
    return !(status < 200 || status == 204 || status == 304 || sv_request_is_head(ex));
}

void sv_answer_start(sv_exchange *ex, int status, uint64_t content_length,
                     void (*on_sent)(sv_exchange *ex)) {
    ex->answer.status = status;
    ex->answer.content_length = content_length;
    ex->on_sent = on_sent;
}

void sv_answer_write(sv_exchange *ex, const hr_str *parts, size_t n, bool final) {
    if (ex->over)
        return;
    ex->final = final;
    ex->carrier->write(ex, parts, sv_answer_has_content(ex) ? n : 0, final);
}

void sv_answer_trailers(sv_exchange *ex, const hr_pair *fields, size_t n) {
    ex->answer.trailers = fields;
    ex->answer.n_trailers = n;
}

/* It stays in memory until the exchange ends, and there may be many. */
static bool charge_informational(sv_exchange *ex, const hr_pair *fields, size_t n) {
    size_t size = 0;
    for (size_t i = 0; i < n; ++i)
        size += fields[i].name.len + fields[i].value.len;
    return sv_exchange_reserve(ex, size);
}

void sv_answer_inform(sv_exchange *ex, int status, const hr_pair *fields, size_t n) {
    if (!ex->over && !ex->head_sent && charge_informational(ex, fields, n))
        ex->carrier->inform(ex, status, fields, n);
}

void sv_answer_abort(sv_exchange *ex) {
    ex->carrier->abort(ex);
}

void sv_answer_pieces(sv_exchange *ex, int status, const char *content_type, const hr_str *pieces,
                      size_t n) {
    uint64_t length = 0;
    for (size_t i = 0; i < n; ++i)
        length += pieces[i].len;
    ex->answer.status = status;
    sv_answer_field(ex, HR_STR("content-type"), sv_str(content_type));
    sv_answer_finish_headers(ex);
    sv_answer_start(ex, status, length, NULL);
    sv_answer_write(ex, pieces, n, true);
}

void sv_answer(sv_exchange *ex, int status, const char *content_type, hr_str body) {
    sv_answer_pieces(ex, status, content_type, &body, 1);
}

void sv_answer_json(sv_exchange *ex, int status, const char *json) {
    sv_answer(ex, status, "application/json", sv_str(json));
}

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
