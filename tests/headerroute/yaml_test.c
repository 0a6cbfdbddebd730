/* YAML text to nodes: kinds, places, limits. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cases.h"
#include "diag.h"
#include "scalar.h"
#include "yaml_node.h"
#include "yaml_parse.h"

static hr_arena *arena;
static hr_diagnostics *diagnostics;
static hr_yaml_budget budget;

static void setup(void) {
    arena = hr_arena_new();
    diagnostics = hr_diagnostics_new();
    budget = (hr_yaml_budget){.max_depth = 64, .nodes = 1000000};
}

static void teardown(void) {
    hr_diagnostics_free(diagnostics);
    hr_arena_free(arena);
}

TestSuite(yaml, .init = setup, .fini = teardown);

/* All documents, each shown as JSON with its keys in order, one a line. */
static void show(FILE *to, const hr_node *node) {
    const char *comma = "";
    switch (node->kind) {
    case HR_NODE_STRING:
        fprintf(to, "\"%.*s\"", (int)node->u.text.len, node->u.text.p);
        return;
    case HR_NODE_NULL:
        fputs("null", to);
        return;
    case HR_NODE_BOOL:
    case HR_NODE_INT:
    case HR_NODE_FLOAT:
        fprintf(to, "%.*s", (int)node->u.text.len, node->u.text.p);
        return;
    case HR_NODE_LIST:
        fputc('[', to);
        for (const hr_node *i = node->u.children.first; i != NULL; i = i->next, comma = ",") {
            fputs(comma, to);
            show(to, i);
        }
        fputc(']', to);
        return;
    case HR_NODE_MAP:
        fputc('{', to);
        for (const hr_node *k = node->u.children.first; k != NULL; k = k->next, comma = ",") {
            fprintf(to, "%s\"%.*s\":", comma, (int)k->u.text.len, k->u.text.p);
            show(to, k->value);
        }
        fputc('}', to);
        return;
    }
}

static char shown[4096];

/* The documents, then the findings, in `shown`. */
static const char *parse(hr_str text) {
    FILE *to = fmemopen(shown, sizeof(shown), "w");
    hr_yaml *yaml = hr_yaml_open(HR_STR("t"), text, &budget, diagnostics);
    const hr_node *document;
    for (;;) {
        cr_assert(eq(int, hr_yaml_next(&document, yaml, arena), HR_OK));
        if (document == NULL)
            break;
        show(to, document);
        fputc('\n', to);
    }
    hr_yaml_close(yaml);
    char *findings = cases_findings(diagnostics);
    fputs(findings, to);
    fputc('\0', to);
    fclose(to);
    free(findings);
    return shown;
}

typedef struct row {
    const char *name, *yaml, *expected;
} row;

static void check(const row *rows, size_t n) {
    for (size_t i = 0; i < n; i++) {
        teardown();
        setup();
        const char *got = parse(hr_str_from(rows[i].yaml));
        cr_expect(strcmp(got, rows[i].expected) == 0, "%s\nexpected:\n%s\ngot:\n%s", rows[i].name,
                  rows[i].expected, got);
    }
}
#define CHECK(rows) check((rows), sizeof(rows) / sizeof((rows)[0]))

/* The same for tests/headerroute/fixtures/NAME.txt. The line end before "--- read" is not part of a
 * case's text. Returns the number of cases. */
static size_t check_file(const char *name) {
    case_file file = cases_read(name, "--- read\n");
    size_t n = file.n;
    for (size_t i = 0; i < n; i++) {
        char *text = file.cases[i].yaml;
        text[strlen(text) - 1] = '\0';
        check(&(row){file.cases[i].name, text, file.cases[i].expected}, 1);
    }
    cases_free(&file);
    return n;
}

Test(yaml, documents_are_read_one_by_one) {
    static const row rows[] = {
        {"no text", "", ""},
        {"byte order mark",
         "\xEF\xBB\xBF"
         "a: b",
         "{\"a\":\"b\"}\n"},
        {"line ends of Windows", "a: b\r\nc: d\r\n", "{\"a\":\"b\",\"c\":\"d\"}\n"},
    };
    CHECK(rows);
    cr_assert(ge(sz, check_file("yaml/documents"), 8));
}

