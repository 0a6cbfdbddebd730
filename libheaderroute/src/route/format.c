/* Expands formatter commands in header values for one request. */
#include "format.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#include "format_command.h"
#include "format_time.h"
#include "hex.h"
#include "match.h"
#include "query.h"

/* ---- walking over a value ---- */

/* ---- headers ---- */

static hr_str in_pairs(const hr_pair *v, size_t n, hr_str name) {
    for (size_t i = 0; i < n; i++)
        if (hr_str_eq_nocase(v[i].name, name))
            return v[i].value;
    return (hr_str){0};
}

static hr_str sent_path(const hr_format_context *c) {
    if (c->path.p != NULL)
        return c->path;
    return c->chosen == NULL ? c->request->path : c->chosen->path;
}

static hr_str request_header(const hr_format_context *c, hr_str name) {
    if (hr_str_eq_nocase(name, HR_STR(":authority")) || hr_str_eq_nocase(name, HR_STR("host")))
        return c->request->authority;
    if (hr_str_eq_nocase(name, HR_STR(":path")))
        return sent_path(c);
    if (hr_str_eq_nocase(name, HR_STR(":method")))
        return c->request->method.p == NULL ? HR_STR("GET") : c->request->method;
    if (hr_str_eq_nocase(name, HR_STR(":scheme")))
        return c->request->scheme.p == NULL ? HR_STR("http") : c->request->scheme;
    if (c->headers != NULL)
        return in_pairs(c->headers->v, c->headers->n, name);
    return in_pairs(c->request->headers, c->request->n_headers, name);
}

static hr_str status_text(const hr_format_context *c, char text[12]) {
    int n = c->response == NULL ? 0 : snprintf(text, 12, "%d", c->response->status);
    return n == 0 ? (hr_str){0} : hr_str_of(text, (size_t)n);
}

static hr_str response_header(const hr_format_context *c, hr_str name) {
    return c->answer == NULL ? (hr_str){0} : in_pairs(c->answer->v, c->answer->n, name);
}

/* "main?alternative": the second where the first is absent. */
static hr_str either(const hr_format_context *c, hr_str names,
                     hr_str (*get)(const hr_format_context *, hr_str)) {
    size_t mark = hr_str_find(names, '?', 0);
    hr_str value = get(c, hr_str_of(names.p, mark));
    if (value.p == NULL && mark < names.len)
        value = get(c, hr_str_tail(names, mark + 1));
    return value;
}

static uint64_t bytes_of(const hr_pair *v, size_t n) {
    uint64_t sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += v[i].name.len + v[i].value.len;
    return sum;
}

/* With the pseudo headers, as Envoy counts. */
static uint64_t request_bytes(const hr_format_context *c) {
    static const char *const pseudo[] = {":authority", ":path", ":method", ":scheme"};
    uint64_t sum = c->headers != NULL ? bytes_of(c->headers->v, c->headers->n)
                                      : bytes_of(c->request->headers, c->request->n_headers);
    for (size_t i = 0; i < sizeof(pseudo) / sizeof(pseudo[0]); i++)
        sum += strlen(pseudo[i]) + request_header(c, hr_str_from(pseudo[i])).len;
    return sum;
}

static uint64_t response_bytes(const hr_format_context *c) {
    return c->answer == NULL ? 0 : bytes_of(c->answer->v, c->answer->n) + strlen(":status200");
}

/* ---- what the caller says ---- */

static const hr_connection *connection_of(const hr_format_context *c) {
    static const hr_connection unknown = HR_CONNECTION_INIT;
    return c->request->connection == NULL ? &unknown : c->request->connection;
}

static hr_str fact(const hr_format_context *c, hr_str command) {
    const hr_connection *connection = connection_of(c);
    for (size_t i = 0; c->response != NULL && i < c->response->n_facts; i++)
        if (hr_str_eq(c->response->facts[i].name, command))
            return c->response->facts[i].value;
    for (size_t i = 0; i < connection->n_facts; i++)
        if (hr_str_eq(connection->facts[i].name, command))
            return connection->facts[i].value;
    return (hr_str){0};
}

/* ---- addresses ---- */

typedef struct address {
    hr_str host; /* without brackets; absent: unknown */
    hr_str port; /* digits */
    char digits[8];
} address;

static void address_of_parts(address *out, hr_str host, uint16_t port) {
    out->host = host.len == 0 ? (hr_str){0} : host;
    out->port = hr_str_of(out->digits,
                          (size_t)snprintf(out->digits, sizeof(out->digits), "%u", (unsigned)port));
}

