/* Writes one line of JSON for each finished request. */
#include "access_log.h"

#include <string.h>
#include <time.h>

#include "body_in.h"
#include "conn.h"
#include "decimal.h"
#include "json_out.h"
#include "log.h"
#include "server.h"

/* The memory of a line that a loop keeps for the next. */
#define LINE_KEPT ((size_t)16 << 10)

/* The names of members are literals of ours, which need no escaping: `,"name":`. */
#define NAME(line, name) sv_text_bytes(line, ",\"" name "\":", sizeof(",\"" name "\":") - 1)

static void put_string(sv_text *line, hr_str value) {
    if (value.len > 0)
        sv_json_string(line, value.p, value.len);
    else
        sv_text_bytes(line, "null", 4);
}

static void put_words(sv_text *line, const char *words) {
    put_string(line, (hr_str){words, words != NULL ? strlen(words) : 0});
}

static void put_int(sv_text *line, uint64_t value) {
    char digits[SV_DECIMAL_MAX];
    sv_text_bytes(line, digits, (size_t)(sv_put_uint(digits, value) - digits));
}

static void put_ms(sv_text *line, uint64_t ns) {
    char digits[SV_DECIMAL_MAX + 4];
    sv_text_bytes(line, digits, (size_t)(sv_put_ms(digits, ns) - digits));
}

/* Many lines have the same second: its text is kept. */
static void put_start_time(sv_text *line, uint64_t wall_us) {
    static __thread struct {
        time_t second;
        size_t len;
        char date[64];
    } last;
    time_t second = (time_t)(wall_us / 1000000);
    if (last.len == 0 || second != last.second) {
        struct tm utc;
        gmtime_r(&second, &utc);
        last.second = second;
        last.len = strftime(last.date, sizeof(last.date), "\"%Y-%m-%dT%H:%M:%S.", &utc);
    }
    unsigned ms = (unsigned)(wall_us / 1000 % 1000);
    const char rest[] = {(char)('0' + ms / 100), (char)('0' + ms / 10 % 10), (char)('0' + ms % 10),
                         'Z', '"'};
    sv_text_bytes(line, last.date, last.len);
    sv_text_bytes(line, rest, sizeof(rest));
}

/* W3C trace context: 00-TRACEID-SPANID-FLAGS (https://www.w3.org/TR/trace-context/, section 3.2).
 */
static void put_trace(sv_text *line, const sv_exchange *ex) {
    hr_str parent = sv_request_header(ex, "traceparent");
    bool ok = parent.len >= 55 && parent.p[2] == '-' && parent.p[35] == '-' && parent.p[52] == '-';
    NAME(line, "trace_id");
    put_string(line, ok ? (hr_str){parent.p + 3, 32} : sv_request_header(ex, "x-b3-traceid"));
    NAME(line, "span_id");
    put_string(line, ok ? (hr_str){parent.p + 36, 16} : sv_request_header(ex, "x-b3-spanid"));
}

static void put_peer(sv_text *line, const sv_exchange *ex) {
    const sv_peer *peer = sv_conn_peer(ex->conn);
    put_string(line, (hr_str){peer->text, peer->len});
}

static void put_request_line(sv_text *line, const sv_exchange *ex) {
    const sv_http1_request *request = &ex->request;
    hr_str path = request->path.p != NULL ? request->path : request->target;
    NAME(line, "method");
    put_string(line, request->method.p != NULL ? request->method : HR_STR("-"));
    NAME(line, "path");
    put_string(line, path.p != NULL ? path : HR_STR("-"));
    NAME(line, "protocol");
    put_string(line, sv_exchange_protocol(ex));
}

void sv_log_access(const sv_exchange *ex) {
    sv_text *line = &ex->loop->log_line;
    if (!sv_log_takes_lines())
        return;
    line->len = 0;
    sv_text_str(line, "{\"start_time\":");
    put_start_time(line, ex->start_wall_us);
    put_request_line(line, ex);
    NAME(line, "response_code");
    put_int(line, (uint64_t)sv_exchange_status(ex));
    NAME(line, "response_flags");
    put_words(line, ex->response_flags != NULL ? ex->response_flags : "-");
    NAME(line, "response_code_details");
    put_words(line, ex->details);
    NAME(line, "bytes_received");
    put_int(line, sv_body_received(ex) + ex->tunnelled);
    NAME(line, "bytes_sent");
    put_int(line, ex->bytes_sent);
    NAME(line, "duration");
    put_ms(line, sv_now_ns() - ex->start_ns);
    NAME(line, "authority");
    put_string(line, ex->request.authority);
    NAME(line, "user_agent");
    put_string(line, sv_request_header(ex, "user-agent"));
    NAME(line, "x_forwarded_for");
    put_string(line, sv_request_header(ex, "x-forwarded-for"));
    NAME(line, "request_id");
    put_string(line, ex->request_id);
    put_trace(line, ex);
    NAME(line, "downstream_remote_address");
    put_peer(line, ex);
    NAME(line, "upstream_host");
    put_string(line, ex->upstream_host);
    NAME(line, "upstream_cluster");
    put_string(line, ex->upstream_cluster);
    NAME(line, "route_name");
    put_string(line, ex->route_name);
    NAME(line, "job_id");
    put_string(line, ex->job_id);
    if (ex->grpc_status.p != NULL) {
        NAME(line, "grpc_status");
        sv_text_bytes(line, ex->grpc_status.p, ex->grpc_status.len);
    }
    if (ex->upstream_ns != 0) {
        NAME(line, "upstream_service_time");
        put_ms(line, ex->upstream_ns);
    }
    NAME(line, "name");
    put_words(line, sv_server_options_of(ex->loop->server)->name);
    sv_text_bytes(line, "}\n", 2);
    if (!line->failed)
        sv_log_line(line->p, line->len);
    if (line->failed || line->capacity > LINE_KEPT)
        sv_text_free(line);
}
