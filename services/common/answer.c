#include "answer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decimal.h"
#include "json_out.h"

const char *hr_status_reason(int status) {
    switch (status) {
    case 100:
        return "Continue";
    case 101:
        return "Switching Protocols";
    case 200:
        return "OK";
    case 201:
        return "Created";
    case 202:
        return "Accepted";
    case 203:
        return "Non-Authoritative Information";
    case 204:
        return "No Content";
    case 205:
        return "Reset Content";
    case 206:
        return "Partial Content";
    case 300:
        return "Multiple Choices";
    case 301:
        return "Moved Permanently";
    case 302:
        return "Found";
    case 303:
        return "See Other";
    case 304:
        return "Not Modified";
    case 307:
        return "Temporary Redirect";
    case 308:
        return "Permanent Redirect";
    case 400:
        return "Bad Request";
    case 401:
        return "Unauthorized";
    case 403:
        return "Forbidden";
    case 404:
        return "Not Found";
    case 405:
        return "Method Not Allowed";
    case 406:
        return "Not Acceptable";
    case 408:
        return "Request Timeout";
    case 409:
        return "Conflict";
    case 410:
        return "Gone";
    case 411:
        return "Length Required";
    case 412:
        return "Precondition Failed";
    case 413:
        return "Content Too Large";
    case 414:
        return "URI Too Long";
    case 415:
        return "Unsupported Media Type";
    case 416:
        return "Range Not Satisfiable";
    case 417:
        return "Expectation Failed";
    case 418:
        return "I'm a teapot";
    case 421:
        return "Misdirected Request";
    case 422:
        return "Unprocessable Content";
    case 425:
        return "Too Early";
    case 426:
        return "Upgrade Required";
    case 428:
        return "Precondition Required";
    case 429:
        return "Too Many Requests";
    case 431:
        return "Request Header Fields Too Large";
    case 451:
        return "Unavailable For Legal Reasons";
    case 500:
        return "Internal Server Error";
    case 501:
        return "Not Implemented";
    case 502:
        return "Bad Gateway";
    case 503:
        return "Service Unavailable";
    case 504:
        return "Gateway Timeout";
    case 505:
        return "HTTP Version Not Supported";
    case 507:
        return "Insufficient Storage";
    case 508:
        return "Loop Detected";
    case 511:
        return "Network Authentication Required";
    default:
        return "Unknown";
    }
}

/* One Via field: what came from upstream, then this hop (RFC 9110, section 7.6.3). */
static void add_via(hr_exchange *ex) {
    static const char version[] = "1.1 ";
    h2o_req_t *req = ex->req;
    h2o_headers_t *headers = &req->res.headers;
    const char *name = hr_server_options_of(ex->loop->server)->name;
    size_t name_len = strlen(name), size = sizeof(version) + name_len, kept = 0;
    for (size_t i = 0; i < headers->size; ++i)
        if (headers->entries[i].name == &H2O_TOKEN_VIA->buf)
            size += headers->entries[i].value.len + 2;
    char *via = h2o_mem_alloc_pool(&req->pool, size), *at = via;
    for (size_t i = 0; i < headers->size; ++i) {
        const h2o_header_t *h = &headers->entries[i];
        if (h->name != &H2O_TOKEN_VIA->buf) {
            headers->entries[kept++] = *h;
            continue;
        }
        at = mempcpy(at, h->value.base, h->value.len);
        at = mempcpy(at, ", ", 2);
    }
    headers->size = kept;
    at = mempcpy(at, version, sizeof(version) - 1);
    at = mempcpy(at, name, name_len);
    h2o_add_header(&req->pool, headers, H2O_TOKEN_VIA, NULL, via, (size_t)(at - via));
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
    char *text = h2o_mem_alloc_pool(&ex->req->pool, size);
    char *at = put_timing(text, name, name_len, hr_now_ns() - ex->start_ns);
    for (size_t i = 0; i < ex->n_timings; ++i) {
        const char *part = ex->timings[i].name;
        memcpy(at, ", ", 2);
        at = put_timing(at + 2, part, strlen(part), (uint64_t)(ex->timings[i].ms * 1e6));
    }
    h2o_add_header_by_str(&ex->req->pool, &ex->req->res.headers, H2O_STRLIT("server-timing"), 0,
                          NULL, text, (size_t)(at - text));
}

void hr_answer_finish_headers(hr_exchange *ex) {
    h2o_req_t *req = ex->req;
    ex->answered = true;
    ex->answer_ns = hr_now_ns();
    add_via(ex);
    add_server_timing(ex);
    if (h2o_find_header_by_str(&req->res.headers, H2O_STRLIT("x-request-id"), -1) == -1)
        h2o_add_header_by_str(&req->pool, &req->res.headers, H2O_STRLIT("x-request-id"), 0, NULL,
                              ex->request_id.base, ex->request_id.len);
}