/* "ADDRESS:PORT", "[ADDRESS]:PORT". */
static void address_of_text(address *out, hr_str text) {
    size_t colon = text.len;
    while (colon > 0 && text.p[colon - 1] != ':')
        colon--;
    bool has_port = colon > 0;
    out->port = has_port ? hr_str_tail(text, colon) : (hr_str){0};
    out->host = has_port ? hr_str_of(text.p, colon - 1) : text;
    if (out->host.len > 1 && out->host.p[0] == '[')
        out->host = hr_str_of(out->host.p + 1, out->host.len - 2);
}

/* The address behind a command, by its kind. */
static void address_get(address *out, const hr_command_row *row, const hr_format_context *c) {
    const hr_connection *n = connection_of(c);
    *out = (address){.host = {0}};
    hr_str said = fact(c, hr_str_from(row->name));
    bool trusted = n->client_address.p != NULL && !hr_str_eq(n->client_address, n->peer_address);
    if (said.p != NULL)
        address_of_text(out, said);
    else if (row->kind == HR_CMD_CLIENT_ADDRESS &&
             trusted) /* from x-forwarded-for: its port is not known */
        address_of_parts(out, n->client_address, 0);
    else if (row->kind == HR_CMD_CLIENT_ADDRESS || row->kind == HR_CMD_PEER_ADDRESS)
        address_of_parts(out, n->peer_address, n->peer_port);
    else if (row->kind == HR_CMD_LOCAL_ADDRESS)
        address_of_parts(out, n->local_address, n->local_port);
    else if (row->kind == HR_CMD_UPSTREAM_ADDRESS && c->response != NULL &&
             c->response->upstream_address.p != NULL)
        address_of_text(out, c->response->upstream_address);
}

/* "ADDRESS/BITS" with the other bits cleared, as %..._WITHOUT_PORT(BITS)% has it. 0: not possible.
 */
static size_t address_masked(char *text, size_t size, hr_str host, hr_str argument) {
    char copy[INET6_ADDRSTRLEN], *end;
    unsigned char bytes[16];
    if (host.len >= sizeof(copy) || argument.len == 0 || argument.len > 3)
        return 0;
    memcpy(copy, host.p, host.len);
    copy[host.len] = '\0';
    int family = memchr(copy, ':', host.len) != NULL ? AF_INET6 : AF_INET;
    size_t n_bytes = family == AF_INET6 ? 16 : 4;
    char number[4] = "";
    memcpy(number, argument.p, argument.len);
    unsigned long bits = strtoul(number, &end, 10);
    if (*end != '\0' || number[0] < '0' || number[0] > '9' || bits > n_bytes * 8 ||
        inet_pton(family, copy, bytes) != 1)
        return 0;
    for (size_t i = 0; i < n_bytes; i++) {
        unsigned long kept = bits > i * 8 ? bits - i * 8 : 0;
        bytes[i] &= kept >= 8 ? 0xFF : (unsigned char)(0xFF00u >> kept);
    }
    if (inet_ntop(family, bytes, copy, sizeof(copy)) == NULL)
        return 0;
    int n = snprintf(text, size, "%s/%lu", copy, bits);
    return n > 0 && (size_t)n < size ? (size_t)n : 0;
}

static void put_host(hr_sbuf *s, hr_str host, hr_str mask) {
    char text[INET6_ADDRSTRLEN + 5];
    size_t n = host.p == NULL ? 0 : address_masked(text, sizeof(text), host, mask);
    hr_sbuf_put(s, n > 0 ? hr_str_of(text, n) : host);
}

static void put_address(hr_sbuf *s, const hr_command_row *row, const hr_format_context *c) {
    address a;
    address_get(&a, row, c);
    if (a.host.p == NULL)
        return;
    bool brackets = hr_str_has(a.host, ':');
    if (brackets)
        hr_sbuf_put_c(s, '[');
    hr_sbuf_put(s, a.host);
    if (brackets)
        hr_sbuf_put_c(s, ']');
    if (a.port.p == NULL)
        return;
    hr_sbuf_put_c(s, ':');
    hr_sbuf_put(s, a.port);
}

static void put_part_of_address(hr_sbuf *s, const hr_command *op, const hr_format_context *c) {
    address a;
    hr_str said = fact(c, op->text);
    if (said.p != NULL) {
        hr_sbuf_put(s, said);
        return;
    }
    address_get(&a, hr_command_find(hr_str_from(op->row->of)), c);
    if (a.host.p == NULL)
        return;
    if (op->row->kind == HR_CMD_PORT)
        hr_sbuf_put(s, a.port);
    else
        put_host(s, a.host, op->argument);
}

