/* Headers from bodies: which rules are accepted, and which values bodies and paths have. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "body_header.h"

Test(body_header, rules) {
    static const struct {
        const char *text;
        int ok;
    } rows[] = {
        {"x-model=$.model", 1},
        {"X-Model=$.a.b.c", 1},
        {"x-model=model_name", 1},
        {"x-model=$.a.b.c.d.e.f.g.h", 1},
        {"x-model=$.a.b.c.d.e.f.g.h.i", 0},
        {"x-model", 0},
        {"=$.model", 0},
        {"x model=$.model", 0},
        {"x-model=", 0},
        {"x-model=$", 0},
        {"x-model=$.", 0},
        {"x-model=$.a.", 0},
        {"x-model=$..a", 0},
        {"x-model=$.a[0]", 0},
        {"x-model=model", 0},
        {"host=$.model", 0},
        {"Content-Length=$.n", 0},
        {":authority=$.model", 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        sv_body_rule rule;
        char why[128] = "";
        int result = sv_body_rule_parse(&rule, rows[i].text, why, sizeof(why));
        cr_assert_eq(result, rows[i].ok ? 0 : -1, "%s", rows[i].text);
        cr_assert_eq(why[0] == '\0', rows[i].ok != 0, "%s", rows[i].text);
    }
}

/* The value of `path` in `text`, which is read in pieces of this size; absent: "-". */
static const char *value_in(const char *path, const char *text, size_t step) {
    static char value[SV_BODY_MAX_VALUE + 1];
    char rule_text[128], why[128];
    sv_body_rule rule;
    snprintf(rule_text, sizeof(rule_text), "x=%s", path);
    cr_assert_eq(sv_body_rule_parse(&rule, rule_text, why, sizeof(why)), 0, "%s", path);
    sv_body_reader *reader = sv_body_reader_new(&rule, 1);
    cr_assert_not_null(reader);
    size_t len = strlen(text), at = 0;
    while (at < len) {
        at += step < len - at ? step : len - at;
        if (!sv_body_reader_read(reader, text, at, at == len))
            break;
    }
    sv_body_reader_end(reader);
    hr_str found = sv_body_reader_value(reader, 0);
    if (found.p != NULL)
        memcpy(value, found.p, found.len);
    strcpy(value + found.len, found.p == NULL ? "-" : "");
    sv_body_reader_free(reader);
    return value;
}

