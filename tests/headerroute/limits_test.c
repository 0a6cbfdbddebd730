/* Generated or malicious files are either loaded or rejected with a location and a message. */
#define _GNU_SOURCE
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "cases.h"

static const char rules[] = "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: "
                            "{name: a}\nspec:\n  hosts: [a.com]\n"
                            "  http:\n  - route: [{destination: {host: a}}]\n";

/* Loads, and compares what was found; "" stands for a table without a finding. */
static void finds_with(const char *name, hr_str text, const hr_load_options *options,
                       const char *expected) {
    hr_table *table;
    hr_diagnostics *d;
    hr_source source = {.name = "t", .text = text};
    int error = hr_table_load(&table, &d, &source, 1, options);
    char *found = cases_findings(d);
    cr_expect(strcmp(found, expected) == 0, "%s\nexpected:\n%s\nfound:\n%s", name, expected, found);
    bool refused = hr_diagnostics_errors(d) > 0;
    cr_expect(error == (refused ? HR_ECONFIG : HR_OK) && (table == NULL) == refused, "%s: %d", name,
              error);
    free(found);
    hr_diagnostics_free(d);
    hr_table_unref(table);
}

static void finds(const char *name, hr_str text, const char *expected) {
    finds_with(name, text, NULL, expected);
}

typedef struct text {
    char *p;
    size_t len;
} text;

__attribute__((format(printf, 1, 2))) static text made(const char *format, ...) {
    text t;
    va_list args;
    va_start(args, format);
    int n = vasprintf(&t.p, format, args);
    va_end(args);
    cr_assert_geq(n, 0);
    t.len = (size_t)n;
    return t;
}

static text repeated(const char *part, size_t n) {
    text t = {malloc(strlen(part) * n + 1), strlen(part) * n};
    for (size_t i = 0; i < n; i++)
        memcpy(t.p + i * strlen(part), part, strlen(part));
    t.p[t.len] = '\0';
    return t;
}

static void finds_in(const char *name, text t, const char *expected) {
    finds(name, (hr_str){t.p, t.len}, expected);
    free(t.p);
}

/* ---- bytes ---- */

static text utf16(const char *ascii, int big, int mark) {
    size_t n = strlen(ascii) + (size_t)mark, at = 0;
    text t = {malloc(2 * n), 2 * n};
    for (size_t i = 0; i < n; i++) {
        unsigned c = mark && i == 0 ? 0xFEFF : (unsigned char)ascii[i - (size_t)mark];
        t.p[at++] = (char)(big ? c >> 8 : c & 255);
        t.p[at++] = (char)(big ? c & 255 : c >> 8);
    }
    return t;
}

Test(limits, files_are_utf8_or_utf16_with_a_mark) {
    finds_in("a byte order mark", made("\xEF\xBB\xBF%s", rules), "");
    finds_in("two of them", made("\xEF\xBB\xBF\xEF\xBB\xBF%s", rules),
             "1:2: error: kind: is required, for example kind: VirtualService\n"
             "2:1: error: not valid YAML: did not find expected <document start>\n");
    finds_in("UTF-16, little end first", utf16(rules, 0, 1), "");
    finds_in("UTF-16, big end first", utf16(rules, 1, 1), "");
    finds_in("UTF-16 without a mark", utf16(rules, 0, 0),
             "1:2: error: not valid YAML: control characters are not allowed\n");
    text cut = utf16(rules, 0, 1);
    cut.len--;
    finds_in("half a character at the end", cut,
             "7:38: error: not valid YAML: incomplete UTF-16 character\n");
    finds("half a pair",
          HR_STR("\xFF\xFE"
                 "a\0:\0 \0\0\xD8x\0"),
          "1:5: error: not valid YAML: expected low surrogate area\n");
    finds("Latin-1", HR_STR("a: \xE4.com\n"),
          "1:5: error: not valid YAML: invalid trailing UTF-8 octet\n");
    finds("a longer form than needed", HR_STR("a: \xC0\x80\n"),
          "1:4: error: not valid YAML: invalid length of a UTF-8 sequence\n");
    finds("a surrogate in UTF-8", HR_STR("a: \xED\xA0\x80\n"),
          "1:4: error: not valid YAML: invalid Unicode character\n");
    finds("beyond Unicode", HR_STR("a: \xF4\x90\x80\x80\n"),
          "1:4: error: not valid YAML: invalid Unicode character\n");
}

