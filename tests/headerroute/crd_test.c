/* The tables of CustomResourceDefinitions: no rule is missing, and each holds and fails as stated.
 */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cases.h"
#include "crd_cel.h"
#include "diag.h"
#include "text.h"
#include "yaml_parse.h"

static FILE *open_fixture(const char *name) {
    char path[512];
    snprintf(path, sizeof(path), "%s/tests/headerroute/fixtures/%s", HR_SOURCE_DIR, name);
    FILE *file = fopen(path, "r");
    cr_assert(file != NULL, "%s is missing", path);
    return file;
}

static int next_line(FILE *file, char line[4096]) {
    if (fgets(line, 4096, file) == NULL)
        return 0;
    line[strcspn(line, "\n")] = '\0';
    return 1;
}

/* ---- the list of rules ---- */

/* A list of rules, the table that has their translations, and the channel. */
typedef struct rule_list {
    const char *fixture;
    const hr_crd_table *table;
    int variant;
    size_t least;
} rule_list;

static const rule_list rule_lists[] = {
    {"crd-rules-istio.txt", &hr_crd_istio, 0, 95},
    {"crd-rules-gateway-api.txt", &hr_crd_gateway_api, 0, 185},
    {"crd-rules-gateway-api-standard.txt", &hr_crd_gateway_api, 1, 165},
};

static const hr_crd_node *root_of(const rule_list *list, hr_str kind) {
    const hr_crd_table *table = list->table;
    for (size_t i = 0; i < table->n_kinds; i++)
        if (table->kinds[i].variant == list->variant &&
            hr_str_eq_c(kind, table->text[table->kinds[i].kind]))
            return &table->nodes[table->kinds[i].node];
    return NULL;
}

static const hr_crd_node *field_of(const hr_crd_table *table, const hr_crd_node *node,
                                   hr_str name) {
    for (size_t i = 0; i < node->n_fields; i++) {
        const hr_crd_field *field = &table->fields[node->fields + i];
        if (hr_str_eq_c(name, table->text[field->name]))
            return &table->nodes[field->node];
    }
    return NULL;
}

/* The node of a path such as ServiceEntry.spec.endpoints[].ports{}; NULL if there is none. */
static const hr_crd_node *node_at(const rule_list *list, const char *path) {
    const hr_crd_table *table = list->table;
    size_t n = strcspn(path, ".");
    const hr_crd_node *node = root_of(list, (hr_str){path, n});
    for (path += n; node != NULL && *path != '\0'; path += n) {
        n = *path == '.' ? 1 + strcspn(path + 1, ".[{") : 2;
        node = *path == '.'      ? field_of(table, node, (hr_str){path + 1, n - 1})
               : node->item == 0 ? NULL
                                 : &table->nodes[node->item];
    }
    return node;
}

static const hr_crd_rule *rule_of(const hr_crd_table *table, const hr_crd_node *node,
                                  const char *source) {
    for (size_t i = 0; i < node->n_rules; i++)
        if (strcmp(table->text[table->rules[node->rules + i].source], source) == 0)
            return &table->rules[node->rules + i];
    return NULL;
}

static size_t rules_below(const hr_crd_table *table, const hr_crd_node *node) {
    size_t n = node->n_rules;
    for (size_t i = 0; i < node->n_fields; i++)
        n += rules_below(table, &table->nodes[table->fields[node->fields + i].node]);
    return n + (node->item == 0 ? 0 : rules_below(table, &table->nodes[node->item]));
}

static void check_rule_list(const rule_list *list) {
    const hr_crd_table *table = list->table;
    FILE *file = open_fixture(list->fixture);
    char line[4096];
    size_t listed = 0, translated = 0;
    for (; next_line(file, line); listed++) {
        char *tab = strchr(line, '\t');
        cr_assert(tab != NULL, "%s", line);
        *tab = '\0';
        const hr_crd_node *node = node_at(list, line);
        cr_expect(node != NULL && rule_of(table, node, tab + 1) != NULL, "%s: %s", line, tab + 1);
    }
    fclose(file);
    for (size_t i = 0; i < table->n_kinds; i++)
        if (table->kinds[i].variant == list->variant)
            translated += rules_below(table, &table->nodes[table->kinds[i].node]);
    cr_expect(eq(sz, listed, translated));
    cr_expect(ge(sz, listed, list->least));
}

