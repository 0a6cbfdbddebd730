/* Reads the JSON body of a request to /predict. */
#include "body.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base64.h"
#include "json_parse.h"
#include "parameters.h"

#define MAX_DEPTH 8
#define MAX_VALUE 63

typedef struct reader {
    sv_predict_request *out;
    const sv_predict *predict;
    char *text, *why;
    size_t len, why_size;
    yajl_handle parser;
    int depth;
    const sv_parameter *member; /* whose value comes next, or is open */
    char value[MAX_VALUE + 1];  /* of an array: its numbers with commas */
    size_t value_len;
} reader;

__attribute__((format(printf, 2, 3))) static int stop(reader *r, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    vsnprintf(r->why, r->why_size, fmt, args);
    va_end(args);
    return 0;
}

static bool in_strokes(const reader *r) {
    return r->depth > 1 && r->member->kind == SV_PARAMETER_STROKES;
}

static const char *expected(const sv_parameter *member) {
    static const char *const words[] = {[SV_PARAMETER_TEXT] = "a string",
                                        [SV_PARAMETER_NUMBER] = "a number",
                                        [SV_PARAMETER_FLAG] = "true or false",
                                        [SV_PARAMETER_FILE] = "a string: the file in base64",
                                        [SV_PARAMETER_STROKES] = "an array"};
    if (strcmp(member->name, "rect") == 0)
        return "a string x,y,w,h or auto, or an array of four whole numbers";
    return words[member->kind];
}

/* A value of a kind that is not expected here. */
static int wrong_kind(reader *r) {
    if (r->depth == 0)
        return stop(r, "the body is not a JSON object");
    return in_strokes(r) || stop(r, "%s must be %s", r->member->name, expected(r->member));
}

static int body_on_null(void *ctx) {
    return wrong_kind(ctx);
}

static int read_value(reader *r, const char *p, size_t len) {
    char value[MAX_VALUE + 1];
    if (len > MAX_VALUE || memchr(p, '\0', len) != NULL)
        return stop(r, "%s must be %s", r->member->name, expected(r->member));
    memcpy(value, p, len);
    value[len] = '\0';
    return r->member->read(r->out, r->predict, value, r->why, r->why_size) == 0;
}

static int body_on_boolean(void *ctx, int value) {
    reader *r = ctx;
    if (r->depth == 1 && r->member->kind == SV_PARAMETER_FLAG)
        return value ? read_value(r, "true", 4) : read_value(r, "false", 5);
    return wrong_kind(r);
}

/* A number of the array of rect. */
static int add_number(reader *r, const char *p, size_t len) {
    if (r->value_len + len + 1 > MAX_VALUE)
        return wrong_kind(r);
    if (r->value_len > 0)
        r->value[r->value_len++] = ',';
    memcpy(r->value + r->value_len, p, len);
    r->value_len += len;
    return 1;
}

static int body_on_number(void *ctx, const char *p, size_t len) {
    reader *r = ctx;
    if (r->depth == 2 && !in_strokes(r))
        return add_number(r, p, len);
    if (r->depth == 1 && r->member->kind == SV_PARAMETER_NUMBER)
        return read_value(r, p, len);
    return wrong_kind(r);
}

/* A string with escapes stands in yajl's own buffer: it goes to the end of its place in the text,
 * which is longer. */
static char *in_place(reader *r, const unsigned char *p, size_t len) {
    const char *from = (const char *)p;
    if (from >= r->text && from + len <= r->text + r->len)
        return r->text + (from - r->text);
    char *to = r->text + yajl_get_bytes_consumed(r->parser) - 1 - len;
    memcpy(to, from, len);
    return to;
}

static int body_on_string(void *ctx, const unsigned char *p, size_t len) {
    reader *r = ctx;
    size_t where;
    if (r->depth != 1)
        return wrong_kind(r);
    if (r->member->kind == SV_PARAMETER_TEXT)
        return read_value(r, (const char *)p, len);
    if (r->member->kind != SV_PARAMETER_FILE)
        return wrong_kind(r);
    sv_bytes *file = sv_parameter_place(r->out, r->member);
    *file = (sv_bytes){in_place(r, p, len), len};
    return sv_base64_decode(file->p, &file->len, &where) ||
           stop(r, "%s is not base64: see character %zu", r->member->name, where);
}

static int body_on_key(void *ctx, const unsigned char *key, size_t len) {
    reader *r = ctx;
    if (r->depth > 1)
        return 1;
    r->member = sv_parameter_find(r->out, (const char *)key, len, SV_IN_BODY, r->why, r->why_size);
    return r->member != NULL;
}

static int body_on_start_map(void *ctx) {
    reader *r = ctx;
    if (r->depth > 0 && !in_strokes(r))
        return wrong_kind(r);
    return ++r->depth <= MAX_DEPTH || stop(r, "the body is nested too deeply");
}

static int body_on_start_array(void *ctx) {
    reader *r = ctx;
    bool strokes = r->depth == 1 && r->member->kind == SV_PARAMETER_STROKES;
    bool rect = r->depth == 1 && strcmp(r->member->name, "rect") == 0;
    if (!strokes && !rect && !in_strokes(r))
        return wrong_kind(r);
    if (strokes)
        r->out->strokes.p = r->text + yajl_get_bytes_consumed(r->parser) - 1;
    r->value_len = 0;
    return ++r->depth <= MAX_DEPTH || stop(r, "the body is nested too deeply");
}

static int body_on_end(void *ctx) {
    reader *r = ctx;
    --r->depth;
    return 1;
}

static int body_on_end_array(void *ctx) {
    reader *r = ctx;
    if (--r->depth > 1)
        return 1;
    if (r->member->kind != SV_PARAMETER_STROKES)
        return read_value(r, r->value, r->value_len);
    char *end = r->text + yajl_get_bytes_consumed(r->parser);
    r->out->strokes.len = (size_t)(end - r->out->strokes.p);
    return 1;
}

int sv_body_read(sv_predict_request *out, const sv_predict *predict, char *text, size_t len,
                 char *why, size_t why_size) {
    static const yajl_callbacks callbacks = {.yajl_null = body_on_null,
                                             .yajl_boolean = body_on_boolean,
                                             .yajl_number = body_on_number,
                                             .yajl_string = body_on_string,
                                             .yajl_start_map = body_on_start_map,
                                             .yajl_map_key = body_on_key,
                                             .yajl_end_map = body_on_end,
                                             .yajl_start_array = body_on_start_array,
                                             .yajl_end_array = body_on_end_array};
    reader r = {
        .out = out, .predict = predict, .text = text, .len = len, .why = why, .why_size = why_size};
    if (sv_json_parse_placed(&callbacks, &r, &r.parser, text, len, "the body", why, why_size) != 0)
        return -1;
    return 0;
}
