/* Fields: the one parser of field lines, lists, and the fields that concern one connection only. */
#include "fields.h"

#include <string.h>
#include <strings.h>

#include "chars.h"

/* ---- lines ------------------------------------------------------------------------------- */

enum { LINE_START = 0, LINE_NAME, LINE_VALUE, LINE_LF, SECTION_LF };

static bool is_blank(char c) {
    return c == ' ' || c == '\t';
}

/* Leading and trailing whitespace is not part of a field value (RFC 9110 section 5.5). */
static hr_str trim(const char *p, const char *end) {
    while (p < end && is_blank(*p))
        p++;
    while (end > p && is_blank(end[-1]))
        end--;
    return (hr_str){p, (size_t)(end - p)};
}

static sv_line_event bad_line(const char **why, const char *what) {
    *why = what;
    return SV_LINE_MALFORMED;
}

static sv_line_event bad_start(char first, const char **why) {
    if (is_blank(first)) /* obs-fold, RFC 9112 section 5.2 */
        return bad_line(why, "a header field is folded over several lines");
    if (first == ':')
        return bad_line(why, "a header field has no name");
    return bad_line(why, "a header name contains a character that is not allowed");
}

static sv_line_event bad_name(char stop, const char **why) {
    if (stop == '\r')
        return bad_line(why, "a header line has no colon");
    return bad_line(why, "a header name contains a character that is not allowed");
}

static sv_line_event fields_read_line(sv_http1_lines *lines, char **at, char *end, hr_pair *field,
                                      const char **why) {
    char *p = *at;
    const char *name = p, *value = p;
    while (p < end) {
        switch (lines->state) {
        case LINE_START:
            if (*p == '\r') {
                p++;
                lines->state = SECTION_LF;
                break;
            }
            if (sv_token_lower[(unsigned char)*p] == 0)
                return bad_start(*p, why);
            name = p;
            lines->state = LINE_NAME;
            break;
        case LINE_NAME:
            for (char lower; p < end && (lower = (char)sv_token_lower[(unsigned char)*p]) != 0; p++)
                *p = lower;
            if (p == end)
                break;
            if (*p != ':')
                return bad_name(*p, why);
            field->name = (hr_str){name, (size_t)(p - name)};
            value = ++p;
            lines->state = LINE_VALUE;
            break;
        case LINE_VALUE:
            p += sv_skip_text(p, end) - p;
            if (p == end)
                break;
            if (*p != '\r')
                return bad_line(why, "a header value contains a control character");
            field->value = trim(value, p++);
            lines->state = LINE_LF;
            break;
        default:
            if (*p++ != '\n')
                return bad_line(why, "a header value contains a control character");
            *at = p;
            bool last = lines->state == SECTION_LF;
            lines->state = LINE_START;
            return last ? SV_LINE_END : SV_LINE_FIELD;
        }
    }
    *at = p;
    return SV_LINE_MORE;
}

sv_line_event sv_lines_next(sv_http1_lines *lines, char **at, char *end, hr_pair *field,
                            const char **why) {
    const char *from = *at;
    sv_line_event event = fields_read_line(lines, at, end, field, why);
    lines->bytes += (size_t)(*at - from);
    return event;
}

/* ---- strings and lists ------------------------------------------------------------------- */

bool sv_equals_nocase(hr_str s, hr_str other) {
    return s.len == other.len && strncasecmp(s.p, other.p, s.len) == 0;
}

bool sv_http_is_token(hr_str s) {
    for (size_t i = 0; i < s.len; i++) {
        if (sv_token_lower[(unsigned char)s.p[i]] == 0)
            return false;
    }
    return s.len > 0;
}

bool sv_http_list_next(hr_str *element, hr_str *list) {
    if (list->len == 0)
        return false;
    const char *p = list->p, *end = p + list->len;
    while (p < end && (*p == ',' || is_blank(*p)))
        p++;
    if (p == end)
        return false;
    const char *comma = memchr(p, ',', (size_t)(end - p));
    const char *stop = comma != NULL ? comma : end;
    *element = trim(p, stop);
    *list = (hr_str){stop, (size_t)(end - stop)};
    return true;
}

bool sv_http_list_has_token(hr_str list, hr_str token) {
    hr_str element;
    while (sv_http_list_next(&element, &list)) {
        if (sv_equals_nocase(element, token))
            return true;
    }
    return false;
}

/* ---- what fields say --------------------------------------------------------------------- */

/* RFC 9110 section 8.6: digits only. 18 of them are far from overflow. */
static bool parse_number(uint64_t *out, hr_str value) {
    uint64_t n = 0;
    if (value.len == 0 || value.len > 18)
        return false;
    for (size_t i = 0; i < value.len; i++) {
        if (value.p[i] < '0' || value.p[i] > '9')
            return false;
        n = n * 10 + (uint64_t)(value.p[i] - '0');
    }
    *out = n;
    return true;
}

static bool field_is(hr_str s, const char *literal) {
    return memcmp(s.p, literal, s.len) == 0;
}

