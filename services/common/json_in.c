#include "json_in.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <yajl/yajl_parse.h>

#define MAX_DEPTH 64

typedef struct reader {
    const char *text, *name;
    size_t len, name_len;
    hr_json_string_found *out;
    int depth;
    bool at_member;    /* the value that follows is the member's */
    const char *wrong; /* a sentence, where it is not the JSON itself that is wrong */
} reader;

static int stop(reader *r, const char *why) {
    r->wrong = why;
    return 0;
}

/* A value that is no string. */
static int other_value(reader *r) {
    if (r->depth == 0)
        return stop(r, "is not a JSON object");
    if (r->at_member)
        return stop(r, "holds a member that should be a string and is not");
    return 1;
}

static int on_null(void *ctx) {
    return other_value(ctx);
}

static int on_boolean(void *ctx, int value) {
    (void)value;
    return other_value(ctx);
}

static int on_number(void *ctx, const char *text, size_t len) {
    (void)text;
    (void)len;
    return other_value(ctx);
}

static int on_string(void *ctx, const unsigned char *value, size_t len) {
    reader *r = ctx;
    const char *p = (const char *)value;
    if (r->depth == 0)
        return stop(r, "is not a JSON object");
    if (!r->at_member)
        return 1;
    r->at_member = false;
    hr_json_string_found *out = r->out;
    out->found = true;
    out->len = len;
    if (p >= r->text && p + len <= r->text + r->len) {
        out->p = (char *)(uintptr_t)p;
        return 1;
    }
    /* It had escapes: yajl's buffer is overwritten by the next one. */
    out->owned = malloc(len + 1);
    if (out->owned == NULL)
        return stop(r, "needs more memory than there is");
    memcpy(out->owned, p, len);
    out->p = out->owned;
    return 1;
}

static int on_key(void *ctx, const unsigned char *key, size_t len) {
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

static int on_start_map(void *ctx) {
    return deeper(ctx, true);
}

static int on_start_array(void *ctx) {
    return deeper(ctx, false);
}

static int on_end(void *ctx) {
    --((reader *)ctx)->depth;
    return 1;
}

static void say_what_is_wrong(const reader *r, yajl_handle parser, bool at_end, char *why,
                              size_t why_size) {
    if (r->wrong != NULL) {
        snprintf(why, why_size, "the body %s", r->wrong);
        return;
    }
    unsigned char *said = yajl_get_error(parser, 0, NULL, 0);
    const char *text = said != NULL ? (const char *)said : "parse error";
    snprintf(why, why_size, "the body is not JSON: %.*s, at byte %zu", (int)strcspn(text, ".\n"),
             text, at_end ? r->len : yajl_get_bytes_consumed(parser));
    yajl_free_error(parser, said);
}

int hr_json_find_string(hr_json_string_found *out, char *text, size_t len, const char *name,
                        char *why, size_t why_size) {
    static const yajl_callbacks callbacks = {.yajl_null = on_null,
                                             .yajl_boolean = on_boolean,
                                             .yajl_number = on_number,
                                             .yajl_string = on_string,
                                             .yajl_start_map = on_start_map,
                                             .yajl_map_key = on_key,
                                             .yajl_end_map = on_end,
                                             .yajl_start_array = on_start_array,
                                             .yajl_end_array = on_end};
    reader r = {.text = text, .len = len, .name = name, .name_len = strlen(name), .out = out};
    *out = (hr_json_string_found){0};
    yajl_handle parser = yajl_alloc(&callbacks, NULL, &r);
    if (parser == NULL) {
        snprintf(why, why_size, "the body needs more memory than there is");
        return -1;
    }
    yajl_status status = yajl_parse(parser, (const unsigned char *)text, len);
    bool at_end = status == yajl_status_ok;
    if (at_end)
        status = yajl_complete_parse(parser);
    if (status != yajl_status_ok) {
        say_what_is_wrong(&r, parser, at_end, why, why_size);
        free(out->owned);
        *out = (hr_json_string_found){0};
    }
    yajl_free(parser);
    return status == yajl_status_ok ? 0 : -1;
}
