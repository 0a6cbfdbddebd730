#include "rules.h"

#include <stdlib.h>
#include <string.h>

#include "diag.h"
#include "node_json.h"
#include "source.h"
#include "text.h"

typedef struct document {
    hr_str file;
    const hr_node *root;
    char *name;
} document;

struct cli_rules {
    hr_arena *arena;
    hr_diagnostics *d;
    hr_yaml_budget budget;
    document *v;
    size_t n, capacity;
};

static bool is_virtual_service(const hr_node *root) {
    const hr_node *kind = hr_node_get(root, HR_STR("kind"));
    return kind != NULL && kind->kind == HR_NODE_STRING && hr_str_eq_c(kind->u.text, "VirtualService");
}

static void keep(cli_rules *rules, hr_str file, const hr_node *root) {
    if (rules->n == rules->capacity) {
        rules->capacity = rules->capacity == 0 ? 16 : rules->capacity * 2;
        rules->v = cli_realloc(rules->v, rules->capacity * sizeof(*rules->v));
    }
    const hr_node *meta = hr_node_get(root, HR_STR("metadata"));
    const hr_node *name = meta == NULL ? NULL : hr_node_get(meta, HR_STR("name"));
    hr_str text = name != NULL && name->kind == HR_NODE_STRING ? name->u.text : HR_STR("");
    rules->v[rules->n++] = (document){hr_arena_copy(rules->arena, file), root, cli_strdup(text.p, text.len)};
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
        if (is_virtual_service(root))
            keep(rules, file, root);
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
    for (size_t i = 0; i < rules->n; i++)
        free(rules->v[i].name);
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

/* The last line of a tree. */
static int last_line(const hr_node *node) {
    int last = node->line;
    if (node->kind != HR_NODE_LIST && node->kind != HR_NODE_MAP)
        return last;
    for (const hr_node *child = node->u.children.first; child != NULL; child = child->next) {
        int line = last_line(child->value != NULL ? child->value : child);
        last = line > last ? line : last;
        last = child->line > last ? child->line : last;
    }
    return last;
}

json_t *cli_rules_entry(const cli_rules *rules, const hr_decision *d, const char **author) {
    *author = NULL;
    for (size_t i = 0; d->route_index >= 0 && i < rules->n; i++) {
        const document *doc = &rules->v[i];
        if (!hr_str_eq(doc->file, d->source_file))
            continue;
        const hr_node *entry = http_entry(doc, d->route_index);
        if (entry == NULL || d->source_line < entry->line || d->source_line > last_line(entry))
            continue;
        *author = doc->name;
        return cli_node_json(entry);
    }
    return json_object();
}
