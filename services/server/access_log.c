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

/* ---- request headers that the administrator names ---- */

/* Of a value; of a longer one the line has a part. */
#define MOST_OF_VALUE ((size_t)1 << 10)

const char *sv_log_check_header(const char *name) {
    static const char *const members[] = {"start_time",
                                          "method",
                                          "path",
                                          "protocol",
                                          "response_code",
                                          "response_flags",
                                          "response_code_details",
                                          "bytes_received",
                                          "bytes_sent",
                                          "duration",
                                          "authority",
                                          "user_agent",
                                          "x_forwarded_for",
                                          "request_id",
                                          "trace_id",
                                          "span_id",
                                          "downstream_remote_address",
                                          "upstream_host",
                                          "upstream_cluster",
                                          "route_name",
                                          "job_id",
                                          "grpc_status",
                                          "upstream_service_time",
                                          "name",
                                          "headers",
                                          "request_headers",
                                          "host"};
    static const char token[] = "abcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-.^_`|~";
    if (name[0] == '\0' || name[strspn(name, token)] != '\0')
        return "is not the name of a header";
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        const char *a = name, *b = members[i];
        while (*a != '\0' && (*a == '-' ? '_' : *a) == *b)
            a++, b++;
        if (*a == '\0' && *b == '\0')
            return "has the name of a member that every line has";
    }
    return NULL;
}

static bool is_whole_utf8(hr_str s) {
    for (size_t i = 0, n; i < s.len; i += n) {
        n = sv_utf8_sequence((const unsigned char *)s.p + i, s.len - i);
        if (n == 0)
            return false;
    }
    return true;
}

/* A value that is too long or not UTF-8 is written as an object, so that a reader cannot mistake
 * what remains of it for the header's value. */
static void put_field_value(sv_text *line, hr_str value) {
    if (value.len <= MOST_OF_VALUE && is_whole_utf8(value)) {
        sv_json_string(line, value.p, value.len);
        return;
    }
    size_t len = value.len < MOST_OF_VALUE ? value.len : MOST_OF_VALUE;
    sv_text_str(line, "{\"part\":");
    sv_json_string(line, value.p, len);
    sv_text_str(line, "}");
}

/* A text, a list of those of several lines, or null. */
static void put_header(sv_text *line, const sv_exchange *ex, const char *name) {
    enum { MOST = 16 };
    hr_str values[MOST];
    size_t n = 0, len = strlen(name);
    for (size_t i = 0; i < ex->request.n_fields && n < MOST; i++) {
        const hr_pair *field = &ex->request.fields[i];
        if (field->name.len == len && memcmp(field->name.p, name, len) == 0)
            values[n++] = field->value;
    }
    sv_json_name(line, name);
    sv_text_str(line, n == 0 ? "null" : n > 1 ? "[" : "");
    for (size_t i = 0; i < n; i++) {
        sv_text_str(line, i > 0 ? "," : "");
        put_field_value(line, values[i]);
    }
    sv_text_str(line, n > 1 ? "]" : "");
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
    const sv_server_options *options = sv_server_options_of(ex->loop->server);
    NAME(line, "name");
    put_words(line, options->name);
    for (size_t i = 0; i < options->n_log_headers; i++)
        put_header(line, ex, options->log_headers[i]);
    sv_text_bytes(line, "}\n", 2);
    if (!line->failed)
        sv_log_line(line->p, line->len);
    if (line->failed || line->capacity > LINE_KEPT)
        sv_text_free(line);
}
