/* Finds the YAML of a loaded rule, so that a test case can compare it with what it expects. */
#include "rules.h"

#include <stdlib.h>
#include <string.h>

#include "diag.h"
#include "node_json.h"
#include "read_sources.h"
#include "text.h"

typedef struct document {
    const hr_node *root;
    hr_str namespace_, name;
} document;

struct cli_rules {
    hr_arena *arena;
    hr_diagnostics *d;
    hr_yaml_budget budget;
    document *v;
    size_t n, capacity;
};

/* A string below a map; absent where there is none. */
static hr_str text_below(const hr_node *map, const char *key) {
    const hr_node *node = map == NULL ? NULL : hr_node_get(map, hr_str_from(key));
    return node != NULL && node->kind == HR_NODE_STRING ? node->u.text : (hr_str){0};
}

static void keep(cli_rules *rules, const hr_node *root) {
    if (rules->n == rules->capacity) {
        rules->capacity = rules->capacity == 0 ? 16 : rules->capacity * 2;
        rules->v = cli_realloc(rules->v, rules->capacity * sizeof(*rules->v));
    }
    const hr_node *meta = hr_node_get(root, HR_STR("metadata"));
    hr_str namespace_ = text_below(meta, "namespace");
    rules->v[rules->n++] = (document){root, namespace_.len > 0 ? namespace_ : HR_STR("default"), text_below(meta, "name")};
}

/* A VirtualService, or a list (`kubectl get -o yaml`), whose items may leave out the kind that the list names. */
static void keep_all(cli_rules *rules, const hr_node *root, hr_str implied) {
    hr_str kind = text_below(root, "kind");
    const hr_node *items = hr_node_get(root, HR_STR("items"));
    if (kind.len == 0)
        kind = implied;
    if (hr_str_eq_c(kind, "VirtualService"))
        keep(rules, root);
    if (items == NULL || items->kind != HR_NODE_LIST || !hr_str_ends(kind, HR_STR("List")))
        return;
    hr_str of_items = hr_str_of(kind.p, kind.len - strlen("List"));
    for (const hr_node *item = items->u.children.first; item != NULL; item = item->next)
        keep_all(rules, item, of_items);
}

static int read_text(void *ctx, hr_str file, hr_str text) {
    cli_rules *rules = ctx;
    text = hr_arena_copy(rules->arena, text); /* nodes point into it */
    hr_yaml *yaml = hr_yaml_open(file, text, &rules->budget, rules->d);
    if (yaml == NULL)
        return HR_ENOMEM;
    const hr_node *root;
    int error;
    while ((error = hr_yaml_next(&root, yaml, rules->arena)) == HR_OK && root != NULL)
        keep_all(rules, root, (hr_str){0});
    hr_yaml_close(yaml);
    return error;
}

cli_rules *cli_rules_read(const hr_source *sources, size_t n) {
    cli_rules *rules = cli_realloc(NULL, sizeof(*rules));
    *rules =
        (cli_rules){.arena = hr_arena_new(), .d = hr_diagnostics_new(), .budget = {64, 16000000}};
    int error = rules->arena == NULL || rules->d == NULL
                    ? HR_ENOMEM
                    : hr_sources_each(sources, n, (size_t)64 << 20, rules->d, read_text, rules);
    if (error == HR_OK)
        return rules;
    cli_rules_free(rules);
    return NULL;
}

void cli_rules_free(cli_rules *rules) {
    if (rules == NULL)
        return;
    free(rules->v);
    hr_diagnostics_free(rules->d);
    if (rules->arena != NULL)
        hr_arena_free(rules->arena);
    free(rules);
}

static const hr_node *http_entry(const document *doc, int32_t index) {
    const hr_node *spec = hr_node_get(doc->root, HR_STR("spec"));
    const hr_node *http = spec == NULL ? NULL : hr_node_get(spec, HR_STR("http"));
    if (http == NULL || http->kind != HR_NODE_LIST)
        return NULL;
    const hr_node *entry = http->u.children.first;
    for (; entry != NULL && index > 0; index--)
        entry = entry->next;
    return entry;
}

static const document *find_document(const cli_rules *rules, hr_str id) {
    size_t slash = hr_str_find(id, '/', 0);
    for (size_t i = 0; slash < id.len && i < rules->n; i++)
        if (hr_str_eq(rules->v[i].namespace_, hr_str_of(id.p, slash)) &&
            hr_str_eq(rules->v[i].name, hr_str_tail(id, slash + 1)))
            return &rules->v[i];
    return NULL;
}

json_t *cli_rules_at(const cli_rules *rules, hr_str id, int32_t index) {
    const document *doc = index < 0 ? NULL : find_document(rules, id);
    const hr_node *entry = doc == NULL ? NULL : http_entry(doc, index);
    return entry == NULL ? json_object() : cli_node_json(entry);
}

json_t *cli_rules_entry(const cli_rules *rules, const hr_decision *d) {
    static const char *const inherited[] = {"rewrite", "directResponse", "timeout", "retries", "fault",
                                            "mirror",  "mirrors",        "corsPolicy", "headers"};
    json_t *entry = cli_rules_at(rules, d->delegate.p != NULL ? d->delegate : d->virtual_service, d->route_index);
    if (d->delegate.p == NULL)
        return entry;
    json_t *root = cli_rules_at(rules, d->virtual_service, d->root_route_index);
    for (size_t i = 0; i < sizeof(inherited) / sizeof(inherited[0]); i++)
        if (json_object_get(entry, inherited[i]) == NULL && json_object_get(root, inherited[i]) != NULL)
            json_object_set(entry, inherited[i], json_object_get(root, inherited[i]));
    json_decref(root);
    return entry;
}
