/* Heads of requests (RFC 9112 sections 3, 6 and 9). */
#include <string.h>

#include "chars.h"
#include "fields.h"
#include "target.h"

/* method SP request-target SP HTTP-version CRLF. Returns the beginning of the next line, or NULL.
 */
static char *parse_request_line(sv_http1_request *request, char *line, char *end,
                                const char **why) {
    char *p = line;
    while (p < end && sv_token_lower[(unsigned char)*p] != 0)
        p++;
    if (p == line || p == end || *p != ' ') {
        *why = "the method is malformed";
        return NULL;
    }
    request->method = (hr_str){line, (size_t)(p - line)};
    char *target = ++p;
    while (p<end && * p> 0x20 && *p < 0x7f)
        p++;
    if (p == target || p == end || *p != ' ') {
        *why = p < end && (unsigned char)*p > 0x7f
                   ? "the request target contains a byte that is not ASCII"
                   : "the request target is malformed";
        return NULL;
    }
    request->target = (hr_str){target, (size_t)(p - target)};
    if (end - p < 11 || memcmp(p, " HTTP/1.", 8) != 0 || p[8] < '0' || p[8] > '9' || p[9] != '\r' ||
        p[10] != '\n') {
        *why = "the request line is malformed";
        return NULL;
    }
    request->minor_version = p[8] - '0';
    return p + 11;
}

static sv_http1_result request_settle_framing(sv_http1_request *request, const sv_facts *facts,
                                              const char **why) {
    if (facts->n_content_length > 1)
        return sv_malformed(why, "there is more than one Content-Length");
    if (facts->n_transfer_encoding > 1)
        return sv_malformed(why, "there is more than one Transfer-Encoding");
    if (facts->n_content_length > 0 && facts->n_transfer_encoding > 0)
        return sv_malformed(why, "there are both Content-Length and Transfer-Encoding");
    if (facts->bad_length)
        return sv_malformed(why, "Content-Length is not a number");
    if (facts->n_transfer_encoding > 0 && request->minor_version == 0)
        return sv_malformed(why, "Transfer-Encoding is not allowed in HTTP/1.0");
    if (facts->n_transfer_encoding > 0 && !facts->chunked)
        return sv_malformed(why, "the only Transfer-Encoding supported is chunked");
    if (facts->n_transfer_encoding > 0) {
        request->framing = SV_HTTP1_CHUNKED;
    } else if (facts->n_content_length > 0) {
        request->framing = SV_HTTP1_LENGTH;
        request->content_length = facts->content_length;
    }
    return SV_HTTP1_DONE;
}

static sv_http1_result settle_host(sv_http1_request *request, const sv_facts *facts,
                                   const char **why) {
    if (facts->n_host > 1)
        return sv_malformed(why, "there is more than one Host");
    if (facts->n_host == 0 && request->minor_version > 0)
        return sv_malformed(why, "there is no Host");
    if (facts->n_host == 0)
        return SV_HTTP1_DONE;
    hr_str *host = &request->fields[facts->host].value;
    if (!sv_is_authority(*host))
        return sv_malformed(why, "Host is not a host name with an optional port");
    if (request->authority.p != NULL)
        *host = request->authority;
    else
        request->authority = *host;
    return SV_HTTP1_DONE;
}

static void settle_connection(sv_http1_request *request, const sv_facts *facts) {
    bool current = request->minor_version > 0;
    request->keep_alive = !facts->close && (current || facts->keep_alive);
    /* RFC 9110 sections 10.1.1 and 7.8: HTTP/1.0 knows neither. */
    bool known = facts->n_expect == 1 && sv_equals_nocase(facts->expect, HR_STR("100-continue"));
    request->expect_continue = known && current;
    request->expect_other = facts->n_expect > 0 && !known;
    if (current && facts->upgrades)
        request->upgrade = facts->upgrade;
}

sv_http1_result sv_http1_parse_request(sv_http1_request *request, char *buf, size_t head_len,
                                       bool secure, const char **why) {
    sv_facts facts = SV_FACTS_NONE;
    char *line = buf, *end = buf + head_len;
    *request = (sv_http1_request){
        .fields = request->fields, .max_fields = request->max_fields, .minor_version = 1};
    while (line < end && (*line == '\r' || *line == '\n'))
        line++;
    char *fields = parse_request_line(request, line, end, why);
    if (fields == NULL)
        return SV_HTTP1_MALFORMED;
    sv_http1_result result = sv_fields_parse(request->fields, &request->n_fields,
                                             request->max_fields, &facts, fields, end, why);
    if (result == SV_HTTP1_DONE)
        result = request_settle_framing(request, &facts, why);
    if (result == SV_HTTP1_DONE)
        result = sv_target_settle(request, secure, why);
    if (result == SV_HTTP1_DONE)
        result = settle_host(request, &facts, why);
    if (result == SV_HTTP1_DONE)
        settle_connection(request, &facts);
    return result;
}

static void move_range(hr_str *range, uintptr_t from, size_t len, char *to) {
    uintptr_t at = (uintptr_t)range->p;
    if (at >= from && at < from + len)
        range->p = to + (at - from);
}

void sv_http1_request_moved(sv_http1_request *request, uintptr_t from, size_t len, char *to) {
    move_range(&request->method, from, len, to);
    move_range(&request->target, from, len, to);
    move_range(&request->path, from, len, to);
    move_range(&request->authority, from, len, to);
    move_range(&request->upgrade, from, len, to);
    for (size_t i = 0; i < request->n_fields; i++) {
        move_range(&request->fields[i].name, from, len, to);
        move_range(&request->fields[i].value, from, len, to);
    }
}
