/* YAML documents as JSON values, and their comparison. */
#include "document_json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

json_t *cli_document_json(const hr_document *document, hr_scratch *scratch) {
    hr_str text;
    if (hr_document_json(&text, document, (hr_str){0}, scratch) != HR_OK)
        return json_null();
    json_t *json = json_loadb(text.p, text.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    return json == NULL ? json_null() : json; /* jansson has no keys with a zero byte */
}

json_t *cli_json_text(hr_str s) {
    json_t *text = json_stringn(s.p == NULL ? "" : s.p, s.len);
    if (text != NULL)
        return text;
    char *utf8 = cli_realloc(NULL, s.len * 2 + 1);
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c >= 0x80)
            utf8[n++] = (char)(0xC0 | c >> 6);
        utf8[n++] = (char)(c < 0x80 ? c : 0x80 | (c & 0x3F));
    }
    text = json_stringn(utf8, n);
    free(utf8);
    return text;
}

void cli_json_drop_nulls(json_t *json) {
    const char *key;
    json_t *value;
    size_t i;
    void *next;
    json_array_foreach(json, i, value) cli_json_drop_nulls(value);
    json_object_foreach_safe(json, next, key, value) {
        if (json_is_null(value))
            json_object_del(json, key);
        else
            cli_json_drop_nulls(value);
    }
}

/* ---- comparing ---- */

/* Appends a key or an index to the path; returns what to cut it back to. */
static size_t enter(cli_json_difference *at, const char *key, size_t index) {
    size_t before = strlen(at->where), left = sizeof(at->where) - before;
    if (key != NULL)
        snprintf(at->where + before, left, ".%s", key);
    else
        snprintf(at->where + before, left, "[%zu]", index);
    return before;
}

static bool differs(cli_json_difference *at, const json_t *have, const json_t *want) {
    at->have = have;
    at->want = want;
    return false;
}

static bool covers(const json_t *actual, const json_t *expected, cli_json_difference *at);

static bool object_covers(const json_t *actual, const json_t *expected, cli_json_difference *at) {
    const char *key;
    json_t *value;
    if (!json_is_object(actual))
        return differs(at, actual, expected);
    json_object_foreach((json_t *)expected, key, value) {
        size_t before = enter(at, key, 0);
        const json_t *have = json_object_get(actual, key);
        if (have == NULL)
            return differs(at, have, value);
        if (!covers(have, value, at))
            return false;
        at->where[before] = '\0';
    }
    return true;
}

static bool array_covers(const json_t *actual, const json_t *expected, cli_json_difference *at) {
    if (!json_is_array(actual) || json_array_size(actual) != json_array_size(expected))
        return differs(at, actual, expected);
    for (size_t i = 0; i < json_array_size(expected); i++) {
        size_t before = enter(at, NULL, i);
        if (!covers(json_array_get(actual, i), json_array_get(expected, i), at))
            return false;
        at->where[before] = '\0';
    }
    return true;
}

static bool covers(const json_t *actual, const json_t *expected, cli_json_difference *at) {
    if (json_is_object(expected))
        return object_covers(actual, expected, at);
    if (json_is_array(expected))
        return array_covers(actual, expected, at);
    bool equal = json_is_number(expected)
                     ? json_is_number(actual) &&
                           fabs(json_number_value(actual) - json_number_value(expected)) < 1e-9
                     : json_equal(actual, expected);
    return equal || differs(at, actual, expected);
}

bool cli_json_covers(const json_t *actual, const json_t *expected, cli_json_difference *first) {
    *first = (cli_json_difference){0};
    return covers(actual, expected, first);
}
