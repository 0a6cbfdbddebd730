/* Bodies: a length, chunks (RFC 9112 section 7.1), or all that comes until the connection ends. */
#include <string.h>

#include "chars.h"
#include "fields.h"

/* Extensions and trailers are dropped; a peer that sends nothing else must not keep a connection
 * busy for ever. */
#define MAX_CHUNK_LINE 1024

/* 15 hexadecimal digits: the largest size stays far from overflow. */
#define MAX_DIGITS 15

enum {
    CHUNK_SIZE = 0,
    CHUNK_BLANK, /* between the size and the semicolon of an extension */
    CHUNK_EXTENSION,
    CHUNK_SIZE_LF,
    CHUNK_DATA,
    CHUNK_DATA_CR,
    CHUNK_DATA_LF,
    TRAILERS,
    BODY_DONE
};

static const char not_hexadecimal[] = "a chunk size is not hexadecimal";

void sv_http1_body_init(sv_http1_body *body, sv_http1_framing framing, uint64_t content_length) {
    *body = (sv_http1_body){.framing = framing};
    if (framing == SV_HTTP1_LENGTH)
        body->remaining = content_length;
}

static int hex_digit(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static sv_http1_result size_byte(sv_http1_body *body, char c, const char **why) {
    int digit = hex_digit(c);
    if (digit >= 0) {
        if (++body->digits > MAX_DIGITS)
            return sv_malformed(why, "a chunk size is too large");
        body->remaining = body->remaining * 16 + (uint64_t)digit;
        return SV_HTTP1_DONE;
    }
    if (body->digits == 0)
        return sv_malformed(why, not_hexadecimal);
    if (c == '\r')
        body->state = CHUNK_SIZE_LF;
    else if (c == ';')
        body->state = CHUNK_EXTENSION;
    else if (c == ' ' || c == '\t')
        body->state = CHUNK_BLANK;
    else
        return sv_malformed(why, not_hexadecimal);
    return SV_HTTP1_DONE;
}

/* One byte of the chunk's size line or of what follows the data. */
static sv_http1_result chunk_byte(sv_http1_body *body, char c, const char **why) {
    if (++body->line_bytes > MAX_CHUNK_LINE)
        return sv_malformed(why, "a chunk line is too long");
    switch (body->state) {
    case CHUNK_SIZE:
        return size_byte(body, c, why);
    case CHUNK_BLANK: /* BWS stands only before a semicolon (RFC 9112 section 7.1.1) */
        if (c == ';')
            body->state = CHUNK_EXTENSION;
        else if (c != ' ' && c != '\t')
            return sv_malformed(why, not_hexadecimal);
        break;
    case CHUNK_EXTENSION:
        if (c == '\r')
            body->state = CHUNK_SIZE_LF;
        else if (!sv_is_text_char((unsigned char)c))
            return sv_malformed(why, "a chunk extension contains a control character");
        break;
    case CHUNK_SIZE_LF:
        if (c != '\n')
            return sv_malformed(why, "a chunk size line ends in a bare CR");
        body->line_bytes = 0;
        body->digits = 0;
        body->state = body->remaining > 0 ? CHUNK_DATA : TRAILERS;
        break;
    default: /* CHUNK_DATA_CR, CHUNK_DATA_LF */
        if (c != (body->state == CHUNK_DATA_CR ? '\r' : '\n'))
            return sv_malformed(why, "a chunk is longer than its size");
        body->line_bytes = 0;
        body->state = body->state == CHUNK_DATA_CR ? CHUNK_DATA_LF : CHUNK_SIZE;
        break;
    }
    return SV_HTTP1_DONE;
}

static void body_take_content(sv_http1_piece *piece, char *at, size_t n) {
    if (piece->n == 0)
        piece->content = at;
    else
        memmove(piece->content + piece->n, at, n);
    piece->n += n;
}

static char *read_data(sv_http1_body *body, char *at, char *end, sv_http1_piece *piece) {
    size_t n = (size_t)(end - at);
    if (n > body->remaining)
        n = (size_t)body->remaining;
    body_take_content(piece, at, n);
    body->remaining -= n;
    if (body->remaining == 0)
        body->state = CHUNK_DATA_CR;
    return at + n;
}

static sv_http1_result read_trailers(sv_http1_body *body, char **at, char *end, const char **why) {
    hr_pair dropped;
    sv_line_event event;
    do {
        event = sv_lines_next(&body->trailers, at, end, &dropped, why);
        if (event == SV_LINE_MALFORMED)
            return SV_HTTP1_MALFORMED;
        if (body->trailers.bytes > SV_HTTP1_MAX_TRAILERS)
            return sv_malformed(why, "the trailers are too long");
    } while (event == SV_LINE_FIELD);
    if (event == SV_LINE_END)
        body->state = BODY_DONE;
    return SV_HTTP1_DONE;
}

static sv_http1_result body_take_trailers(sv_http1_body *body, char **at, char *end,
                                          sv_http1_piece *piece, const char **why) {
    char *from = *at;
    sv_http1_result result = read_trailers(body, at, end, why);
    piece->trailers = from;
    piece->n_trailers = (size_t)(*at - from);
    return result;
}

static sv_http1_result decode_chunked(sv_http1_body *body, char *buf, size_t n,
                                      sv_http1_piece *piece, const char **why) {
    char *at = buf, *end = buf + n;
    while (at < end && body->state != BODY_DONE) {
        sv_http1_result result = SV_HTTP1_DONE;
        if (body->state == CHUNK_DATA)
            at = read_data(body, at, end, piece);
        else if (body->state == TRAILERS)
            result = body_take_trailers(body, &at, end, piece, why);
        else
            result = chunk_byte(body, *at++, why);
        if (result != SV_HTTP1_DONE)
            return result;
    }
    piece->used = (size_t)(at - buf);
    return body->state == BODY_DONE ? SV_HTTP1_DONE : SV_HTTP1_MORE;
}

sv_http1_result sv_http1_body_decode(sv_http1_body *body, char *buf, size_t n,
                                     sv_http1_piece *piece, const char **why) {
    *piece = (sv_http1_piece){.content = buf};
    switch (body->framing) {
    case SV_HTTP1_CHUNKED:
        return decode_chunked(body, buf, n, piece, why);
    case SV_HTTP1_UNTIL_CLOSE:
        piece->n = piece->used = n;
        return SV_HTTP1_MORE;
    case SV_HTTP1_LENGTH:
        piece->n = piece->used = n < body->remaining ? n : (size_t)body->remaining;
        body->remaining -= piece->n;
        return body->remaining == 0 ? SV_HTTP1_DONE : SV_HTTP1_MORE;
    default:
        return SV_HTTP1_DONE;
    }
}

sv_http1_result sv_http1_parse_trailers(hr_pair *fields, size_t *n, size_t max, char *text,
                                        size_t len, const char **why) {
    sv_http1_lines lines = {.state = 0};
    sv_line_event event;
    hr_pair field;
    char *at = text, *end = text + len;
    *n = 0;
    while ((event = sv_lines_next(&lines, &at, end, &field, why)) == SV_LINE_FIELD) {
        if (*n == max) {
            *why = "there are too many trailers";
            return SV_HTTP1_TOO_LARGE;
        }
        fields[(*n)++] = field;
    }
    return event == SV_LINE_END ? SV_HTTP1_DONE : SV_HTTP1_MALFORMED;
}

sv_http1_result sv_http1_body_eof(const sv_http1_body *body, const char **why) {
    if (body->framing == SV_HTTP1_UNTIL_CLOSE)
        return SV_HTTP1_DONE;
    return sv_malformed(why, "the connection ended before the body did");
}
