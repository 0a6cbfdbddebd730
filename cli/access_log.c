/* Reads requests out of the lines of access logs. */
#define _GNU_SOURCE
#include "access_log.h"

#include <stdbool.h>
#include <string.h>

#include "cli.h"

static bool is_absent(hr_str s) {
    return s.p == NULL || (s.len == 1 && s.p[0] == '-');
}

/* ---- JSON ---- */

static char folded(char c) {
    if (c >= 'A' && c <= 'Z')
        return (char)(c | 0x20);
    return c == '-' ? '_' : c;
}

static bool same_key(const char *a, const char *b) {
    for (; *a != '\0' && folded(*a) == folded(*b); a++, b++)
        ;
    return *a == '\0' && *b == '\0';
}

/* The member of any letter case, with '-' for '_'. */
static const json_t *folded_member(const json_t *map, const char *name) {
    const json_t *exact = json_object_get(map, name);
    const char *key;
    json_t *value;
    if (exact != NULL)
        return exact;
    json_object_foreach((json_t *)map, key, value) {
        if (same_key(key, name))
            return value;
    }
    return NULL;
}

static hr_str text_of_field(const json_t *value) {
    return json_is_string(value) ? (hr_str){json_string_value(value), json_string_length(value)}
                                 : (hr_str){0};
}

static hr_str first_of(const json_t *map, const char *const *names) {
    for (; *names != NULL; names++) {
        hr_str text = text_of_field(folded_member(map, *names));
        if (!is_absent(text))
            return text;
    }
    return (hr_str){0};
}

static const char *read_json(cli_log_line *out, const char *text, size_t len) {
    static const char *const methods[] = {"method", "request_method", ":method", NULL};
    static const char *const paths[] = {
        "x_envoy_original_path", "path", "request_path", "request_uri", "uri", ":path", NULL};
    static const char *const authorities[] = {"authority", "host",       "request_authority",
                                              "http_host", ":authority", NULL};
    static const char *const schemes[] = {"scheme", ":scheme", "x_forwarded_proto", NULL};
    out->json = json_loadb(text, len, 0, NULL);
    if (!json_is_object(out->json))
        return "it is not a JSON object";
    out->method = first_of(out->json, methods);
    out->path = first_of(out->json, paths);
    out->authority = first_of(out->json, authorities);
    out->scheme = first_of(out->json, schemes);
    out->of_gateway = json_object_get(out->json, "job_id") != NULL &&
                      json_object_get(out->json, "response_code_details") != NULL;
    return NULL;
}

/* ---- text ---- */

typedef struct cursor {
    const char *p, *end;
} cursor;

/* The next word: up to a blank, or what stands in "..." or [...]. Absent at the end. */
static hr_str next_word(cursor *c) {
    while (c->p < c->end && *c->p == ' ')
        c->p++;
    if (c->p == c->end)
        return (hr_str){0};
    char close = *c->p == '"' ? '"' : *c->p == '[' ? ']' : ' ';
    const char *begin = c->p + (close != ' ');
    const char *stop = memchr(begin, close, (size_t)(c->end - begin));
    if (stop == NULL)
        stop = c->end;
    c->p = stop + (stop < c->end);
    return (hr_str){begin, (size_t)(stop - begin)};
}

/* "METHOD PATH PROTOCOL" */
static bool read_request_line(cli_log_line *out, hr_str line) {
    const char *space = line.p == NULL ? NULL : memchr(line.p, ' ', line.len);
    const char *last = line.p == NULL ? NULL : memrchr(line.p, ' ', line.len);
    if (space == NULL || last == space)
        return false;
    out->method = (hr_str){line.p, (size_t)(space - line.p)};
    out->path = (hr_str){space + 1, (size_t)(last - space - 1)};
    return true;
}

static void put_log_header(cli_log_line *out, const char *name, hr_str value) {
    if (value.p != NULL && out->n_headers < CLI_LOG_HEADERS)
        out->headers[out->n_headers++] = (hr_pair){hr_str_from(name), value};
}

/* [TIME] "REQUEST" code flags details failure "-" received sent duration service "X-F-F" "AGENT"
 * "ID" "AUTHORITY" ... */
static const char *read_istio_text(cli_log_line *out, cursor c) {
    enum { BETWEEN = 9 };
    next_word(&c);
    if (!read_request_line(out, next_word(&c)))
        return "the request line is missing";
    for (size_t i = 0; i < BETWEEN; i++)
        next_word(&c);
    put_log_header(out, "x-forwarded-for", next_word(&c));
    put_log_header(out, "user-agent", next_word(&c));
    put_log_header(out, "x-request-id", next_word(&c));
    hr_str authority = next_word(&c);
    if (!is_absent(authority))
        out->authority = authority;
    return NULL;
}

/* HOST IDENT USER [TIME] "REQUEST" STATUS BYTES "REFERER" "AGENT" */
static const char *read_common(cli_log_line *out, cursor c) {
    for (size_t i = 0; i < 3; i++)
        next_word(&c);
    if (c.p == c.end || *c.p != '[')
        return "it is neither JSON nor in a known text format";
    next_word(&c);
    if (!read_request_line(out, next_word(&c)))
        return "the request line is missing";
    next_word(&c);
    next_word(&c);
    put_log_header(out, "referer", next_word(&c));
    put_log_header(out, "user-agent", next_word(&c));
    return NULL;
}

const char *cli_log_read(cli_log_line *out, const char *text, size_t len) {
    cursor c = {text, text + len};
    const char *wrong;
    *out = (cli_log_line){0};
    if (len == 0)
        return "it is empty";
    if (text[0] == '{')
        wrong = read_json(out, text, len);
    else
        wrong = text[0] == '[' ? read_istio_text(out, c) : read_common(out, c);
    if (wrong != NULL)
        return wrong;
    if (is_absent(out->method) || is_absent(out->path))
        return "it has no method or no path";
    return NULL;
}

void cli_log_release(cli_log_line *line) {
    json_decref(line->json);
    line->json = NULL;
}

/* ---- headers ---- */

static cli_log_value value_of(hr_str *out, hr_str value) {
    if (is_absent(value))
        return CLI_LOG_ABSENT;
    *out = value;
    return CLI_LOG_VALUE;
}

cli_log_value cli_log_header(hr_str *out, const cli_log_line *line, const char *name) {
    for (size_t i = 0; i < line->n_headers; i++)
        if (line->headers[i].name.len == strlen(name) &&
            memcmp(line->headers[i].name.p, name, strlen(name)) == 0)
            return value_of(out, line->headers[i].value);
    if (line->json == NULL)
        return CLI_LOG_UNKNOWN;
    const json_t *value = folded_member(line->json, name);
    static const char *const maps[] = {"request_headers", "headers"};
    for (size_t i = 0; value == NULL && i < 2; i++) {
        const json_t *map = json_object_get(line->json, maps[i]);
        if (!json_is_object(map))
            continue;
        value = folded_member(map, name);
        if (value == NULL) /* the log has all of them */
            return CLI_LOG_ABSENT;
    }
    /* A number or a list that a log pipeline made: its text as it was sent is lost. */
    if (value == NULL || (!json_is_string(value) && !json_is_null(value)))
        return CLI_LOG_UNKNOWN;
    return value_of(out, text_of_field(value));
}