/* As go-yaml reads them, which Kubernetes' tools use. */
Test(yaml, colons_inside_plain_scalars_of_flow_collections) {
    static const row rows[] = {
        {"before a bracket", "a: [2001:db8::]\n", "{\"a\":[\"2001:db8::\"]}\n"},
        {"before a comma", "a: [1.2.3.4, 2001:db8::, b]\n",
         "{\"a\":[\"1.2.3.4\",\"2001:db8::\",\"b\"]}\n"},
        {"before a brace", "{a: b:}\n", "{\"a\":\"b:\"}\n"},
        {"in a later document", "a: [1]\n---\nb: [x::]\n---\nc: [y::]\n",
         "{\"a\":[1]}\n{\"b\":[\"x::\"]}\n{\"c\":[\"y::\"]}\n"},
        {"other scalars stay",
         "a: [x::]\nb: 'y:,'\nc: \"z:]\"\nd: p:]\n# q:,\ne: |\n  r:}\nf: {\"s\":[1],t: [u]}\n",
         "{\"a\":[\"x::\"],\"b\":\"y:,\",\"c\":\"z:]\",\"d\":\"p:]\",\"e\":\"r:}\n\",\"f\":{\"s\":["
         "1],\"t\":[\"u\"]}}\n"},
        {"places stay", "a: [x::, y::, *z]\n",
         "1:15: error: the alias refers to the unknown anchor &z\n"},
        {"the character that is used meanwhile may occur", "a: [x::, \"\xEE\x80\x80\"]\n",
         "{\"a\":[\"x::\",\"\xEE\x80\x80\"]}\n"},
        {"or as an escape, where libyaml's answer stays", "a: [x::, \"\\ue000\"]\n",
         "1:7: error: not valid YAML: found unexpected ':' (while scanning a plain scalar, line "
         "1)\n"},
        {"another mistake stays one", "a: [x::]\nb: [\n",
         "3:1: error: not valid YAML: did not find "
         "expected node content (while parsing a flow node, line 3)\n"},
    };
    CHECK(rows);
}

Test(yaml, scalars_have_the_kind_that_kubectl_gives_them) {
    static const struct {
        const char *text;
        hr_node_kind kind;
    } rows[] = {
        {"", HR_NODE_NULL},
        {"~", HR_NODE_NULL},
        {"null", HR_NODE_NULL},
        {"Null", HR_NODE_NULL},
        {"nULL", HR_NODE_STRING},
        {"true", HR_NODE_BOOL},
        {"True", HR_NODE_BOOL},
        {"tRUE", HR_NODE_STRING},
        {"y", HR_NODE_BOOL},
        {"Y", HR_NODE_BOOL},
        {"n", HR_NODE_BOOL},
        {"yes", HR_NODE_BOOL},
        {"NO", HR_NODE_BOOL},
        {"on", HR_NODE_BOOL},
        {"Off", HR_NODE_BOOL},
        {"oN", HR_NODE_STRING},
        {"yess", HR_NODE_STRING},
        {"0", HR_NODE_INT},
        {"-1", HR_NODE_INT},
        {"+1", HR_NODE_INT},
        {"1_000", HR_NODE_INT},
        {"0x1F", HR_NODE_INT},
        {"0b101", HR_NODE_INT},
        {"-0b1", HR_NODE_INT},
        {"0o17", HR_NODE_INT},
        {"017", HR_NODE_INT},
        {"08", HR_NODE_INT},
        {"1e3", HR_NODE_INT},
        {"1.0", HR_NODE_INT},
        {"9223372036854775807", HR_NODE_INT},
        {"18446744073709551615", HR_NODE_INT},
        {"18446744073709551616", HR_NODE_FLOAT},
        {"1.5", HR_NODE_FLOAT},
        {".5", HR_NODE_FLOAT},
        {"-.5", HR_NODE_FLOAT},
        {"1.5e-3", HR_NODE_FLOAT},
        {".inf", HR_NODE_FLOAT},
        {"-.Inf", HR_NODE_FLOAT},
        {".NaN", HR_NODE_FLOAT},
        {".nAN", HR_NODE_STRING},
        {"1e", HR_NODE_STRING},
        {".", HR_NODE_STRING},
        {"-", HR_NODE_STRING},
        {"+", HR_NODE_STRING},
        {"0x", HR_NODE_STRING},
        {"0xG", HR_NODE_STRING},
        {"1.2.3", HR_NODE_STRING},
        {"10s", HR_NODE_STRING},
        {"2001-01-01", HR_NODE_STRING},
        {"2001-01-01T00:00:00Z", HR_NODE_STRING},
        {"12:30:45", HR_NODE_STRING},
        {"1,000", HR_NODE_STRING},
        {"_1", HR_NODE_STRING},
        {"=", HR_NODE_STRING},
        {"<<", HR_NODE_STRING},
        {"10.0.0.1", HR_NODE_STRING},
        {"a", HR_NODE_STRING},
        {"No way", HR_NODE_STRING},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int truth = 0;
        hr_node_kind kind = hr_scalar_resolve(hr_str_from(rows[i].text), &truth);
        cr_expect(kind == rows[i].kind, "%s is %s, not %s", rows[i].text,
                  hr_node_kind_name(rows[i].kind), hr_node_kind_name(kind));
    }
}

