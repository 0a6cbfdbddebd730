/* Finding the end of a head, and refusing early what cannot become one. */
#include "fields.h"

#include <string.h>

#include "chars.h"

/* RFC 9112 section 2.2: some clients send an empty line after a body. */
#define MAX_EMPTY_LINES 2

static const char bare_lf[] = "a line ends in a bare line feed";
static const char bad_request_line[] = "the request line is malformed";

/* Asks for more input after a valid prefix, unless it already exceeds the size limit. */
static sv_http1_result need_more(size_t len, size_t max_head, const char **why) {
    if (len < max_head)
        return SV_HTTP1_MORE;
    *why = "the head is too large";
    return SV_HTTP1_TOO_LARGE;
}

static sv_http1_result scan_fields(size_t *head_len, sv_http1_scan *scan, const char *buf,
                                   size_t len, size_t max_head, const char **why) {
    while (scan->looked_at < len) {
        const char *lf = memchr(buf + scan->looked_at, '\n', len - scan->looked_at);
        if (lf == NULL) {
            scan->looked_at = len;
            break;
        }
        size_t at = (size_t)(lf - buf);
        if (at == scan->start || lf[-1] != '\r')
            return sv_malformed(why, bare_lf);
        if (at >= scan->start + 3 && lf[-2] == '\n') {
            *head_len = at + 1;
            return at < max_head ? SV_HTTP1_DONE : need_more(len, max_head, why);
        }
        scan->looked_at = at + 1;
    }
    return need_more(len, max_head, why);
}

/* SV_HTTP1_DONE: a line begins at scan->start that is not empty. */
static sv_http1_result skip_empty_lines(sv_http1_scan *scan, const char *buf, size_t len,
                                        const char **why) {
    for (; scan->start < len && buf[scan->start] == '\r'; scan->start += 2) {
        if (scan->start == (size_t)2 * MAX_EMPTY_LINES)
            return sv_malformed(why, "there are more than two empty lines before the request line");
        if (scan->start + 1 == len)
            return SV_HTTP1_MORE;
        if (buf[scan->start + 1] != '\n')
            return sv_malformed(why, bad_request_line);
    }
    if (scan->start == len)
        return SV_HTTP1_MORE;
    if (buf[scan->start] == '\n')
        return sv_malformed(why, bare_lf);
    if (sv_token_lower[(unsigned char)buf[scan->start]] == 0)
        return sv_malformed(why, bad_request_line);
    return SV_HTTP1_DONE;
}

static bool ends_in_version(const char *line, const char *end) {
    static const char version[] = " HTTP/1.";
    size_t n = sizeof(version) - 1;
    return end - line > (ptrdiff_t)n + 1 && memcmp(end - n - 1, version, n) == 0 &&
           end[-1] >= '0' && end[-1] <= '9';
}

/* A client that speaks something else (TLS, HTTP/0.9) learns of it at once, not after a timeout. */
static sv_http1_result scan_request_line(sv_http1_scan *scan, const char *buf, size_t len,
                                         const char **why) {
    sv_http1_result result = skip_empty_lines(scan, buf, len, why);
    if (result != SV_HTTP1_DONE)
        return result;
    if (scan->looked_at < scan->start)
        scan->looked_at = scan->start;
    const char *end = buf + len, *stop = sv_skip_text(buf + scan->looked_at, end);
    scan->looked_at = (size_t)(stop - buf);
    if (stop == end || (*stop == '\r' && stop + 1 == end))
        return SV_HTTP1_MORE;
    if (*stop == '\n')
        return sv_malformed(why, bare_lf);
    if (*stop != '\r' || stop[1] != '\n' || !ends_in_version(buf + scan->start, stop))
        return sv_malformed(why, bad_request_line);
    scan->looked_at += 2;
    scan->in_fields = true;
    return SV_HTTP1_DONE;
}

sv_http1_result sv_http1_find_request(size_t *head_len, sv_http1_scan *scan, const char *buf,
                                      size_t len, size_t max_head, const char **why) {
    if (!scan->in_fields) {
        sv_http1_result result = scan_request_line(scan, buf, len, why);
        if (result == SV_HTTP1_MORE)
            return need_more(len, max_head, why);
        if (result != SV_HTTP1_DONE)
            return result;
    }
    return scan_fields(head_len, scan, buf, len, max_head, why);
}

sv_http1_result sv_http1_find_response(size_t *head_len, sv_http1_scan *scan, const char *buf,
                                       size_t len, size_t max_head, const char **why) {
    static const char start[] = "HTTP/1.";
    size_t known = len < sizeof(start) - 1 ? len : sizeof(start) - 1;
    if (!scan->in_fields && memcmp(buf, start, known) != 0)
        return sv_malformed(why, "it does not begin with an HTTP/1 status line");
    scan->in_fields = known == sizeof(start) - 1;
    return scan_fields(head_len, scan, buf, len, max_head, why);
}
