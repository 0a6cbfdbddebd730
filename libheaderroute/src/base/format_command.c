/* Parses commands of Envoy's substitution formatter. */
#include "format_command.h"

/* ---- arguments ---- */

static bool is_command_header(hr_str name) {
    for (size_t i = name.len > 0 && name.p[0] == ':' ? 1 : 0; i < name.len; i++) {
        char c = name.p[i];
        bool alnum = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!alnum && (c == '\0' || strchr("!#$%&'*+-.^_`|~", c) == NULL))
            return false;
    }
    return true;
}

/* "main" or "main?alternative". */
static const char *headers_mistake(hr_str argument) {
    size_t mark = hr_str_find(argument, '?', 0);
    hr_str alternative = mark < argument.len ? hr_str_tail(argument, mark + 1) : HR_STR("");
    if (hr_str_has(alternative, '?'))
        return "has more than one alternative header";
    return is_command_header(hr_str_of(argument.p, mark)) && is_command_header(alternative)
               ? NULL
               : "names a header with characters that header names do not have";
}

static bool is_one_of(hr_str s, const char *const *names) {
    for (; *names != NULL; names++)
        if (hr_str_eq(s, hr_str_from(*names)))
            return true;
    return false;
}

/* The part before the first ':' and, if there is one, the part after it. */
static const char *two_options(hr_str argument, const char *const *first, const char *const *second,
                               const char *mistake) {
    size_t colon = hr_str_find(argument, ':', 0);
    bool ok = colon == 0 || is_one_of(hr_str_of(argument.p, colon), first);
    ok &= colon >= argument.len || is_one_of(hr_str_tail(argument, colon + 1), second);
    return ok ? NULL : mistake;
}

static const char *query_mistake(hr_str argument) {
    static const char *const options[] = {"ORIG", "DECODED", NULL};
    return argument.len == 0 || is_one_of(argument, options) ? NULL : "requires ORIG or DECODED";
}

static const char *path_mistake(hr_str argument) {
    static const char *const first[] = {"WQ", "NQ", NULL}, *const second[] = {"ORIG", "PATH",
                                                                              "ORIG_OR_PATH", "",
                                                                              NULL};
    return two_options(argument, first, second,
                       "requires WQ or NQ, then ORIG, PATH or ORIG_OR_PATH");
}

static const char *server_name_mistake(hr_str argument) {
    static const char *const first[] = {"SNI_ONLY", "SNI_FIRST", "HOST_FIRST", NULL},
                             *const second[] = {"ORIG", "HOST", "", NULL};
    return two_options(argument, first, second,
                       "requires SNI_ONLY, SNI_FIRST or HOST_FIRST, then ORIG or HOST");
}

static const char *grpc_mistake(hr_str argument) {
    static const char *const formats[] = {"CAMEL_STRING", "SNAKE_STRING", "NUMBER", NULL};
    return argument.len == 0 || is_one_of(argument, formats)
               ? NULL
               : "requires CAMEL_STRING, SNAKE_STRING or NUMBER";
}

/* A header must not contain a line break: %n with strftime's flags, width and modifiers. */
static const char *time_mistake(hr_str format) {
    for (size_t i = 0; i < format.len; i++) {
        size_t at = i + 1;
        if (format.p[i] != '%')
            continue;
        while (at < format.len && format.p[at] != '\0' && strchr("-_0^#", format.p[at]) != NULL)
            at++;
        while (at < format.len && format.p[at] >= '1' && format.p[at] <= '9')
            at++;
        if (at < format.len && (format.p[at] == 'E' || format.p[at] == 'O'))
            at++;
        if (at < format.len && format.p[at] == 'n')
            return "has a line break (%n) in its time format";
    }
    return NULL;
}

static const char *duration_mistake(hr_str argument) {
    static const char *const precisions[] = {"ms", "us", "ns", NULL};
    size_t first = hr_str_find(argument, ':', 0);
    if (first == argument.len)
        return "requires two points in time, START:END";
    size_t second = hr_str_find(argument, ':', first + 1);
    return second >= argument.len || is_one_of(hr_str_tail(argument, second + 1), precisions)
               ? NULL
               : "requires ms, us or ns as the precision";
}