/* ---- path and query ---- */

static hr_str query_of_format(hr_str path) {
    size_t mark = hr_str_find(path, '?', 0);
    return mark < path.len ? hr_str_tail(path, mark + 1) : (hr_str){0};
}

static void put_decoded(hr_sbuf *s, hr_str text, size_t limit) {
    for (size_t i = 0, n = 0; i < text.len && n < limit; i++, n++) {
        int high = i + 2 < text.len && text.p[i] == '%' ? hr_hex_digit(text.p[i + 1]) : -1;
        int low = high >= 0 ? hr_hex_digit(text.p[i + 2]) : -1;
        hr_sbuf_put_c(s, low >= 0 ? (char)(high * 16 + low) : text.p[i]);
        i += low >= 0 ? 2 : 0;
    }
}

/* The header may not have what an escape can stand for: line breaks and other control characters.
 */
static bool decodes_to_text(hr_str text) {
    for (size_t i = 0; i + 2 < text.len; i++) {
        int high = text.p[i] == '%' ? hr_hex_digit(text.p[i + 1]) : -1,
            low = hr_hex_digit(text.p[i + 2]);
        if (high >= 0 && low >= 0 && (high < 2 || (high == 7 && low == 15)))
            return false;
    }
    return true;
}

static void put_if_text(hr_sbuf *s, hr_str text, size_t limit) {
    if (text.p != NULL && decodes_to_text(text))
        put_decoded(s, text, limit);
}

static void put_path_command(hr_sbuf *s, const hr_command *op, const hr_format_context *c) {
    size_t colon = hr_str_find(op->argument, ':', 0);
    hr_str which = colon < op->argument.len ? hr_str_tail(op->argument, colon + 1) : HR_STR("");
    hr_str original = request_header(c, HR_STR("x-envoy-original-path"));
    hr_str path = hr_str_eq_c(which, "ORIG")                         ? original
                  : hr_str_eq_c(which, "PATH") || original.p == NULL ? sent_path(c)
                                                                     : original;
    if (hr_str_starts(op->argument, HR_STR("NQ")) && path.p != NULL)
        path.len = hr_str_find(path, '?', 0);
    if (path.len > op->limit)
        path.len = op->limit;
    hr_sbuf_put(s, path);
}

/* ---- commands ---- */

static void put_limited(hr_sbuf *s, hr_str value, size_t limit) {
    if (value.p != NULL)
        hr_sbuf_put(s, hr_str_of(value.p, value.len < limit ? value.len : limit));
}

static void put_said(hr_sbuf *s, const hr_command *op, const hr_format_context *c,
                     const char *otherwise) {
    hr_str said = fact(c, op->text);
    put_limited(s, said.p != NULL ? said : hr_str_from(otherwise), op->limit);
}

static void put_server_name(hr_sbuf *s, const hr_command *op, const hr_format_context *c) {
    hr_str sni = connection_of(c)->server_name, host = c->request->authority;
    if (hr_str_starts(op->argument, HR_STR("HOST_FIRST")))
        sni = host.len > 0 ? host : sni;
    else if (hr_str_starts(op->argument, HR_STR("SNI_FIRST")))
        sni = sni.len > 0 ? sni : host;
    hr_sbuf_put(s, sni);
}

static void put_details(hr_sbuf *s, const hr_command *op, const hr_format_context *c) {
    if (c->response == NULL)
        return;
    hr_str details = c->response->details;
    bool blanks = hr_str_eq_c(op->argument, "ALLOW_WHITESPACES");
    for (size_t i = 0; i < details.len; i++)
        hr_sbuf_put_c(s, details.p[i] == ' ' && !blanks ? '_' : details.p[i]);
}

static void put_duration(hr_sbuf *s, const hr_command *op, const hr_format_context *c) {
    (void)op;
    int64_t start = connection_of(c)->start_time_us,
            now = c->response == NULL ? start : c->response->time_us;
    if (start > 0 && now >= start)
        hr_sbuf_put_int(s, (now - start) / 1000);
}

/* A point in time, where it is known. */
static void put_moment(hr_sbuf *s, const hr_command *op, const hr_format_context *c) {
    bool emitted = op->row->kind == HR_CMD_EMIT_TIME && c->response != NULL;
    int64_t us = emitted ? c->response->time_us : connection_of(c)->start_time_us;
    bool local = hr_str_ends(hr_str_from(op->row->name), HR_STR("_LOCAL"));
    if (us > 0)
        hr_put_time(s, us,
                    op->argument.len > 0 ? op->argument
                    : local              ? HR_STR("%Y-%m-%dT%H:%M:%S.%3f+0000")
                                         : HR_STR(""));
}