Test(body_header, members) {
    static const struct {
        const char *path, *text, *value;
    } rows[] = {
        {"$.model", "{\"model\":\"gpt-oss\"}", "gpt-oss"},
        {"$.model", " {\"messages\":[{\"model\":\"no\"}],\"model\":\"yes\"} ", "yes"},
        {"$.model", "{\"a\":{\"model\":\"no\"},\"model\":\"yes\"}", "yes"},
        {"$.model", "{\"a\":{\"model\":\"no\"}}", "-"},
        {"$.a.model", "{\"a\":{\"model\":\"yes\"},\"model\":\"no\"}", "yes"},
        {"$.a.model", "{\"a\":{\"b\":{\"model\":\"no\"}}}", "-"},
        {"$.a.model", "{\"b\":{\"model\":\"no\"}}", "-"},
        {"$.a.model", "{\"a\":[{\"model\":\"no\"}]}", "-"},
        {"$.a.model", "{\"a\":{},\"b\":{\"model\":\"no\"}}", "-"},
        {"$.n", "{\"n\":1.50e3}", "1.50e3"},
        {"$.n", "{\"n\":true}", "true"},
        {"$.n", "{\"n\":null}", "-"},
        {"$.n", "{\"n\":{}}", "-"},
        {"$.n", "{\"n\":[\"a\"]}", "-"},
        {"$.n", "{\"n\":\"\"}", "-"},
        {"$.n", "{\"n\":\" blank\"}", "-"},
        {"$.n", "{\"n\":\"a\\r\\nx-admin: 1\"}", "-"},
        {"$.n", "{\"n\":\"a\\u0000b\"}", "-"},
        {"$.n", "{\"n\":\"caf\\u00e9\"}", "caf\xc3\xa9"},
        {"$.n", "{\"\\u006e\":\"escaped\"}", "escaped"},
        /* Parsers disagree on which of two members counts. */
        {"$.n", "{\"n\":\"a\",\"n\":\"b\"}", "-"},
        {"$.n", "{\"n\":\"a\",\"n\":null}", "-"},
        {"$.a.n", "{\"a\":{\"n\":\"a\"},\"a\":{\"n\":\"b\"}}", "-"},
        /* not JSON, or no object */
        {"$.n", "{\"n\":\"a\"", "-"},
        {"$.n", "{\"n\":\"a\",}", "-"},
        {"$.n", "{\"n\":\"a\" \"m\":1}", "-"},
        {"$.n", "[{\"n\":\"a\"}]", "-"},
        {"$.n", "\"n\"", "-"},
        {"$.n", "n=a", "-"},
        {"$.n", "\x89PNG\r\n", "-"},
        {"$.n", "", "-"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        for (size_t step = 1; step <= 64; step = step * 4 + 3)
            cr_assert_str_eq(value_in(rows[i].path, rows[i].text, step), rows[i].value,
                             "%s of %s in pieces of %zu", rows[i].path, rows[i].text, step);
}

Test(body_header, long_values_are_left_out) {
    char text[SV_BODY_MAX_VALUE + 64];
    for (size_t len = SV_BODY_MAX_VALUE; len <= SV_BODY_MAX_VALUE + 1; len++) {
        int at = sprintf(text, "{\"n\":\"");
        memset(text + at, 'a', len);
        strcpy(text + at + len, "\"}");
        cr_assert_eq(strlen(value_in("$.n", text, 100)), len == SV_BODY_MAX_VALUE ? len : 1);
    }
}

Test(body_header, models_of_paths) {
    static const struct {
        const char *path, *model;
    } rows[] = {
        {"/v2/models/grabcut/infer", "grabcut"},
        {"/v2/models/grabcut/versions/1/infer", "grabcut"},
        {"/v2/models/grabcut", "grabcut"},
        {"/v2/models/grabcut?x=/infer", "grabcut"},
        {"/v2/models/a%2Fb/infer", "a/b"},
        {"/v2/models/a%0d%0ab/infer", "-"},
        {"/v2/models/a%2", "-"},
        {"/v2/models/", "-"},
        {"/v2/models//infer", "-"},
        {"/v2/health/live", "-"},
        {"/v1/models/a", "-"},
        {"*", "-"},
    };
    char buf[SV_BODY_MAX_VALUE];
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        hr_str path = {rows[i].path, strlen(rows[i].path)};
        hr_str model = sv_body_model_of_path(path, buf, sizeof(buf));
        if (model.p == NULL)
            model = HR_STR("-");
        cr_assert(model.len == strlen(rows[i].model) &&
                      memcmp(model.p, rows[i].model, model.len) == 0,
                  "%s", rows[i].path);
    }
}

static double cpu_of_pieces(const char *text, size_t len, size_t step) {
    sv_body_rule rule;
    char why[128];
    cr_assert_eq(sv_body_rule_parse(&rule, "x=$.a", why, sizeof(why)), 0);
    clock_t began = clock();
    sv_body_reader *reader = sv_body_reader_new(&rule, 1);
    for (size_t at = step; at <= len; at += step)
        cr_assert(sv_body_reader_read(reader, text, at, false));
    sv_body_reader_free(reader);
    return (double)(clock() - began);
}

/* Reading an unfinished token again for each piece would take thousands of times as long. */
Test(body_header, pieces_of_a_long_token_cost_no_more) {
    size_t len = (size_t)1 << 19;
    char *text = malloc(len);
    cr_assert_not_null(text);
    for (int number = 0; number < 2; number++) {
        memset(text, '1', len);
        memcpy(text, number ? "{\"a\":1" : "{\"a\":\"", 6);
        double whole = cpu_of_pieces(text, len, len), pieces = cpu_of_pieces(text, len, 16);
        cr_expect(pieces < 100 * (whole + 1000), "%f and %f", pieces, whole);
    }
    free(text);
}
