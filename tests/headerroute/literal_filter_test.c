/* Regexes that are ruled out by the texts they require: decisions are those of regexes that are run
 * one by one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "harness.h"
#include "regex.h"

enum { RULES = 40, ROUNDS = 3000, LONGEST = 64 };

/* Patterns of the kinds that have texts in them, and of those that have none. */
static const char *const forms[] = {
    ".*[a-z]x%d[a-f]?.*",
    "^(.*?;)?(u=n%d)(;.*)?$",
    ".*x%d",
    ".*(b%d|c).*x",
    "(?i).*x%d.*",
    "a.*x%d",
    ".*long-text-%d-y.*",
    ".*-%d-b",
    "[a-c]*",
    ".*x+%d(;u=n)?.*",
};
enum { FORMS = sizeof(forms) / sizeof(forms[0]) };

static const char *const pieces[] = {
    "ax1", "x", "1",          "2",   ";",    "u=n1", "u=n",           "3;", "b1", "c", "X2", "a",
    "-",   "y", "long-text-", "1-y", "-4-b", "xx",   "long-text-2-y", "b"};
enum { PIECES = sizeof(pieces) / sizeof(pieces[0]) };

static const char *pattern_of(char *buf, size_t size, int rule) {
    snprintf(buf, size, forms[rule % FORMS], rule / FORMS + 1);
    return buf;
}

/* Each rule has a regex about the same subject. */
static hr_view *view_of(hr_repeated_headers repeated) {
    char *yaml, pattern[LONGEST];
    size_t size;
    FILE *f = open_memstream(&yaml, &size);
    fputs("apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: a}\nspec:\n"
          "  hosts: [reviews]\n  http:\n",
          f);
    for (int i = 0; i < RULES; i++)
        fprintf(f,
                "  - match: [{headers: {x: {regex: '%s'}}}]\n    route: [{destination: {host: "
                "reviews}}]\n",
                pattern_of(pattern, sizeof(pattern), i));
    fputs("  - route: [{destination: {host: reviews}}]\n---\n", f);
    char *mesh = hrt_mesh();
    fputs(mesh, f);
    free(mesh);
    fclose(f);
    hr_table *table = hrt_load(yaml);
    free(yaml);
    hr_view_options options = HR_VIEW_OPTIONS_INIT;
    options.repeated_headers = repeated;
    hr_view *view;
    cr_assert_eq(hr_view_new(&view, table, &options), HR_OK);
    hr_table_unref(table);
    return view;
}

static uint32_t random_number(uint32_t *state) {
    *state = *state * 1664525 + 1013904223;
    return *state >> 8;
}

static hr_str random_value(char *buf, size_t size, uint32_t *state) {
    size_t n = 0;
    for (uint32_t left = random_number(state) % 6; left > 0; left--)
        n += (size_t)snprintf(buf + n, size - n, "%s", pieces[random_number(state) % PIECES]);
    return (hr_str){buf, n};
}

/* The first rule of which one of the values is a match. */
static int expected_rule(hr_regex *const *regexes, const hr_pair *values, size_t n) {
    for (int rule = 0; rule < RULES; rule++)
        for (size_t i = 0; i < n; i++)
            if (hr_regex_match(regexes[rule], values[i].value))
                return rule;
    return RULES;
}

static void compare(hr_repeated_headers repeated, size_t n_values) {
    hr_view *view = view_of(repeated);
    hr_regex *regexes[RULES];
    hr_scratch *scratch;
    char pattern[LONGEST], values[3][8 * LONGEST];
    uint32_t state = 20261130;
    size_t taken = 0;
    cr_assert_eq(hr_scratch_new(&scratch), HR_OK);
    for (int i = 0; i < RULES; i++)
        cr_assert_eq(hr_regex_new(&regexes[i], NULL,
                                  hr_str_from(pattern_of(pattern, sizeof(pattern), i)), NULL, 0),
                     HR_OK);
    for (int round = 0; round < ROUNDS; round++) {
        hr_pair headers[3];
        hr_decision d = HR_DECISION_INIT;
        for (size_t i = 0; i < n_values; i++)
            headers[i] = (hr_pair){HR_STR("x"), random_value(values[i], sizeof(values[i]), &state)};
        hr_request request = HR_REQUEST_INIT;
        request.authority = HR_STR("reviews");
        request.path = HR_STR("/");
        request.headers = headers;
        request.n_headers = n_values;
        cr_assert_eq(hr_route(&d, view, &request, scratch), HR_OK);
        int expected = expected_rule(regexes, headers, n_values);
        cr_assert_eq(d.route_index, expected, "%.*s: rule %d, not %d", (int)headers[0].value.len,
                     headers[0].value.p, d.route_index, expected);
        taken += expected < RULES;
    }
    cr_expect(taken > ROUNDS / 10 && taken < ROUNDS * 19 / 20, "%zu of %d", taken, ROUNDS);
    for (int i = 0; i < RULES; i++)
        hr_regex_free(regexes[i]);
    hr_scratch_free(scratch);
    hr_view_unref(view);
}

Test(literal_filter, one_value) {
    compare(HR_REPEATED_JOINED, 1);
}

Test(literal_filter, values_one_by_one) {
    compare(HR_REPEATED_EACH, 3);
}