static void put_cluster_name(hr_sbuf *s, const hr_command *op, const hr_format_context *c) {
    (void)op;
    if (c->decision->cluster != NULL && c->decision->action == HR_ACTION_ROUTE)
        hr_sbuf_put(s, c->decision->cluster_name);
}

/* Envoy counts the try that a request's headers are made for. */
static uint64_t attempts(const hr_format_context *c) {
    if (c->response != NULL)
        return c->response->attempts;
    return c->decision->action == HR_ACTION_ROUTE;
}

static void put_number(hr_sbuf *s, uint64_t value) {
    hr_sbuf_put_int(s, (int64_t)value);
}

/* ---- a function for each kind of command ---- */

static void put_fact(hr_sbuf *s, const hr_command *op, const hr_format_context *c) {
    put_said(s, op, c, NULL);
}

static void put_fact_number(hr_sbuf *s, const hr_command *op, const hr_format_context *c) {
    put_said(s, op, c, "0");
}

static void put_fact_dash(hr_sbuf *s, const hr_command *op, const hr_format_context *c) {
    put_said(s, op, c, "-");
}

static void put_whole_address(hr_sbuf *s, const hr_command *op, const hr_format_context *c) {
    put_address(s, op->row, c);
}

static void put_request_field(hr_sbuf *s, const hr_command *op, const hr_format_context *c) {
    put_limited(s, either(c, op->argument, request_header), op->limit);
}

static void put_response_field(hr_sbuf *s, const hr_command *op, const hr_format_context *c) {
    char text[12];
    if (hr_str_eq_c(op->argument, ":status"))
        put_limited(s, status_text(c, text), op->limit);
    else
        put_limited(s, either(c, op->argument, response_header), op->limit);
}

/* Trailers come after the headers. */
static void put_nothing(hr_sbuf *s, const hr_command *op, const hr_format_context *c) {
    (void)op;
    (void)c;
    (void)s;
}

/* Whether the text, its escapes decoded, is `name`. */
static bool decodes_to(hr_str text, hr_str name) {
    size_t n = 0;
    for (size_t i = 0; i < text.len; i++, n++) {
        int high = i + 2 < text.len && text.p[i] == '%' ? hr_hex_digit(text.p[i + 1]) : -1;
        int low = high >= 0 ? hr_hex_digit(text.p[i + 2]) : -1;
        char c = low >= 0 ? (char)(high * 16 + low) : text.p[i];
        if (n >= name.len || name.p[n] != c)
            return false;
        i += low >= 0 ? 2 : 0;
    }
    return n == name.len;
}

/* The first parameter of the name. Unlike for the matches of rules, Envoy decodes the names here.
 */
static void put_query_command(hr_sbuf *s, const hr_command *op, const hr_format_context *c) {
    hr_str query = query_of_format(sent_path(c));
    for (size_t at = 0; query.p != NULL && at <= query.len;) {
        size_t end = hr_str_find(query, '&', at);
        hr_str part = hr_str_from_to(query, at, end);
        size_t equals = hr_str_find(part, '=', 0);
        if (decodes_to(hr_str_of(part.p, equals), op->argument)) {
            hr_str value = equals < part.len ? hr_str_tail(part, equals + 1) : HR_STR("");
            put_if_text(s, value, op->limit);
            return;
        }
        at = end + 1;
    }
}

static void put_query(hr_sbuf *s, const hr_command *op, const hr_format_context *c) {
    if (hr_str_eq_c(op->argument, "DECODED"))
        put_if_text(s, query_of_format(sent_path(c)), op->limit);
    else
        put_limited(s, query_of_format(sent_path(c)), op->limit);
}

static void put_route_name(hr_sbuf *s, const hr_command *op, const hr_format_context *c) {
    (void)op;
    hr_sbuf_put(s, c->decision->route_name);
}

static void put_protocol(hr_sbuf *s, const hr_command *op, const hr_format_context *c) {
    (void)op;
    hr_str protocol = connection_of(c)->protocol;
    hr_sbuf_put(s, protocol.p == NULL ? HR_STR("HTTP/1.1") : protocol);
}

static void put_status(hr_sbuf *s, const hr_command *op, const hr_format_context *c) {
    (void)op;
    hr_sbuf_put_int(s, c->response == NULL || c->response->local ? 0 : c->response->status);
}

