/* Heads of answers (RFC 9112 sections 4, 6 and 9). */
#include <string.h>

#include "chars.h"
#include "fields.h"

static sv_http1_result parse_status_line(sv_http1_response *response, const char *line,
                                         const char *end, const char **why) {
    *why = "the status line is malformed";
    if (end - line < 12 || memcmp(line, "HTTP/1.", 7) != 0 || line[8] != ' ')
        return SV_HTTP1_MALFORMED;
    if (line[7] != '0' && line[7] != '1')
        return SV_HTTP1_MALFORMED;
    response->minor_version = line[7] - '0';
    for (int i = 9; i < 12; i++) {
        if (line[i] < '0' || line[i] > '9')
            return SV_HTTP1_MALFORMED;
        response->status = response->status * 10 + (line[i] - '0');
    }
    if (response->status < 100 || response->status > 599)
        return SV_HTTP1_MALFORMED;
    /* Many servers leave out the blank before an empty reason. */
    if (end - line > 12 && line[12] != ' ')
        return SV_HTTP1_MALFORMED;
    const char *reason = end - line > 13 ? line + 13 : end;
    if (sv_skip_text(reason, end) != end)
        return SV_HTTP1_MALFORMED;
    response->reason = (hr_str){reason, (size_t)(end - reason)};
    return SV_HTTP1_DONE;
}

static sv_http1_result check_transfer_encoding(const sv_http1_response *response,
                                               const sv_facts *facts, const char **why) {
    if (facts->n_transfer_encoding == 0)
        return SV_HTTP1_DONE;
    if (facts->n_content_length > 0)
        return sv_malformed(why, "there are both Content-Length and Transfer-Encoding");
    if (facts->n_transfer_encoding > 1 || !facts->chunked)
        return sv_malformed(why, "the only Transfer-Encoding supported is chunked");
    /* RFC 9112 section 6.1 */
    if (response->minor_version == 0 || response->status < 200 || response->status == 204)
        return sv_malformed(why, "Transfer-Encoding is not allowed in this answer");
    return SV_HTTP1_DONE;
}

static sv_http1_result check_upgrade(sv_http1_response *response, const sv_facts *facts,
                                     const sv_http1_context *context, const char **why) {
    if (response->status != 101)
        return SV_HTTP1_DONE;
    if (!context->upgrade_requested || facts->upgrade.p == NULL)
        return sv_malformed(why, "a 101 was not asked for");
    response->upgrade = facts->upgrade;
    return SV_HTTP1_DONE;
}

/* RFC 9112 section 6.3, in its order. */
static void response_settle_framing(sv_http1_response *response, const sv_facts *facts,
                                    const sv_http1_context *context) {
    int status = response->status;
    if (context->request_is_head || status < 200 || status == 204 || status == 304)
        response->framing = SV_HTTP1_NO_BODY;
    else if (facts->n_transfer_encoding > 0)
        response->framing = SV_HTTP1_CHUNKED;
    else if (facts->n_content_length > 0)
        response->framing = SV_HTTP1_LENGTH;
    else
        response->framing = SV_HTTP1_UNTIL_CLOSE;
    response->keep_alive = response->framing != SV_HTTP1_UNTIL_CLOSE && !facts->close &&
                           (response->minor_version == 1 || facts->keep_alive);
}

sv_http1_result sv_http1_parse_response(sv_http1_response *response, char *buf, size_t head_len,
                                        const sv_http1_context *context, const char **why) {
    sv_facts facts = SV_FACTS_NONE;
    *response = (sv_http1_response){.fields = response->fields, .max_fields = response->max_fields};
    char *lf = memchr(buf, '\n', head_len);
    sv_http1_result result = parse_status_line(response, buf, lf - 1, why);
    if (result == SV_HTTP1_DONE)
        result = sv_fields_parse(response->fields, &response->n_fields, response->max_fields,
                                 &facts, lf + 1, buf + head_len, why);
    if (result == SV_HTTP1_DONE && facts.bad_length)
        result = sv_malformed(why, "Content-Length is not a number");
    if (result == SV_HTTP1_DONE && facts.lengths_differ)
        result = sv_malformed(why, "there are two Content-Lengths that differ");
    if (result == SV_HTTP1_DONE)
        result = check_transfer_encoding(response, &facts, why);
    if (result == SV_HTTP1_DONE)
        result = check_upgrade(response, &facts, context, why);
    if (result != SV_HTTP1_DONE)
        return result;
    response->has_content_length = facts.n_content_length > 0;
    response->content_length = facts.content_length;
    response->keep_alive_timeout_s = facts.keep_alive_timeout_s;
    response_settle_framing(response, &facts, context);
    response->n_fields = sv_http_strip_hop_by_hop(response->fields, response->n_fields);
    return SV_HTTP1_DONE;
}
