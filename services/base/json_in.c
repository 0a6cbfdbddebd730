/* Reads one string member of a JSON object without building a tree. */
#include "json_in.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json_parse.h"

#define MAX_DEPTH 64

typedef struct reader {
    char *text, *why;
    const char *name;
    size_t len, name_len, why_size;
    hr_json_string_found *out;
    int depth;
    bool at_member; /* the value that follows is the member's */
} reader;

static int stop(reader *r, const char *wrong) {
    snprintf(r->why, r->why_size, "the body %s", wrong);
    return 0;
}

/* Handles a value that is not a string. */
static int other_value(reader *r) {
    if (r->depth == 0)
        return stop(r, "is not a JSON object");
    if (r->at_member)
        return stop(r, "holds a member that should be a string and is not");
    return 1;
}

static int json_on_null(void *ctx) {
    return other_value(ctx);
}

static int json_on_boolean(void *ctx, int value) {
    (void)value;
    return other_value(ctx);
}

static int json_on_number(void *ctx, const char *text, size_t len) {
    (void)text;
    (void)len;
    return other_value(ctx);
}

static int json_on_string(void *ctx, const unsigned char *value, size_t len) {
    reader *r = ctx;
    if (r->depth == 0)
        return stop(r, "is not a JSON object");
    if (!r->at_member)
        return 1;
    r->at_member = false;
    hr_json_string_found *out = r->out;
    out->found = true;
    out->len = len;
    out->p = hr_json_keep(r->text, r->len, value, len, &out->owned);
    if (out->p == NULL)
        return stop(r, "needs more memory than there is");
    return 1;
}

static int json_on_key(void *ctx, const unsigned char *key, size_t len) {
    reader *r = ctx;
    if (r->depth != 1 || len != r->name_len || memcmp(key, r->name, len) != 0)
        return 1;
    if (r->out->found)
        return stop(r, "holds a member twice");
    r->at_member = true;
    return 1;
}

static int deeper(reader *r, bool is_object) {
    if (r->depth == 0 ? !is_object : r->at_member)
        return other_value(r);
    if (++r->depth > MAX_DEPTH)
        return stop(r, "is nested too deeply");
    return 1;
}

static int json_on_start_map(void *ctx) {
    return deeper(ctx, true);
}

static int json_on_start_array(void *ctx) {
    return deeper(ctx, false);
}

static int json_on_end(void *ctx) {
    --((reader *)ctx)->depth;
    return 1;
}

int hr_json_find_string(hr_json_string_found *out, char *text, size_t len, const char *name,
                        char *why, size_t why_size) {
    static const yajl_callbacks callbacks = {.yajl_null = json_on_null,
                                             .yajl_boolean = json_on_boolean,
                                             .yajl_number = json_on_number,
                                             .yajl_string = json_on_string,
                                             .yajl_start_map = json_on_start_map,
                                             .yajl_map_key = json_on_key,
                                             .yajl_end_map = json_on_end,
                                             .yajl_start_array = json_on_start_array,
                                             .yajl_end_array = json_on_end};
    reader r = {.text = text,
                .why = why,
                .name = name,
                .len = len,
                .name_len = strlen(name),
                .why_size = why_size,
                .out = out};
    *out = (hr_json_string_found){0};
    if (hr_json_parse(&callbacks, &r, text, len, "the body", why, why_size) == 0)
        return 0;
    free(out->owned);
    *out = (hr_json_string_found){0};
    return -1;
}