Test(limits, zero_bytes_are_refused) {
    finds("a zero alone", HR_STR("\0"),
          "1:1: error: not valid YAML: control characters are not allowed\n");
    finds("in a word", HR_STR("a: b\0c\n"),
          "1:5: error: not valid YAML: control characters are not allowed\n");
    finds("behind the last document", HR_STR("---\n# a\n\0"),
          "3:1: error: not valid YAML: control characters are not allowed\n");
    finds("an escaped one in a name",
          HR_STR("apiVersion: v1\nkind: Service\nmetadata: {name: \"a\\0b\"}\nspec: {ports: "
                 "[{port: 80}]}\n"),
          "3:18: error: metadata.name: \"a\" is not a valid resource name; expected lower-case "
          "letters, digits, '-' and '.'\n");
}

/* ---- sizes ---- */

Test(limits, long_values_leave_room_for_what_is_wrong) {
    text host = repeated("x", 1 << 20);
    text yaml = made("apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: "
                     "a}\nspec:\n  hosts: [%s]\n"
                     "  http:\n  - route: [{destination: {host: a}}]\n",
                     host.p);
    text expected = made("5:11: error: spec.hosts[0]: \"%.599s[...]%.341s\" is not a valid host: "
                         "it must not be longer than 255 bytes\n",
                         host.p, host.p);
    finds_in("a host of a mebibyte", yaml, expected.p);
    free(expected.p);
    for (size_t i = 0; i + 1 < host.len; i += 2)
        memcpy(host.p + i, "\xC3\xA4", 2);
    yaml = made("apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: "
                "a}\nspec:\n  hosts: [%s]\n"
                "  http:\n  - route: [{destination: {host: a}}]\n",
                host.p);
    expected = made("5:11: error: spec.hosts[0]: \"%.598s[...]%.340s\" is not a valid host: it "
                    "must not be longer than 255 bytes\n",
                    host.p, host.p);
    finds_in("one of two bytes a letter", yaml, expected.p);
    free(expected.p);
    free(host.p);
}

Test(limits, keys_beyond_yamls_limit_are_refused) {
    text key = repeated("k", 2000);
    finds_in("longer than YAML has them", made("%s: 1\n", key.p),
             "1:2001: error: not valid YAML: mapping values are not allowed in this context\n");
    free(key.p);
}

Test(limits, a_quote_that_stays_open_is_refused_at_the_end) {
    text long_text = repeated("x", 1 << 20);
    finds_in("to the end of a mebibyte", made("a: \"%s", long_text.p),
             "1:1048581: error: not valid YAML: found unexpected end of stream (while scanning a "
             "quoted scalar, line 1)\n");
    free(long_text.p);
}

Test(limits, files_are_limited) {
    hr_load_options options = HR_LOAD_OPTIONS_INIT;
    options.max_bytes = sizeof(rules) - 1;
    finds_with("of the very size", hr_str_from(rules), &options, "");
    options.max_bytes--;
    hr_table *table;
    hr_diagnostics *d;
    hr_source source = {.name = "t", .text = hr_str_from(rules)};
    cr_expect_eq(hr_table_load(&table, &d, &source, 1, &options), HR_EIO);
    char *found = cases_findings(d), *expected;
    cr_assert_gt(asprintf(&expected,
                          " error: is larger than the limit of %zu bytes (option max_bytes)\n",
                          options.max_bytes),
                 0);
    cr_expect_str_eq(found, expected);
    free(found);
    free(expected);
    hr_diagnostics_free(d);
}

Test(limits, documents_are_not_limited_in_number) {
    finds_in("empty ones", repeated("---\n", 100000), "");
    text one = made("%s---\n", rules);
    text three = repeated(one.p, 3);
    finds_in("the same three times", three,
             "9:1: error: VirtualService default/a is given twice: first at t:1:1\n"
             "17:1: error: VirtualService default/a is given twice: first at t:1:1\n");
    free(one.p);
    hr_load_options options = HR_LOAD_OPTIONS_INIT;
    options.max_nodes = 1000;
    text many = repeated("---\napiVersion: apps/v1\nkind: X\n", 1000);
    finds_with("more nodes than a load may have", (hr_str){many.p, many.len}, &options,
               "602:1: error: the configuration has too many YAML nodes (option max_nodes)\n");
    free(many.p);
}