static const char *filter_state_mistake(hr_str argument) {
    static const char *const types[] = {"PLAIN", "TYPED", NULL};
    size_t colon = hr_str_find(argument, ':', 0);
    hr_str type = colon < argument.len ? hr_str_tail(argument, colon + 1) : HR_STR("TYPED");
    if (colon == 0)
        return "needs a key";
    bool field = hr_str_starts(type, HR_STR("FIELD:")) && type.len > strlen("FIELD:");
    return field || type.len == 0 || is_one_of(type, types)
               ? NULL
               : "requires PLAIN, TYPED or FIELD:NAME after the key";
}

static const char *metadata_mistake(hr_str argument) {
    static const char *const types[] = {"DYNAMIC",       "CLUSTER",  "ROUTE",
                                        "UPSTREAM_HOST", "LISTENER", "LISTENER_FILTER_CHAIN",
                                        "VIRTUAL_HOST",  NULL};
    return is_one_of(hr_str_of(argument.p, hr_str_find(argument, ':', 0)), types)
               ? NULL
               : "names a kind of metadata that Envoy does not have";
}

/* ---- commands ---- */

/* Sorted by name. The arguments that each command accepts were tested with Envoy 1.40.0 (--mode
 * validate). */
static const hr_command_row rows[] = {
    /* clang-format off */
    {"ACCESS_LOG_TYPE", HR_CMD_LOG_TYPE, HR_CMD_PLAIN, true, NULL, NULL},
    {"BYTES_RECEIVED", HR_CMD_NUMBER, HR_CMD_PLAIN, true, NULL, NULL},
    {"BYTES_RETRANSMITTED", HR_CMD_NUMBER, HR_CMD_PLAIN, false, NULL, NULL},
    {"BYTES_SENT", HR_CMD_NUMBER, HR_CMD_PLAIN, true, NULL, NULL},
    {"CEL", HR_CMD_FOREIGN, HR_CMD_ARGUMENT | HR_CMD_NEEDS_ARGUMENT | HR_CMD_LIMIT, false, NULL, NULL},
    {"CLUSTER_METADATA", HR_CMD_FOREIGN, HR_CMD_ARGUMENT | HR_CMD_NEEDS_ARGUMENT, false, NULL, NULL},
    {"COALESCE", HR_CMD_FOREIGN, HR_CMD_ARGUMENT | HR_CMD_NEEDS_ARGUMENT | HR_CMD_LIMIT, false, NULL, NULL},
    {"COMMON_DURATION", HR_CMD_FACT, HR_CMD_ARGUMENT | HR_CMD_NEEDS_ARGUMENT, false, NULL, duration_mistake},
    {"CONNECTION_ID", HR_CMD_NUMBER, HR_CMD_PLAIN, false, NULL, NULL},
    {"CONNECTION_TERMINATION_DETAILS", HR_CMD_FACT, HR_CMD_PLAIN, true, NULL, NULL},
    {"CUSTOM_FLAGS", HR_CMD_FACT, HR_CMD_PLAIN, false, NULL, NULL},
    {"DOWNSTREAM_CX_RTT", HR_CMD_FACT, HR_CMD_PLAIN, false, NULL, NULL},
    {"DOWNSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED", HR_CMD_NUMBER, HR_CMD_PLAIN, false, NULL, NULL},
    {"DOWNSTREAM_DECOMPRESSED_HEADER_BYTES_SENT", HR_CMD_NUMBER, HR_CMD_PLAIN, false, NULL, NULL},
    {"DOWNSTREAM_DETECTED_CLOSE_TYPE", HR_CMD_FACT, HR_CMD_PLAIN, false, NULL, NULL},
    {"DOWNSTREAM_DIRECT_LOCAL_ADDRESS", HR_CMD_LOCAL_ADDRESS, HR_CMD_PLAIN, true, NULL, NULL},
    {"DOWNSTREAM_DIRECT_LOCAL_ADDRESS_ENDPOINT_ID", HR_CMD_FACT, HR_CMD_PLAIN, false, NULL, NULL},
    {"DOWNSTREAM_DIRECT_LOCAL_ADDRESS_WITHOUT_PORT", HR_CMD_HOST, HR_CMD_ARGUMENT, true, "DOWNSTREAM_DIRECT_LOCAL_ADDRESS", NULL},
    {"DOWNSTREAM_DIRECT_LOCAL_PORT", HR_CMD_PORT, HR_CMD_PLAIN, true, "DOWNSTREAM_DIRECT_LOCAL_ADDRESS", NULL},
    {"DOWNSTREAM_DIRECT_REMOTE_ADDRESS", HR_CMD_PEER_ADDRESS, HR_CMD_PLAIN, true, NULL, NULL},
    {"DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT", HR_CMD_HOST, HR_CMD_ARGUMENT, true, "DOWNSTREAM_DIRECT_REMOTE_ADDRESS", NULL},
    {"DOWNSTREAM_DIRECT_REMOTE_PORT", HR_CMD_PORT, HR_CMD_PLAIN, true, "DOWNSTREAM_DIRECT_REMOTE_ADDRESS", NULL},
    {"DOWNSTREAM_HANDSHAKE_DURATION", HR_CMD_FACT, HR_CMD_PLAIN, false, NULL, NULL},
    {"DOWNSTREAM_HEADER_BYTES_RECEIVED", HR_CMD_NUMBER, HR_CMD_PLAIN, false, NULL, NULL},
    {"DOWNSTREAM_HEADER_BYTES_SENT", HR_CMD_NUMBER, HR_CMD_PLAIN, false, NULL, NULL},
    {"DOWNSTREAM_LOCAL_ADDRESS", HR_CMD_LOCAL_ADDRESS, HR_CMD_PLAIN, true, NULL, NULL},
    {"DOWNSTREAM_LOCAL_ADDRESS_ENDPOINT_ID", HR_CMD_FACT, HR_CMD_PLAIN, false, NULL, NULL},
    {"DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT", HR_CMD_HOST, HR_CMD_ARGUMENT, true, "DOWNSTREAM_LOCAL_ADDRESS", NULL},
    {"DOWNSTREAM_LOCAL_CLOSE_REASON", HR_CMD_FACT, HR_CMD_PLAIN, false, NULL, NULL},
    {"DOWNSTREAM_LOCAL_DNS_SAN", HR_CMD_FACT, HR_CMD_PLAIN, false, NULL, NULL},
    {"DOWNSTREAM_LOCAL_EMAIL_SAN", HR_CMD_FACT, HR_CMD_PLAIN, false, NULL, NULL},
    {"DOWNSTREAM_LOCAL_IP_SAN", HR_CMD_FACT, HR_CMD_PLAIN, false, NULL, NULL},
    {"DOWNSTREAM_LOCAL_OTHERNAME_SAN", HR_CMD_FACT, HR_CMD_PLAIN, false, NULL, NULL},
    {"DOWNSTREAM_LOCAL_PORT", HR_CMD_PORT, HR_CMD_PLAIN, true, "DOWNSTREAM_LOCAL_ADDRESS", NULL},
    {"DOWNSTREAM_LOCAL_SUBJECT", HR_CMD_FACT, HR_CMD_PLAIN, false, NULL, NULL},
    {"DOWNSTREAM_LOCAL_URI_SAN", HR_CMD_FACT, HR_CMD_PLAIN, false, NULL, NULL},
    {"DOWNSTREAM_PEER_CERT", HR_CMD_FACT, HR_CMD_PLAIN, true, NULL, NULL},
    {"DOWNSTREAM_PEER_CERT_V_END", HR_CMD_FACT, HR_CMD_ARGUMENT, true, NULL, time_mistake},
    {"DOWNSTREAM_PEER_CERT_V_START", HR_CMD_FACT, HR_CMD_ARGUMENT, true, NULL, time_mistake},
    {"DOWNSTREAM_PEER_CHAIN_FINGERPRINTS_1", HR_CMD_FACT, HR_CMD_PLAIN, true, NULL, NULL},
    {"DOWNSTREAM_PEER_CHAIN_FINGERPRINTS_256", HR_CMD_FACT, HR_CMD_PLAIN, true, NULL, NULL},
    {"DOWNSTREAM_PEER_CHAIN_SERIALS", HR_CMD_FACT, HR_CMD_PLAIN, true, NULL, NULL},
    {"DOWNSTREAM_PEER_DNS_SAN", HR_CMD_FACT, HR_CMD_PLAIN, true, NULL, NULL},
    {"DOWNSTREAM_PEER_EMAIL_SAN", HR_CMD_FACT, HR_CMD_PLAIN, true, NULL, NULL},
    {"DOWNSTREAM_PEER_FINGERPRINT_1", HR_CMD_FACT, HR_CMD_PLAIN, true, NULL, NULL},
    {"DOWNSTREAM_PEER_FINGERPRINT_256", HR_CMD_FACT, HR_CMD_PLAIN, true, NULL, NULL},
    {"DOWNSTREAM_PEER_IP_SAN", HR_CMD_FACT, HR_CMD_PLAIN, true, NULL, NULL},
    {"DOWNSTREAM_PEER_ISSUER", HR_CMD_FACT, HR_CMD_PLAIN, true, NULL, NULL},
    {"DOWNSTREAM_PEER_ISSUER_FINGERPRINT_256", HR_CMD_FACT, HR_CMD_PLAIN, true, NULL, NULL},
    {"DOWNSTREAM_PEER_ISSUER_SERIAL", HR_CMD_FACT, HR_CMD_PLAIN, true, NULL, NULL},
    {"DOWNSTREAM_PEER_OTHERNAME_SAN", HR_CMD_FACT, HR_CMD_PLAIN, true, NULL, NULL},
    {"DOWNSTREAM_PEER_SERIAL", HR_CMD_FACT, HR_CMD_PLAIN, true, NULL, NULL},
    {"DOWNSTREAM_PEER_SUBJECT", HR_CMD_FACT, HR_CMD_PLAIN, true, NULL, NULL},
    {"DOWNSTREAM_PEER_URI_SAN", HR_CMD_FACT, HR_CMD_PLAIN, true, NULL, NULL},
    {"DOWNSTREAM_REMOTE_ADDRESS", HR_CMD_CLIENT_ADDRESS, HR_CMD_PLAIN, true, NULL, NULL},
    {"DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT", HR_CMD_HOST, HR_CMD_ARGUMENT, true, "DOWNSTREAM_REMOTE_ADDRESS", NULL},
    {"DOWNSTREAM_REMOTE_PORT", HR_CMD_PORT, HR_CMD_PLAIN, true, "DOWNSTREAM_REMOTE_ADDRESS", NULL},
    {"DOWNSTREAM_TLS_CIPHER", HR_CMD_FACT, HR_CMD_PLAIN, true, NULL, NULL},
    {"DOWNSTREAM_TLS_GROUP", HR_CMD_FACT, HR_CMD_PLAIN, false, NULL, NULL},
    {"DOWNSTREAM_TLS_SESSION_ID", HR_CMD_FACT, HR_CMD_PLAIN, false, NULL, NULL},
    {"DOWNSTREAM_TLS_VERSION", HR_CMD_FACT, HR_CMD_PLAIN, true, NULL, NULL},
    {"DOWNSTREAM_TRANSPORT_FAILURE_REASON", HR_CMD_FACT, HR_CMD_PLAIN, true, NULL, NULL},
    {"DOWNSTREAM_WIRE_BYTES_RECEIVED", HR_CMD_NUMBER, HR_CMD_PLAIN, false, NULL, NULL},
    {"DOWNSTREAM_WIRE_BYTES_SENT", HR_CMD_NUMBER, HR_CMD_PLAIN, false, NULL, NULL},
    {"DURATION", HR_CMD_DURATION, HR_CMD_PLAIN, true, NULL, NULL},
    {"DYNAMIC_METADATA", HR_CMD_FOREIGN, HR_CMD_ARGUMENT | HR_CMD_NEEDS_ARGUMENT | HR_CMD_LIMIT, false, NULL, NULL},
    {"EMIT_TIME", HR_CMD_EMIT_TIME, HR_CMD_ARGUMENT, true, NULL, time_mistake},
    {"EMIT_TIME_LOCAL", HR_CMD_EMIT_TIME, HR_CMD_ARGUMENT, false, NULL, time_mistake},
    {"ENVIRONMENT", HR_CMD_DASH, HR_CMD_ARGUMENT | HR_CMD_NEEDS_ARGUMENT | HR_CMD_LIMIT, false, NULL, NULL},
    {"FILTER_CHAIN_NAME", HR_CMD_FACT, HR_CMD_PLAIN, false, NULL, NULL},
    {"FILTER_STATE", HR_CMD_FOREIGN, HR_CMD_ARGUMENT | HR_CMD_NEEDS_ARGUMENT | HR_CMD_LIMIT, false, NULL, filter_state_mistake},
    {"GRPC_STATUS", HR_CMD_FACT, HR_CMD_ARGUMENT, false, NULL, grpc_mistake},
    {"GRPC_STATUS_NUMBER", HR_CMD_FACT, HR_CMD_PLAIN, false, NULL, NULL},
    {"HOSTNAME", HR_CMD_FACT, HR_CMD_PLAIN, true, NULL, NULL},
    {"LOCAL_REPLY_BODY", HR_CMD_FACT, HR_CMD_PLAIN, false, NULL, NULL},
    {"METADATA", HR_CMD_FOREIGN, HR_CMD_ARGUMENT | HR_CMD_NEEDS_ARGUMENT | HR_CMD_LIMIT, false, NULL, metadata_mistake},
    {"PACKETS_RETRANSMITTED", HR_CMD_NUMBER, HR_CMD_PLAIN, false, NULL, NULL},
    {"PATH", HR_CMD_PATH, HR_CMD_ARGUMENT | HR_CMD_LIMIT, true, NULL, path_mistake},
    {"PER_REQUEST_STATE", HR_CMD_FOREIGN, HR_CMD_ARGUMENT | HR_CMD_NEEDS_ARGUMENT, false, NULL, NULL},
    {"PROTOCOL", HR_CMD_PROTOCOL, HR_CMD_PLAIN, true, NULL, NULL},
    {"QUERY_PARAM", HR_CMD_QUERY_PARAMETER, HR_CMD_ARGUMENT | HR_CMD_NEEDS_ARGUMENT | HR_CMD_LIMIT, true, NULL, NULL},
    {"QUERY_PARAMS", HR_CMD_QUERY, HR_CMD_ARGUMENT | HR_CMD_LIMIT, true, NULL, query_mistake},
    {"REQ", HR_CMD_REQUEST_HEADER, HR_CMD_ARGUMENT | HR_CMD_NEEDS_ARGUMENT | HR_CMD_LIMIT, true, NULL, headers_mistake},
    {"REQUESTED_SERVER_NAME", HR_CMD_SERVER_NAME, HR_CMD_ARGUMENT, true, NULL, server_name_mistake},
    {"REQUEST_DURATION", HR_CMD_FACT, HR_CMD_PLAIN, true, NULL, NULL},
    {"REQUEST_HEADERS_BYTES", HR_CMD_REQUEST_BYTES, HR_CMD_PLAIN, true, NULL, NULL},
    {"REQUEST_TX_DURATION", HR_CMD_FACT, HR_CMD_PLAIN, false, NULL, NULL},
    {"RESP", HR_CMD_RESPONSE_HEADER, HR_CMD_ARGUMENT | HR_CMD_NEEDS_ARGUMENT | HR_CMD_LIMIT, true, NULL, headers_mistake},
    {"RESPONSE_CODE", HR_CMD_STATUS, HR_CMD_PLAIN, true, NULL, NULL},
    {"RESPONSE_CODE_DETAILS", HR_CMD_DETAILS, HR_CMD_ARGUMENT, true, NULL, NULL},
    {"RESPONSE_DURATION", HR_CMD_FACT, HR_CMD_PLAIN, true, NULL, NULL},
    {"RESPONSE_FLAGS", HR_CMD_FLAGS, HR_CMD_PLAIN, true, NULL, NULL},
    {"RESPONSE_FLAGS_LONG", HR_CMD_DASH, HR_CMD_PLAIN, false, NULL, NULL},
    {"RESPONSE_HEADERS_BYTES", HR_CMD_RESPONSE_BYTES, HR_CMD_PLAIN, true, NULL, NULL},
    {"RESPONSE_TRAILERS_BYTES", HR_CMD_NUMBER, HR_CMD_PLAIN, true, NULL, NULL},
    {"RESPONSE_TX_DURATION", HR_CMD_FACT, HR_CMD_PLAIN, false, NULL, NULL},
    {"ROUNDTRIP_DURATION", HR_CMD_FACT, HR_CMD_PLAIN, false, NULL, NULL},
    {"ROUTE_NAME", HR_CMD_ROUTE_NAME, HR_CMD_PLAIN, true, NULL, NULL},
    {"SPAN_ID", HR_CMD_FACT, HR_CMD_PLAIN, true, NULL, NULL},
    {"START_TIME", HR_CMD_START_TIME, HR_CMD_ARGUMENT, true, NULL, time_mistake},
    {"START_TIME_LOCAL", HR_CMD_START_TIME, HR_CMD_ARGUMENT, false, NULL, time_mistake},
    {"STREAM_ID", HR_CMD_STREAM_ID, HR_CMD_PLAIN, true, NULL, NULL},
    {"STREAM_INFO_REQ", HR_CMD_REQUEST_HEADER, HR_CMD_ARGUMENT | HR_CMD_NEEDS_ARGUMENT | HR_CMD_LIMIT, true, NULL, headers_mistake},
    {"TLS_JA3_FINGERPRINT", HR_CMD_FACT, HR_CMD_PLAIN, true, NULL, NULL},
    {"TLS_JA4_FINGERPRINT", HR_CMD_FACT, HR_CMD_PLAIN, true, NULL, NULL},
    {"TRACE_ID", HR_CMD_FACT, HR_CMD_PLAIN, true, NULL, NULL},
    {"TRAILER", HR_CMD_TRAILER, HR_CMD_ARGUMENT | HR_CMD_NEEDS_ARGUMENT | HR_CMD_LIMIT, true, NULL, headers_mistake},
    {"TYPED_CEL", HR_CMD_FOREIGN, HR_CMD_ARGUMENT | HR_CMD_NEEDS_ARGUMENT | HR_CMD_LIMIT, false, NULL, NULL},
    {"UNIQUE_ID", HR_CMD_FACT, HR_CMD_PLAIN, false, NULL, NULL},
    {"UPSTREAM_CLUSTER", HR_CMD_CLUSTER, HR_CMD_PLAIN, true, NULL, NULL},
    {"UPSTREAM_CLUSTER_RAW", HR_CMD_CLUSTER, HR_CMD_PLAIN, true, NULL, NULL},
    {"UPSTREAM_CONNECTION_ID", HR_CMD_NUMBER, HR_CMD_PLAIN, false, NULL, NULL},
    {"UPSTREAM_CONNECTION_IDS_ATTEMPTED", HR_CMD_FACT, HR_CMD_PLAIN, false, NULL, NULL},
    {"UPSTREAM_CONNECTION_POOL_READY_DURATION", HR_CMD_FACT, HR_CMD_PLAIN, false, NULL, NULL},
    {"UPSTREAM_DECOMPRESSED_HEADER_BYTES_RECEIVED", HR_CMD_NUMBER, HR_CMD_PLAIN, false, NULL, NULL},
    {"UPSTREAM_DECOMPRESSED_HEADER_BYTES_SENT", HR_CMD_NUMBER, HR_CMD_PLAIN, false, NULL, NULL},
    {"UPSTREAM_DETECTED_CLOSE_TYPE", HR_CMD_FACT, HR_CMD_PLAIN, false, NULL, NULL},
    {"UPSTREAM_FILTER_STATE", HR_CMD_FOREIGN, HR_CMD_ARGUMENT | HR_CMD_NEEDS_ARGUMENT | HR_CMD_LIMIT, false, NULL, filter_state_mistake},
    {"UPSTREAM_HEADER_BYTES_RECEIVED", HR_CMD_NUMBER, HR_CMD_PLAIN, false, NULL, NULL},
    {"UPSTREAM_HEADER_BYTES_SENT", HR_CMD_NUMBER, HR_CMD_PLAIN, false, NULL, NULL},
    {"UPSTREAM_HOST", HR_CMD_UPSTREAM_ADDRESS, HR_CMD_PLAIN, true, NULL, NULL},
    {"UPSTREAM_HOSTS_ATTEMPTED", HR_CMD_FACT, HR_CMD_PLAIN, false, NULL, NULL},
    {"UPSTREAM_HOSTS_ATTEMPTED_WITHOUT_PORT", HR_CMD_FACT, HR_CMD_PLAIN, false, NULL, NULL},
    {"UPSTREAM_HOST_NAME", HR_CMD_UPSTREAM_ADDRESS, HR_CMD_PLAIN, true, NULL, NULL},
    {"UPSTREAM_HOST_NAMES_ATTEMPTED", HR_CMD_FACT, HR_CMD_PLAIN, false, NULL, NULL},
    {"UPSTREAM_HOST_NAMES_ATTEMPTED_WITHOUT_PORT", HR_CMD_FACT, HR_CMD_PLAIN, false, NULL, NULL},
    {"UPSTREAM_HOST_NAME_WITHOUT_PORT", HR_CMD_HOST, HR_CMD_PLAIN, true, "UPSTREAM_HOST_NAME", NULL},
    {"UPSTREAM_LOCAL_ADDRESS", HR_CMD_FACT, HR_CMD_PLAIN, false, NULL, NULL},
    {"UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT", HR_CMD_HOST, HR_CMD_ARGUMENT, false, "UPSTREAM_LOCAL_ADDRESS", NULL},
    {"UPSTREAM_LOCAL_CLOSE_REASON", HR_CMD_FACT, HR_CMD_PLAIN, false, NULL, NULL},
    {"UPSTREAM_LOCAL_DNS_SAN", HR_CMD_FACT, HR_CMD_PLAIN, false, NULL, NULL},
    {"UPSTREAM_LOCAL_IP_SAN", HR_CMD_FACT, HR_CMD_PLAIN, false, NULL, NULL},
    {"UPSTREAM_LOCAL_PORT", HR_CMD_PORT, HR_CMD_PLAIN, false, "UPSTREAM_LOCAL_ADDRESS", NULL},
    {"UPSTREAM_LOCAL_URI_SAN", HR_CMD_FACT, HR_CMD_PLAIN, false, NULL, NULL},
    {"UPSTREAM_METADATA", HR_CMD_FOREIGN, HR_CMD_ARGUMENT | HR_CMD_NEEDS_ARGUMENT, false, NULL, NULL},
    {"UPSTREAM_PEER_CERT", HR_CMD_FACT, HR_CMD_PLAIN, false, NULL, NULL},
    {"UPSTREAM_PEER_CERT_V_END", HR_CMD_FACT, HR_CMD_ARGUMENT, false, NULL, time_mistake},
    {"UPSTREAM_PEER_CERT_V_START", HR_CMD_FACT, HR_CMD_ARGUMENT, false, NULL, time_mistake},
    {"UPSTREAM_PEER_DNS_SAN", HR_CMD_FACT, HR_CMD_PLAIN, false, NULL, NULL},
    {"UPSTREAM_PEER_IP_SAN", HR_CMD_FACT, HR_CMD_PLAIN, false, NULL, NULL},
    {"UPSTREAM_PEER_ISSUER", HR_CMD_FACT, HR_CMD_PLAIN, false, NULL, NULL},
    {"UPSTREAM_PEER_SUBJECT", HR_CMD_FACT, HR_CMD_PLAIN, false, NULL, NULL},
    {"UPSTREAM_PEER_URI_SAN", HR_CMD_FACT, HR_CMD_PLAIN, false, NULL, NULL},
    {"UPSTREAM_PROTOCOL", HR_CMD_FACT, HR_CMD_PLAIN, true, NULL, NULL},
    {"UPSTREAM_REMOTE_ADDRESS", HR_CMD_UPSTREAM_ADDRESS, HR_CMD_PLAIN, true, NULL, NULL},
    {"UPSTREAM_REMOTE_ADDRESS_ENDPOINT_ID", HR_CMD_FACT, HR_CMD_PLAIN, false, NULL, NULL},
    {"UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT", HR_CMD_HOST, HR_CMD_ARGUMENT, true, "UPSTREAM_REMOTE_ADDRESS", NULL},
    {"UPSTREAM_REMOTE_PORT", HR_CMD_PORT, HR_CMD_PLAIN, true, "UPSTREAM_REMOTE_ADDRESS", NULL},
    {"UPSTREAM_REQUEST_ATTEMPT_COUNT", HR_CMD_ATTEMPTS, HR_CMD_PLAIN, true, NULL, NULL},
    {"UPSTREAM_TLS_CIPHER", HR_CMD_FACT, HR_CMD_PLAIN, false, NULL, NULL},
    {"UPSTREAM_TLS_GROUP", HR_CMD_FACT, HR_CMD_PLAIN, false, NULL, NULL},
    {"UPSTREAM_TLS_SESSION_ID", HR_CMD_FACT, HR_CMD_PLAIN, false, NULL, NULL},
    {"UPSTREAM_TLS_VERSION", HR_CMD_FACT, HR_CMD_PLAIN, false, NULL, NULL},
    {"UPSTREAM_TRANSPORT_FAILURE_REASON", HR_CMD_FACT, HR_CMD_PLAIN, false, NULL, NULL},
    {"UPSTREAM_WIRE_BYTES_RECEIVED", HR_CMD_NUMBER, HR_CMD_PLAIN, false, NULL, NULL},
    {"UPSTREAM_WIRE_BYTES_SENT", HR_CMD_NUMBER, HR_CMD_PLAIN, false, NULL, NULL},
    {"VIRTUAL_CLUSTER_NAME", HR_CMD_FACT, HR_CMD_PLAIN, true, NULL, NULL},
    /* clang-format on */
};

