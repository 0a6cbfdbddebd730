#include "upstream_parser.h"

#include <string.h>
#include <strings.h>

#include "hex.h"

/* RFC 9110 section 5.6.2: what a field name is made of. */
static int is_token_char(unsigned char c) {
    static const unsigned char punctuation[] = "!#$%&'*+-.^_`|~";
    if ((c >= 'a' && c <= 'z') || c == '-')
        return 1;
    return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != 0 && strchr((const char *)punctuation, c) != NULL);
}

int hr_is_token(hr_str s) {
    for (size_t i = 0; i < s.len; i++) {
        if (!is_token_char((unsigned char)s.p[i]))
            return 0;
    }
    return s.len > 0;
}

/* Field values and reason phrases: HTAB, SP, VCHAR and obs-text; no other control character. */
static int is_text_char(unsigned char c) {
    return c == '\t' || (c >= 0x20 && c != 0x7f);
}

static int is_text(const char *p, size_t len) {
    for (size_t i = 0; i < len; i++) {
        if (!is_text_char((unsigned char)p[i]))
            return 0;
    }
    return 1;
}

static hr_str trim(const char *p, const char *end) {
    while (p < end && (*p == ' ' || *p == '\t'))
        p++;
    while (end > p && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    return (hr_str){p, (size_t)(end - p)};
}

/* Mostly asked for one literal after the other, of which few begin alike. */
static int equals(hr_str s, const char *literal) {
    if (s.len > 0 && s.p[0] != literal[0])
        return 0;
    return s.len == strlen(literal) && memcmp(s.p, literal, s.len) == 0;
}

static int equals_nocase(hr_str s, hr_str other) {
    return s.len == other.len && strncasecmp(s.p, other.p, s.len) == 0;
}

/* Takes the next element of a comma-separated list off *rest; 0 at its end. Empty elements are
 * passed over (RFC 9110 section 5.6.1). */
static int next_element(hr_str *element, hr_str *rest) {
    while (rest->len > 0) {
        const char *comma = memchr(rest->p, ',', rest->len);
        const char *end = comma != NULL ? comma : rest->p + rest->len;
        size_t taken = (size_t)(end - rest->p) + (comma != NULL);
        *element = trim(rest->p, end);
        rest->p += taken;
        rest->len -= taken;
        if (element->len > 0)
            return 1;
    }
    return 0;
}

/* RFC 9110 section 5.6.1.2 has a recipient ignore "a reasonable number of empty list elements". */
#define MAX_COMMAS 64

size_t hr_list_count(hr_str list) {
    size_t n = 0, commas = 0;
    hr_str element, rest = list;
    for (size_t i = 0; i < list.len && commas <= MAX_COMMAS; i++)
        commas += list.p[i] == ',';
    if (commas > MAX_COMMAS)
        return commas;
    while (next_element(&element, &rest))
        n++;
    return n;
}

hr_resp_result hr_resp_find_head(size_t *head_len, size_t *scanned, const char *buf, size_t len,
                                 size_t max_head, const char **why) {
    static const char start[] = "HTTP/1.";
    size_t known = len < sizeof(start) - 1 ? len : sizeof(start) - 1;
    if (memcmp(buf, start, known) != 0) {
        *why = "the answer does not begin with an HTTP/1 status line";
        return HR_RESP_ERROR;
    }
    for (size_t at = *scanned; at < len;) {
        const char *lf = memchr(buf + at, '\n', len - at);
        if (lf == NULL) {
            at = len;
            *scanned = at;
            break;
        }
        size_t position = (size_t)(lf - buf);
        if (position == 0 || buf[position - 1] != '\r') {
            *why = "a line of the head ends in a bare LF";
            return HR_RESP_ERROR;
        }
        if (position >= 3 && buf[position - 2] == '\n') {
            if (position + 1 > max_head)
                break;
            *head_len = position + 1;
            return HR_RESP_COMPLETE;
        }
        at = position + 1;
        *scanned = at;
    }
    if (len >= max_head) {
        *why = "the head is too large";
        return HR_RESP_ERROR;
    }
    return HR_RESP_INCOMPLETE;
}

static int parse_content_length(uint64_t *out, hr_str value) {
    uint64_t n = 0;
    if (value.len == 0 || value.len > 18)
        return 0;
    for (size_t i = 0; i < value.len; i++) {
        if (value.p[i] < '0' || value.p[i] > '9')
            return 0;
        n = n * 10 + (uint64_t)(value.p[i] - '0');
    }
    *out = n;
    return 1;
}

static hr_resp_result parse_status_line(hr_resp_head *out, const char *line, const char *end,
                                        const char **why) {
    *why = "the status line is malformed";
    if (end - line < 12 || memcmp(line, "HTTP/1.", 7) != 0 || line[8] != ' ')
        return HR_RESP_ERROR;
    if (line[7] != '0' && line[7] != '1')
        return HR_RESP_ERROR;
    out->minor_version = line[7] - '0';
    for (int i = 9; i < 12; i++) {
        if (line[i] < '0' || line[i] > '9')
            return HR_RESP_ERROR;
        out->status = out->status * 10 + (line[i] - '0');
    }
    if (out->status < 100 || out->status > 599)
        return HR_RESP_ERROR;
    /* The blank before the reason is often missing where the reason is empty. */
    if (end - line > 12 && line[12] != ' ')
        return HR_RESP_ERROR;
    const char *reason = end - line > 13 ? line + 13 : end;
    if (!is_text(reason, (size_t)(end - reason)))
        return HR_RESP_ERROR;
    out->reason = (hr_str){reason, (size_t)(end - reason)};
    return HR_RESP_COMPLETE;
}

static hr_resp_result parse_field(hr_pair *out, char *line, char *end, const char **why) {
    if (*line == ' ' || *line == '\t') {
        *why = "a folded header line";
        return HR_RESP_ERROR;
    }
    char *colon = memchr(line, ':', (size_t)(end - line));
    if (colon == NULL || colon == line) {
        *why = "a header line without a name";
        return HR_RESP_ERROR;
    }
    for (char *p = line; p < colon; p++) {
        if (!is_token_char((unsigned char)*p)) {
            *why = "a header name with a character that is not allowed";
            return HR_RESP_ERROR;
        }
        if (*p >= 'A' && *p <= 'Z')
            *p = (char)(*p - 'A' + 'a');
    }
    out->name = (hr_str){line, (size_t)(colon - line)};
    out->value = trim(colon + 1, end);
    if (!is_text(out->value.p, out->value.len)) {
        *why = "a header value with a control character";
        return HR_RESP_ERROR;
    }
    return HR_RESP_COMPLETE;
}

/* What the fields say about framing and the connection; filled while they are read. */
struct facts {
    int n_transfer_encoding;
    size_t n_nominated;
    int chunked;
    int close;
    int keep_alive;
    hr_str upgrade;
};

static hr_resp_result note_field(hr_resp_head *out, struct facts *facts, const hr_pair *field,
                                 const char **why) {
    if (equals(field->name, "content-length")) {
        uint64_t n;
        if (!parse_content_length(&n, field->value)) {
            *why = "a Content-Length that is not a number";
            return HR_RESP_ERROR;
        }
        if (out->has_content_length && n != out->content_length) {
            *why = "two Content-Lengths that differ";
            return HR_RESP_ERROR;
        }
        out->has_content_length = 1;
        out->content_length = n;
    } else if (equals(field->name, "transfer-encoding")) {
        facts->n_transfer_encoding++;
        facts->chunked = equals_nocase(field->value, HR_STR("chunked"));
    } else if (equals(field->name, "connection")) {
        hr_str element, rest = field->value;
        facts->n_nominated += hr_list_count(rest);
        if (facts->n_nominated > HR_MAX_NOMINATED) {
            *why = "too many names in Connection";
            return HR_RESP_ERROR;
        }
        while (next_element(&element, &rest)) {
            facts->close |= equals_nocase(element, HR_STR("close"));
            facts->keep_alive |= equals_nocase(element, HR_STR("keep-alive"));
        }
    } else if (equals(field->name, "keep-alive")) {
        hr_str element, rest = field->value;
        while (next_element(&element, &rest)) {
            uint64_t seconds;
            if (element.len > 8 && strncasecmp(element.p, "timeout=", 8) == 0 &&
                parse_content_length(&seconds, (hr_str){element.p + 8, element.len - 8}))
                out->keep_alive_timeout_s = seconds < 86400 ? (int)seconds : 86400;
        }
    } else if (equals(field->name, "upgrade")) {
        facts->upgrade = field->value;
    }
    return HR_RESP_COMPLETE;
}

/* RFC 9112 section 6.3, in its order. */
static hr_resp_result settle_framing(hr_resp_head *out, const struct facts *facts,
                                     const hr_resp_context *context, const char **why) {
    if (facts->n_transfer_encoding > 0) {
        if (out->has_content_length) {
            *why = "Transfer-Encoding beside Content-Length";
            return HR_RESP_ERROR;
        }
        if (facts->n_transfer_encoding > 1 || !facts->chunked) {
            *why = "a Transfer-Encoding other than chunked";
            return HR_RESP_ERROR;
        }
        if (out->minor_version == 0 || out->status < 200 || out->status == 204) {
            *why = "Transfer-Encoding in an answer that cannot have one";
            return HR_RESP_ERROR;
        }
    }
    if (out->status == 101) {
        if (!context->upgrade_requested || facts->upgrade.p == NULL) {
            *why = "a 101 that nobody asked for";
            return HR_RESP_ERROR;
        }
        out->upgrade = facts->upgrade;
    }
    if (context->request_is_head || out->status < 200 || out->status == 204 || out->status == 304)
        out->framing = HR_RESP_NO_BODY;
    else if (facts->n_transfer_encoding > 0)
        out->framing = HR_RESP_CHUNKED;
    else if (out->has_content_length)
        out->framing = HR_RESP_LENGTH;
    else
        out->framing = HR_RESP_UNTIL_CLOSE;
    out->keep_alive = out->framing != HR_RESP_UNTIL_CLOSE && !facts->close &&
                      (out->minor_version == 1 || facts->keep_alive);
    return HR_RESP_COMPLETE;
}

hr_resp_result hr_resp_parse_head(hr_resp_head *out, char *buf, size_t head_len,
                                  const hr_resp_context *context, const char **why) {
    struct facts facts = {0};
    out->minor_version = out->status = 0;
    out->n_fields = 0;
    out->has_content_length = out->keep_alive = 0;
    out->content_length = 0;
    out->framing = HR_RESP_NO_BODY;
    out->keep_alive_timeout_s = -1;
    out->upgrade = (hr_str){NULL, 0};

    char *line = buf, *stop = buf + head_len - 2; /* without the empty line */
    char *end = memchr(line, '\n', head_len);
    if (parse_status_line(out, line, end - 1, why) != HR_RESP_COMPLETE)
        return HR_RESP_ERROR;
    for (line = end + 1; line < stop; line = end + 1) {
        end = memchr(line, '\n', (size_t)(stop - line));
        if (out->n_fields == HR_RESP_MAX_FIELDS) {
            *why = "too many header lines";
            return HR_RESP_ERROR;
        }
        hr_pair *field = &out->fields[out->n_fields++];
        if (parse_field(field, line, end - 1, why) != HR_RESP_COMPLETE ||
            note_field(out, &facts, field, why) != HR_RESP_COMPLETE)
            return HR_RESP_ERROR;
    }
    if (settle_framing(out, &facts, context, why) != HR_RESP_COMPLETE)
        return HR_RESP_ERROR;
    out->n_fields = hr_strip_hop_by_hop(out->fields, out->n_fields);
    return HR_RESP_COMPLETE;
}

/* ---- bodies ------------------------------------------------------------------------------ */

enum {
    CHUNK_SIZE = 0,
    CHUNK_EXTENSION,
    CHUNK_SIZE_LF,
    CHUNK_DATA,
    CHUNK_DATA_CR,
    CHUNK_DATA_LF,
    TRAILER_LINE_START,
    TRAILER_NAME,
    TRAILER_VALUE,
    TRAILER_LINE_LF,
    TRAILER_END_LF,
    BODY_DONE
};

/* Extensions and trailers are read past, not passed on; a peer that sends nothing else must not
 * keep a connection busy for ever. */
#define MAX_CHUNK_LINE 1024
#define MAX_TRAILERS 16384

void hr_resp_body_init(hr_resp_body *body, const hr_resp_head *head) {
    *body = (hr_resp_body){.framing = head->framing, .state = CHUNK_SIZE};
    if (head->framing == HR_RESP_LENGTH)
        body->remaining = head->content_length;
}

static hr_resp_result bad_chunk(const char **why, const char *what) {
    *why = what;
    return HR_RESP_ERROR;
}

/* One byte of the chunk's size line or of what follows the data. */
static hr_resp_result chunk_byte(hr_resp_body *body, char c, const char **why) {
    int digit;
    if (++body->line_bytes > (body->state >= TRAILER_LINE_START ? MAX_TRAILERS : MAX_CHUNK_LINE))
        return bad_chunk(why, "a chunk line or trailers that are too long");
    switch (body->state) {
    case CHUNK_SIZE:
        if ((digit = hr_hex_digit(c)) >= 0) {
            /* 15 digits: the largest size stays far from overflow. */
            if (++body->digits > 15)
                return bad_chunk(why, "a chunk size that is too large");
            body->remaining = body->remaining * 16 + (uint64_t)digit;
            break;
        }
        if (body->digits == 0 || (c != '\r' && c != ';'))
            return bad_chunk(why, "a chunk size that is not hexadecimal");
        body->state = c == '\r' ? CHUNK_SIZE_LF : CHUNK_EXTENSION;
        break;
    case CHUNK_EXTENSION:
        if (c == '\r')
            body->state = CHUNK_SIZE_LF;
        else if (!is_text_char((unsigned char)c))
            return bad_chunk(why, "a control character in a chunk extension");
        break;
    case CHUNK_SIZE_LF:
        if (c != '\n')
            return bad_chunk(why, "a chunk size line that ends in a bare CR");
        body->line_bytes = 0;
        body->digits = 0;
        body->state = body->remaining > 0 ? CHUNK_DATA : TRAILER_LINE_START;
        break;
    case CHUNK_DATA_CR:
    case CHUNK_DATA_LF:
        if (c != (body->state == CHUNK_DATA_CR ? '\r' : '\n'))
            return bad_chunk(why, "a chunk longer than its size");
        body->line_bytes = 0;
        body->state = body->state == CHUNK_DATA_CR ? CHUNK_DATA_LF : CHUNK_SIZE;
        break;
    case TRAILER_LINE_START:
        if (c == '\r')
            body->state = TRAILER_END_LF;
        else if (is_token_char((unsigned char)c))
            body->state = TRAILER_NAME;
        else
            return bad_chunk(why, "a malformed trailer");
        break;
    case TRAILER_NAME:
        if (c == ':')
            body->state = TRAILER_VALUE;
        else if (!is_token_char((unsigned char)c))
            return bad_chunk(why, "a malformed trailer");
        break;
    case TRAILER_VALUE:
        if (c == '\r')
            body->state = TRAILER_LINE_LF;
        else if (!is_text_char((unsigned char)c))
            return bad_chunk(why, "a control character in a trailer");
        break;
    case TRAILER_LINE_LF:
    case TRAILER_END_LF:
        if (c != '\n')
            return bad_chunk(why, "a trailer that ends in a bare CR");
        body->state = body->state == TRAILER_LINE_LF ? TRAILER_LINE_START : BODY_DONE;
        break;
    default:
        return bad_chunk(why, "content after the last chunk");
    }
    return HR_RESP_COMPLETE;
}

static hr_resp_result feed_chunked(hr_resp_body *body, char *buf, size_t *len, size_t *surplus,
                                   const char **why) {
    size_t in = 0, out = 0;
    while (in < *len && body->state != BODY_DONE) {
        if (body->state == CHUNK_DATA) {
            size_t n = *len - in;
            if (n > body->remaining)
                n = (size_t)body->remaining;
            if (in != out)
                memmove(buf + out, buf + in, n);
            in += n;
            out += n;
            body->remaining -= n;
            if (body->remaining == 0)
                body->state = CHUNK_DATA_CR;
        } else if (chunk_byte(body, buf[in++], why) != HR_RESP_COMPLETE) {
            return HR_RESP_ERROR;
        }
    }
    *surplus = *len - in;
    *len = out;
    return body->state == BODY_DONE ? HR_RESP_COMPLETE : HR_RESP_INCOMPLETE;
}

hr_resp_result hr_resp_body_lead(hr_resp_body *body, const char *buf, size_t *len,
                                 const char **why) {
    size_t in = 0, n = body->framing == HR_RESP_CHUNKED ? *len : 0;
    *len = 0;
    while (in < n && body->state != CHUNK_DATA && body->state != BODY_DONE)
        if (chunk_byte(body, buf[in++], why) != HR_RESP_COMPLETE)
            return HR_RESP_ERROR;
    *len = in;
    return HR_RESP_INCOMPLETE;
}

hr_resp_result hr_resp_body_feed(hr_resp_body *body, char *buf, size_t *len, size_t *surplus,
                                 const char **why) {
    *surplus = 0;
    switch (body->framing) {
    case HR_RESP_CHUNKED:
        return feed_chunked(body, buf, len, surplus, why);
    case HR_RESP_UNTIL_CLOSE:
        return HR_RESP_INCOMPLETE;
    case HR_RESP_LENGTH:
        if (*len > body->remaining) {
            *surplus = *len - (size_t)body->remaining;
            *len = (size_t)body->remaining;
        }
        body->remaining -= *len;
        return body->remaining == 0 ? HR_RESP_COMPLETE : HR_RESP_INCOMPLETE;
    default:
        *surplus = *len;
        *len = 0;
        return HR_RESP_COMPLETE;
    }
}

hr_resp_result hr_resp_body_eof(const hr_resp_body *body, const char **why) {
    if (body->framing == HR_RESP_UNTIL_CLOSE)
        return HR_RESP_COMPLETE;
    *why = "the connection ended before the body did";
    return HR_RESP_ERROR;
}

/* ---- hop-by-hop -------------------------------------------------------------------------- */

static int is_hop_by_hop(hr_str name) {
    static const char *const names[] = {"connection", "keep-alive",    "proxy-connection",
                                        "te",         "trailer",       "transfer-encoding",
                                        "upgrade",    "content-length"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (equals(name, names[i]))
            return 1;
    }
    return 0;
}

/* The elements of all Connection fields. Each field is read once, however many names stand in it.
 */
struct nominated {
    hr_str names[HR_MAX_NOMINATED];
    size_t n;
};

/* 0: there are more than HR_MAX_NOMINATED. */
static int nominate(struct nominated *out, hr_str list) {
    hr_str element;
    while (next_element(&element, &list)) {
        if (out->n == HR_MAX_NOMINATED)
            return 0;
        out->names[out->n++] = element;
    }
    return 1;
}

static int is_nominated(const struct nominated *nominated, hr_str name) {
    for (size_t i = 0; i < nominated->n; i++) {
        if (equals_nocase(nominated->names[i], name))
            return 1;
    }
    return 0;
}

size_t hr_strip_hop_by_hop(hr_pair *fields, size_t n) {
    struct nominated nominated = {.n = 0};
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        /* Which fields are meant for this connection only is unknown then: none is passed on. */
        if (equals(fields[i].name, "connection") && !nominate(&nominated, fields[i].value))
            return 0;
    }
    for (size_t i = 0; i < n; i++) {
        if (!is_hop_by_hop(fields[i].name) && !is_nominated(&nominated, fields[i].name))
            fields[kept++] = fields[i];
    }
    return kept;
}