Test(limits, what_serves_refuses_what_it_cannot_act_on) {
    hr_str yaml = HR_STR(
        "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: a}\nspec:\n"
        "  host: a\n  trafficPolicy:\n    connectionPool:\n      tcp:\n"
        "        maxConnections: 1\n    proxyProtocol: {version: V2}\n---\n"
        "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: a}\n");
    static const char *const findings =
        "10:20: %s: spec.trafficPolicy.proxyProtocol: is not supported: it changes no routing "
        "decision\n12:1: warning: AuthorizationPolicy is not evaluated (1 resource): every request "
        "is treated as allowed\n";
    hr_load_options options = HR_LOAD_OPTIONS_INIT;
    for (unsigned version = 1; version <= 2; version++)
        for (options.serves = 0; options.serves <= 1; options.serves++) {
            bool refuses = version == 2 && options.serves;
            const char *severity = refuses ? "error" : "warning";
            char expected[1024];
            snprintf(expected, sizeof(expected), findings, severity);
            options.version = version;
            finds_with("what serves", yaml, &options, expected);
        }
}

Test(limits, nesting_is_limited) {
    text deep = repeated("[", 100000);
    finds_in("brackets", deep,
             "1:65: error: the YAML is nested deeper than 64 levels (option max_depth)\n");
    finds_in("dashes", repeated("- ", 100000),
             "1:129: error: the YAML is nested deeper than 64 levels (option max_depth)\n");
    hr_load_options options = HR_LOAD_OPTIONS_INIT;
    options.max_depth = 3;
    finds_with("three levels", HR_STR("a: {b: {c: {}}}\n"), &options,
               "1:12: error: the YAML is nested deeper than 3 levels (option max_depth)\n");
}

Test(limits, aliases_that_multiply_are_refused) {
    char yaml[4096];
    int n = sprintf(yaml, "a: &a [x,x,x,x,x,x,x,x,x]\n");
    for (char c = 'b'; c <= 'z'; c++) {
        n += sprintf(yaml + n, "%c: &%c [", c, c);
        for (int i = 0; i < 9; i++)
            n += sprintf(yaml + n, "%s*%c", i == 0 ? "" : ",", c - 1);
        n += sprintf(yaml + n, "]\n");
    }
    finds("a billion laughs, and more", (hr_str){yaml, (size_t)n},
          "4:17: error: the document grows too large through its aliases\n");
    finds("one that holds itself", HR_STR("&x {a: *x}\n"),
          "1:8: error: the anchor &x contains itself\n");
    finds("one of another document", HR_STR("---\n&x a\n---\n*x\n"),
          "2:1: error: expected a Kubernetes resource (a map), got a string\n"
          "4:1: error: the alias refers to the unknown anchor &x\n");
}

/* ---- messages ---- */

Test(limits, a_key_given_twice_is_reported_once) {
    finds_in("http", made("%s  http: []\n", rules),
             "8:3: error: the key \"http\" is given twice (first on line 6)\n");
}

Test(limits, a_message_is_one_line) {
    finds(
        "a host with a line end and an escape",
        HR_STR(
            "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: a}\nspec:\n"
            "  hosts: [\"a\\nt:1:1: error: \\e[31m\"]\n  http:\n  - route: [{destination: {host: "
            "a}}]\n"),
        "5:11: error: spec.hosts[0]: \"a\\x0at:1:1: error: \\x1b[31m\" is not a valid host: its "
        "first label must be letters, digits "
        "and '-', or '*', or begin with '*'\n");
    finds("a field with one",
          HR_STR("apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: "
                 "a}\nspec: {\"a\\tb\": 1, hosts: [a.com], "
                 "http: [{route: [{destination: {host: a}}]}]}\n"),
          "4:8: error: spec.a\\x09b: unknown field of VirtualService, which Kubernetes drops\n");
}

Test(limits, the_linter_reports_a_host_once) {
    hr_load_options options = HR_LOAD_OPTIONS_INIT;
    options.lint = 1;
    text files = made("%s---\napiVersion: v1\nkind: Service\nmetadata: {name: b}\n"
                      "spec: {ports: [{port: 80}]}\n",
                      rules);
    finds_with("a host without a Service", (hr_str){files.p, files.len}, &options,
               "7:34: warning: spec.http[0].route[0].destination.host: a.default.svc.cluster.local "
               "is not the host of "
               "any Service or ServiceEntry: requests fail with 503 [host-unknown]\n");
    free(files.p);
}

Test(limits, a_tab_must_not_indent) {
    finds("for a blank", HR_STR("a:\n\tb: c"),
          "2:1: error: not valid YAML: found character that cannot start any token "
          "(while scanning for the next token, line 2)\n");
    finds("behind a colon they are fine",
          HR_STR("apiVersion:\tv1\nkind:\tService\nmetadata:\t{name: a}\nspec:\t{ports: [{port: "
                 "80}]}\n"),
          "");
}