Test(yaml, integers_are_read_in_every_notation) {
    static const struct {
        const char *text;
        int64_t value;
    } rows[] = {{"0", 0},
                {"-1", -1},
                {"+7", 7},
                {"1_000", 1000},
                {"0x1F", 31},
                {"-0x10", -16},
                {"0b101", 5},
                {"0o17", 15},
                {"017", 15},
                {"08", 8},
                {"1e3", 1000},
                {"5.0", 5},
                {"-2.50e1", -25},
                {"9223372036854775807", INT64_MAX},
                {"-9223372036854775808", INT64_MIN}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int64_t v = 42;
        cr_expect(hr_scalar_int(&v, hr_str_from(rows[i].text)) && v == rows[i].value, "%s: %lld",
                  rows[i].text, (long long)v);
    }
    static const char *const none[] = {
        "",    "a",   "1.5", "9223372036854775808", "-9223372036854775809", "1e30", "0x", "1 ",
        "--1", "+-1", ".inf"};
    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
        int64_t v;
        cr_expect(hr_scalar_int(&v, hr_str_from(none[i])) == 0, "%s", none[i]);
    }
}

Test(yaml, fractions_are_read_in_every_notation) {
    static const struct {
        const char *text;
        double value;
    } rows[] = {{"1.5", 1.5},
                {"-.5", -.5},
                {"1e-3", 1e-3},
                {"7", 7},
                {"0x10", 16},
                {"1_0.5", 10.5},
                {"18446744073709551615", 18446744073709551615.0},
                {".inf", INFINITY},
                {"-.inf", -INFINITY}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        cr_expect(hr_scalar_double(hr_str_from(rows[i].text)) == rows[i].value, "%s: %g",
                  rows[i].text, hr_scalar_double(hr_str_from(rows[i].text)));
    cr_expect(isnan(hr_scalar_double(HR_STR(".nan"))));
}

Test(yaml, quotes_and_tags_settle_the_kind) {
    cr_assert(ge(sz, check_file("yaml/quotes-and-tags"), 9));
}

Test(yaml, keys_are_strings_and_unique) {
    cr_assert(ge(sz, check_file("yaml/keys"), 10));
}

Test(yaml, aliases_and_merge_keys_are_followed) {
    cr_assert(ge(sz, check_file("yaml/aliases"), 12));
}

Test(yaml, syntax_errors_have_their_place) {
    static const row rows[] = {
        {"a tab for a blank", "a:\n\tb: c",
         "2:1: error: not valid YAML: found character that cannot start any token "
         "(while scanning for the next token, line 2)\n"},
        {"bytes that are no UTF-8", "a: b\nc: \xff\n",
         "2:4: error: not valid YAML: invalid leading UTF-8 octet\n"},
        {"control characters", "a: b\nc: \x01\n",
         "2:4: error: not valid YAML: control characters are not allowed\n"},
    };
    CHECK(rows);
    cr_assert(ge(sz, check_file("yaml/syntax-errors"), 4));
}

static char *repeated(const char *head, const char *part, size_t n, const char *tail) {
    char *text = malloc(strlen(head) + strlen(part) * n + strlen(tail) + 1);
    char *at = text + sprintf(text, "%s", head);
    for (size_t i = 0; i < n; i++)
        at += sprintf(at, "%s", part);
    strcpy(at, tail);
    return text;
}

Test(yaml, nesting_is_limited) {
    char *deepest = repeated("", "[", 64, ""), *deeper = repeated("", "[", 65, "");
    char *closed = repeated(deepest, "]", 64, "");
    char *wide = repeated("", "- ", 2000, "a");
    cr_expect(strstr(parse(hr_str_from(closed)), "error") == NULL);
    cr_expect(
        strcmp(parse(hr_str_from(deeper)),
               "1:65: error: the YAML is nested deeper than 64 levels (option max_depth)\n") == 0,
        "%s", shown);
    teardown();
    setup();
    cr_expect(strstr(parse(hr_str_from(wide)), "nested deeper than 64") != NULL, "%s", shown);
    free(deepest), free(deeper), free(closed), free(wide);
}

Test(yaml, nodes_are_limited) {
    char *text = repeated("[", "a,", 999, "a]");
    budget.nodes = 1001; /* the list and its items */
    cr_expect(strstr(parse(hr_str_from(text)), "error") == NULL);
    cr_expect(eq(sz, budget.nodes, 0));
    budget.nodes = 1000;
    cr_expect(strcmp(parse(hr_str_from(text)),
                     "1:2000: error: the configuration has too many YAML nodes (option "
                     "max_nodes)\n") == 0,
              "%s", shown);
    free(text);
}

/* Each line names the one before it nine times: 9^9 nodes, were they all made. */
Test(yaml, aliases_that_multiply_are_refused) {
    char text[2048];
    int n = sprintf(text, "a: &a [x,x,x,x,x,x,x,x,x]\n");
    for (char c = 'b'; c <= 'i'; c++) {
        n += sprintf(text + n, "%c: &%c [", c, c);
        for (int i = 0; i < 9; i++)
            n += sprintf(text + n, "%s*%c", i == 0 ? "" : ",", c - 1);
        n += sprintf(text + n, "]\n");
    }
    budget.nodes = (size_t)16 << 20;
    cr_expect(strstr(parse(((hr_str){text, (size_t)n})),
                     "the document grows too large through its aliases") != NULL,
              "%s", shown);
}

Test(yaml, aliases_of_ordinary_files_are_accepted) {
    char *text = repeated("a: &x {p: 1, q: 2}\nb:\n", "- *x\n", 200, "");
    cr_expect(strstr(parse(hr_str_from(text)), "error") == NULL);
    free(text);
}

Test(yaml, places_count_characters) {
    hr_yaml *yaml =
        hr_yaml_open(HR_STR("t"), HR_STR("é: \"à\"\nb:\n  - {c: d}\n"), &budget, diagnostics);
    const hr_node *root;
    cr_assert(eq(int, hr_yaml_next(&root, yaml, arena), HR_OK));
    const hr_node *first = root->u.children.first, *second = first->next;
    cr_expect(eq(int, first->value->line, 1));
    cr_expect(eq(int, first->value->column, 4));
    cr_expect(eq(int, second->line, 2));
    const hr_node *map = second->value->u.children.first;
    cr_expect(eq(int, map->line, 3));
    cr_expect(eq(int, map->column, 5));
    cr_expect(eq(int, map->u.children.first->value->column, 9));
    cr_expect(hr_node_get(map, HR_STR("c")) == map->u.children.first->value);
    cr_expect(hr_node_get(map, HR_STR("x")) == NULL);
    cr_expect(hr_node_get(second->value, HR_STR("c")) == NULL);
    hr_yaml_close(yaml);
    hr_yaml_close(NULL);
}