static void note_connection(sv_facts *facts, hr_str list) {
    hr_str option;
    while (sv_http_list_next(&option, &list)) {
        facts->n_nominated++;
        facts->close |= sv_equals_nocase(option, HR_STR("close"));
        facts->keep_alive |= sv_equals_nocase(option, HR_STR("keep-alive"));
        facts->upgrades |= sv_equals_nocase(option, HR_STR("upgrade"));
    }
}

static void note_keep_alive(sv_facts *facts, hr_str list) {
    hr_str parameter;
    uint64_t seconds;
    while (sv_http_list_next(&parameter, &list)) {
        if (parameter.len > 8 && strncasecmp(parameter.p, "timeout=", 8) == 0 &&
            parse_number(&seconds, (hr_str){parameter.p + 8, parameter.len - 8}))
            facts->keep_alive_timeout_s = seconds < 86400 ? (int)seconds : 86400;
    }
}

static void note_length(sv_facts *facts, hr_str value) {
    uint64_t length = 0;
    facts->bad_length |= !parse_number(&length, value);
    facts->lengths_differ |= facts->n_content_length > 0 && length != facts->content_length;
    facts->content_length = length;
    facts->n_content_length++;
}

/* Most fields are recognized by their length alone. */
void sv_facts_note(sv_facts *facts, const hr_pair *fields, size_t i) {
    hr_str name = fields[i].name, value = fields[i].value;
    switch (name.len) {
    case 4:
        if (field_is(name, "host")) {
            facts->n_host++;
            facts->host = i;
        }
        break;
    case 6:
        if (field_is(name, "expect")) {
            facts->n_expect++;
            facts->expect = value;
        }
        break;
    case 7:
        if (field_is(name, "upgrade"))
            facts->upgrade = value;
        break;
    case 10:
        if (field_is(name, "connection"))
            note_connection(facts, value);
        else if (field_is(name, "keep-alive"))
            note_keep_alive(facts, value);
        break;
    case 14:
        if (field_is(name, "content-length"))
            note_length(facts, value);
        break;
    case 17:
        if (field_is(name, "transfer-encoding")) {
            facts->n_transfer_encoding++;
            facts->chunked = sv_equals_nocase(value, HR_STR("chunked"));
        }
        break;
    default:
        break;
    }
}

sv_http1_result sv_fields_parse(hr_pair *fields, size_t *n, size_t max, sv_facts *facts, char *at,
                                char *end, const char **why) {
    sv_http1_lines lines = {0};
    hr_pair field = {{NULL, 0}, {NULL, 0}};
    sv_line_event event;
    while ((event = sv_lines_next(&lines, &at, end, &field, why)) == SV_LINE_FIELD) {
        if (*n == max) {
            *why = "there are too many header fields";
            return SV_HTTP1_TOO_LARGE;
        }
        fields[*n] = field;
        sv_facts_note(facts, fields, (*n)++);
    }
    if (event != SV_LINE_END)
        return SV_HTTP1_MALFORMED;
    if (facts->n_nominated > SV_HTTP_MAX_NOMINATED)
        return sv_malformed(why, "there are too many names in Connection");
    return SV_HTTP1_DONE;
}

/* ---- hop-by-hop -------------------------------------------------------------------------- */

static bool is_hop_by_hop(hr_str name) {
    switch (name.len) {
    case 2:
        return field_is(name, "te");
    case 7:
        return field_is(name, "trailer") || field_is(name, "upgrade");
    case 10:
        return field_is(name, "connection") || field_is(name, "keep-alive");
    case 14:
        return field_is(name, "content-length");
    case 16:
        return field_is(name, "proxy-connection");
    case 17:
        return field_is(name, "transfer-encoding");
    default:
        return false;
    }
}

/* The elements of all Connection fields. Each field is read once, however many names it has. */
typedef struct nominated {
    hr_str names[SV_HTTP_MAX_NOMINATED];
    size_t n;
} nominated;

/* False if there are too many. */
static bool nominate(nominated *out, hr_str list) {
    hr_str element;
    while (sv_http_list_next(&element, &list)) {
        if (out->n == SV_HTTP_MAX_NOMINATED)
            return false;
        out->names[out->n++] = element;
    }
    return true;
}

static bool is_nominated(const nominated *nominated, hr_str name) {
    for (size_t i = 0; i < nominated->n; i++) {
        if (sv_equals_nocase(nominated->names[i], name))
            return true;
    }
    return false;
}

size_t sv_http_strip_hop_by_hop(hr_pair *fields, size_t n) {
    nominated nominated = {.n = 0};
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        /* Which fields are meant for this connection only is unknown then: none is passed on. */
        if (fields[i].name.len == 10 && field_is(fields[i].name, "connection") &&
            !nominate(&nominated, fields[i].value))
            return 0;
    }
    for (size_t i = 0; i < n; i++) {
        if (is_hop_by_hop(fields[i].name) || is_nominated(&nominated, fields[i].name))
            continue;
        if (kept != i)
            fields[kept] = fields[i];
        kept++;
    }
    return kept;
}