Test(crd, every_rule_of_the_definitions_has_a_translation) {
    for (size_t i = 0; i < sizeof(rule_lists) / sizeof(rule_lists[0]); i++)
        check_rule_list(&rule_lists[i]);
}

/* ---- what the rules say ---- */

static const hr_crd_table *const table = &hr_crd_istio;

static const hr_crd_rule *rule_with(const char *source) {
    for (size_t i = 0; i < table->n_rules; i++)
        if (strcmp(table->text[table->rules[i].source], source) == 0)
            return &table->rules[i];
    return NULL;
}

static void check_example(hr_crd_patterns *patterns, const hr_crd_rule *rule, const char *text,
                          bool holds) {
    hr_arena *arena = hr_arena_new();
    hr_diagnostics *d = hr_diagnostics_new();
    hr_yaml_budget budget = {.max_depth = 64, .nodes = 1000};
    hr_yaml *yaml = hr_yaml_open(HR_STR("example"), hr_str_from(text), &budget, d);
    const hr_node *node;
    cr_assert(eq(int, hr_yaml_next(&node, yaml, arena), HR_OK));
    cr_assert(node != NULL, "%s", text);
    cr_expect(hr_cel_holds(patterns, rule, node) == holds, "%s: %s", table->text[rule->source],
              text);
    hr_yaml_close(yaml);
    hr_diagnostics_free(d);
    hr_arena_free(arena);
}

Test(crd, every_rule_holds_and_fails_as_its_examples_say) {
    FILE *file = open_fixture("crd-rules-examples.txt");
    hr_arena *arena = hr_arena_new();
    hr_crd_patterns *patterns = hr_crd_patterns_new(arena, table);
    const hr_crd_rule *rule = NULL;
    size_t *seen = calloc(table->n_rules, 2 * sizeof(*seen));
    char line[4096];
    while (next_line(file, line)) {
        bool holds = line[0] == '+';
        if (line[0] == '#')
            continue;
        if (strncmp(line, "+ ", 2) != 0 && strncmp(line, "- ", 2) != 0) {
            rule = rule_with(line);
            cr_assert(rule != NULL, "no such rule: %s", line);
            continue;
        }
        cr_assert(rule != NULL);
        check_example(patterns, rule, line + 2, holds);
        for (size_t i = 0; i < table->n_rules; i++) /* the same rule may stand in several places */
            if (table->rules[i].source == rule->source)
                seen[2 * i + holds]++;
    }
    for (size_t i = 0; i < table->n_rules; i++)
        cr_expect(seen[2 * i] > 0 && seen[2 * i + 1] > 0, "no example for %s",
                  table->text[table->rules[i].source]);
    fclose(file);
    free(seen);
    hr_arena_free(arena);
}

Test(crd, every_pattern_compiles) {
    const hr_crd_table *const tables[] = {&hr_crd_istio, &hr_crd_gateway_api};
    for (size_t t = 0; t < sizeof(tables) / sizeof(tables[0]); t++) {
        hr_arena *arena = hr_arena_new();
        hr_crd_patterns *patterns = hr_crd_patterns_new(arena, tables[t]);
        for (size_t i = 0; i < tables[t]->n_patterns; i++)
            hr_crd_matches(patterns, i, HR_STR("a"));
        cr_expect(not(hr_arena_failed(arena)));
        hr_arena_free(arena);
    }
}

/* ---- what a load reports ---- */

Test(crd, a_load_reports_what_the_api_server_refuses_and_drops) {
    cr_assert(ge(sz, cases_check("cases/schema", 0), 25));
}