static void put_flags(hr_sbuf *s, const hr_command *op, const hr_format_context *c) {
    (void)op;
    hr_sbuf_put(s, c->response == NULL || c->response->flags.len == 0 ? HR_STR("-")
                                                                      : c->response->flags);
}

static void put_attempts(hr_sbuf *s, const hr_command *op, const hr_format_context *c) {
    (void)op;
    put_number(s, attempts(c));
}

static void put_request_bytes(hr_sbuf *s, const hr_command *op, const hr_format_context *c) {
    (void)op;
    put_number(s, request_bytes(c));
}

static void put_response_bytes(hr_sbuf *s, const hr_command *op, const hr_format_context *c) {
    (void)op;
    put_number(s, response_bytes(c));
}

static void put_stream_id(hr_sbuf *s, const hr_command *op, const hr_format_context *c) {
    (void)op;
    hr_sbuf_put(s, request_header(c, HR_STR("x-request-id")));
}

/* No access log is being written. */
static void put_log_type(hr_sbuf *s, const hr_command *op, const hr_format_context *c) {
    (void)op;
    (void)c;
    hr_sbuf_put(s, HR_STR("NotSet"));
}

static void (*const putters[])(hr_sbuf *s, const hr_command *op, const hr_format_context *c) = {
    [HR_CMD_FACT] = put_fact,
    [HR_CMD_NUMBER] = put_fact_number,
    [HR_CMD_DASH] = put_fact_dash,
    [HR_CMD_HOST] = put_part_of_address,
    [HR_CMD_PORT] = put_part_of_address,
    [HR_CMD_REQUEST_HEADER] = put_request_field,
    [HR_CMD_RESPONSE_HEADER] = put_response_field,
    [HR_CMD_TRAILER] = put_nothing,
    [HR_CMD_QUERY_PARAMETER] = put_query_command,
    [HR_CMD_QUERY] = put_query,
    [HR_CMD_PATH] = put_path_command,
    [HR_CMD_SERVER_NAME] = put_server_name,
    [HR_CMD_START_TIME] = put_moment,
    [HR_CMD_EMIT_TIME] = put_moment,
    [HR_CMD_DURATION] = put_duration,
    [HR_CMD_CLIENT_ADDRESS] = put_whole_address,
    [HR_CMD_PEER_ADDRESS] = put_whole_address,
    [HR_CMD_LOCAL_ADDRESS] = put_whole_address,
    [HR_CMD_UPSTREAM_ADDRESS] = put_whole_address,
    [HR_CMD_CLUSTER] = put_cluster_name,
    [HR_CMD_ROUTE_NAME] = put_route_name,
    [HR_CMD_PROTOCOL] = put_protocol,
    [HR_CMD_STATUS] = put_status,
    [HR_CMD_FLAGS] = put_flags,
    [HR_CMD_DETAILS] = put_details,
    [HR_CMD_ATTEMPTS] = put_attempts,
    [HR_CMD_REQUEST_BYTES] = put_request_bytes,
    [HR_CMD_RESPONSE_BYTES] = put_response_bytes,
    [HR_CMD_STREAM_ID] = put_stream_id,
    [HR_CMD_LOG_TYPE] = put_log_type,
    [HR_CMD_FOREIGN] = put_fact,
};
_Static_assert(sizeof(putters) / sizeof(putters[0]) == HR_CMD_FOREIGN + 1,
               "each kind of command has a function");

static void put_command(hr_sbuf *s, const hr_command *op, const hr_format_context *c) {
    putters[op->row->kind](s, op, c);
}

hr_str hr_format(hr_str format, const hr_format_context *context, hr_scratch *scratch) {
    size_t percent = hr_str_find(format, '%', 0);
    if (percent == format.len)
        return format.p == NULL ? HR_STR("") : format;
    hr_sbuf s = hr_sbuf_begin(scratch, format.len + 64);
    for (size_t i = 0; i < format.len;) {
        percent = hr_str_find(format, '%', i);
        hr_sbuf_put(&s, hr_str_from_to(format, i, percent));
        i = percent;
        if (i == format.len)
            break;
        hr_command op;
        bool doubled = i + 1 < format.len && format.p[i + 1] == '%';
        if (doubled || hr_command_read(&op, format, i) != NULL) {
            hr_sbuf_put_c(&s, '%');
            i += doubled ? 2 : 1;
            continue;
        }
        put_command(&s, &op, context);
        i = op.end;
    }
    return hr_sbuf_end(&s);
}