const hr_command_row *hr_command_find(hr_str name) {
    size_t low = 0, high = sizeof(rows) / sizeof(rows[0]);
    while (low < high) {
        size_t middle = (low + high) / 2;
        int order = hr_str_cmp(name, hr_str_from(rows[middle].name));
        if (order == 0)
            return &rows[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

/* Skips the digits after a ':' at `at`, up to a '%'. Returns the place of the '%', or 0. */
static size_t read_limit(hr_command *out, hr_str s, size_t at) {
    size_t i = at + 1, limit = 0;
    for (; i < s.len && s.p[i] >= '0' && s.p[i] <= '9'; i++) {
        if (limit > (SIZE_MAX - 9) / 10)
            return 0;
        limit = limit * 10 + (size_t)(s.p[i] - '0');
    }
    if (i == at + 1 || i >= s.len || s.p[i] != '%')
        return 0;
    out->limit = limit;
    return i;
}

/* The place of the '%' that closes a command whose name or argument ends before `at`; 0 if there is
 * none. */
static size_t closing_percent(hr_command *out, hr_str s, size_t at) {
    if (at >= s.len)
        return 0;
    return s.p[at] == '%' ? at : s.p[at] == ':' ? read_limit(out, s, at) : 0;
}

static size_t read_argument(hr_command *out, hr_str s, size_t open) {
    for (size_t close = hr_str_find(s, ')', open); close < s.len;
         close = hr_str_find(s, ')', close + 1)) {
        size_t end = closing_percent(out, s, close + 1);
        if (end == 0)
            continue;
        out->argument = hr_str_from_to(s, open + 1, close);
        return end;
    }
    return 0;
}

static const char *check_syntax(const hr_command *c) {
    uint8_t syntax = c->row->syntax;
    if (c->argument.len > 0 && !(syntax & HR_CMD_ARGUMENT))
        return "takes no argument";
    if (c->argument.len == 0 && syntax & HR_CMD_NEEDS_ARGUMENT)
        return "needs an argument, as in %NAME(ARGUMENT)%";
    if (c->limit != SIZE_MAX && !(syntax & HR_CMD_LIMIT))
        return "takes no length";
    return c->row->mistake == NULL ? NULL : c->row->mistake(c->argument);
}

const char *hr_command_read(hr_command *out, hr_str s, size_t at) {
    size_t name = at + 1, i = name;
    *out = (hr_command){.argument = HR_STR(""), .limit = SIZE_MAX};
    while (i < s.len &&
           ((s.p[i] >= 'A' && s.p[i] <= 'Z') || (s.p[i] >= '0' && s.p[i] <= '9') || s.p[i] == '_'))
        i++;
    size_t end = 0;
    if (i > name && i < s.len && s.p[i] == '(')
        end = read_argument(out, s, i);
    else if (i > name)
        end = closing_percent(out, s, i);
    if (end == 0)
        return "is not a command such as %REQ(NAME)%; a percent sign is written %%";
    out->text = hr_str_from_to(
        s, name, out->argument.len > 0 ? name + (i - name) + out->argument.len + 2 : i);
    out->end = end + 1;
    out->row = hr_command_find(hr_str_from_to(s, name, i));
    return out->row == NULL ? "is not a command that Envoy has" : check_syntax(out);
}

/* Where the next command begins, from `from` on; "%%" does not begin a command. */
size_t hr_command_next(hr_str format, size_t from) {
    size_t at = hr_str_find(format, '%', from);
    while (at + 1 < format.len && format.p[at + 1] == '%')
        at = hr_str_find(format, '%', at + 2);
    return at;
}

const char *hr_format_error(hr_str *where, hr_str format) {
    hr_command command;
    for (size_t at = hr_command_next(format, 0); at < format.len;
         at = hr_command_next(format, command.end)) {
        const char *error = hr_command_read(&command, format, at);
        if (error == NULL)
            continue;
        size_t end = command.end > at ? command.end : format.len;
        *where = hr_str_from_to(format, at, end);
        return error;
    }
    return NULL;
}

hr_str hr_format_unknown(hr_str format, bool served) {
    hr_command command;
    for (size_t at = hr_command_next(format, 0); at < format.len;
         at = hr_command_next(format, command.end)) {
        if (hr_command_read(&command, format, at) != NULL)
            return (hr_str){0};
        if (command.row->kind == HR_CMD_FOREIGN || (served && !command.row->served))
            return command.text;
    }
    return (hr_str){0};
}