void hr_answer_pieces(hr_exchange *ex, int status, const char *content_type, h2o_iovec_t *pieces,
                      size_t n) {
    static h2o_generator_t whole = {NULL, NULL};
    h2o_req_t *req = ex->req;
    req->res.status = status;
    req->res.reason = hr_status_reason(status);
    req->res.content_length = 0;
    for (size_t i = 0; i < n; ++i)
        req->res.content_length += pieces[i].len;
    h2o_add_header(&req->pool, &req->res.headers, H2O_TOKEN_CONTENT_TYPE, NULL, content_type,
                   strlen(content_type));
    hr_answer_finish_headers(ex);
    if (h2o_memis(req->method.base, req->method.len, H2O_STRLIT("HEAD")))
        n = 0;
    h2o_start_response(req, &whole);
    h2o_send(req, pieces, n, H2O_SEND_STATE_FINAL);
}

void hr_answer(hr_exchange *ex, int status, const char *content_type, h2o_iovec_t body) {
    hr_answer_pieces(ex, status, content_type, &body, 1);
}

void hr_answer_json(hr_exchange *ex, int status, const char *json) {
    hr_answer(ex, status, "application/json", h2o_iovec_init(json, strlen(json)));
}

/* /v2 and what is below it. */
static bool is_inference(const h2o_req_t *req) {
    h2o_iovec_t path = req->input.path;
    return path.len >= 3 && memcmp(path.base, "/v2", 3) == 0 &&
           (path.len == 3 || path.base[3] == '/' || path.base[3] == '?');
}

h2o_iovec_t hr_error_json(h2o_req_t *req, const char *detail) {
    hr_text text = {0};
    hr_text_str(&text, is_inference(req)
                           ? "{\"error\":"
                           : "{\"status\":\"ng\",\"img_none_bg_base64\":null,\"detail\":");
    hr_json_string(&text, detail, strlen(detail));
    hr_text_str(&text, "}");
    h2o_iovec_t body =
        text.failed ? h2o_iovec_init(NULL, 0) : h2o_strdup(&req->pool, text.p, text.len);
    hr_text_free(&text);
    return body;
}

void hr_answer_error(hr_exchange *ex, int status, const char *detail) {
    hr_answer(ex, status, "application/json", hr_error_json(ex->req, detail));
}

void hr_answer_text(hr_exchange *ex, int status, hr_text *json) {
    bool failed = json->failed;
    h2o_iovec_t body = {NULL, 0};
    if (!failed)
        body = h2o_strdup(&ex->req->pool, json->p, json->len);
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
    h2o_req_t *req = ex->req;
    char *text = h2o_mem_alloc_pool(&req->pool, 12);
    int n = snprintf(text, 12, "%d", retry_after_s);
    h2o_add_header_by_str(&req->pool, &req->res.headers, H2O_STRLIT("retry-after"), 0, NULL, text,
                          (size_t)n);
    hr_answer_error(ex, 503, detail);
}

void hr_answer_method(hr_exchange *ex, const char *allow) {
    h2o_req_t *req = ex->req;
    h2o_add_header_by_str(&req->pool, &req->res.headers, H2O_STRLIT("allow"), 0, NULL, allow,
                          strlen(allow));
    hr_answer_errorf(ex, 405, "this path takes %s", allow);
}

static bool path_is(const hr_exchange *ex, const char *path) {
    h2o_iovec_t p = hr_request_path(ex->req);
    return h2o_memis(p.base, p.len, path, strlen(path));
}

static bool is_get(const hr_exchange *ex) {
    h2o_iovec_t m = ex->req->method;
    return h2o_memis(m.base, m.len, H2O_STRLIT("GET")) ||
           h2o_memis(m.base, m.len, H2O_STRLIT("HEAD"));
}

static void answer_metrics(hr_exchange *ex) {
    size_t len;
    char *text = hr_metrics_text(hr_server_metrics_of(ex->loop->server), &len);
    h2o_iovec_t body = h2o_strdup(&ex->req->pool, text, len);
    free(text);
    hr_answer(ex, 200, "text/plain; version=0.0.4; charset=utf-8", body);
}

bool hr_answer_common(hr_exchange *ex) {
    bool ready = path_is(ex, "/ready"), metrics = path_is(ex, "/metrics");
    if (!ready && !metrics)
        return false;
    if (!is_get(ex))
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
