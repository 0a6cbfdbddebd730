/* Reads the rules once more, as JSON, for what is written in them. */
#include "rules.h"

#include <stdlib.h>
#include <string.h>

#include "document_json.h"

typedef struct written_rule {
    json_t *resource;
    const char *namespace_, *name; /* in `resource` */
} written_rule;

struct cli_rules {
    hr_scratch *scratch;
    written_rule *v;
    size_t n, capacity;
};

static const char *text_below(const json_t *map, const char *key) {
    const char *text = json_string_value(json_object_get(map, key));
    return text == NULL ? "" : text;
}

static void keep_rule(cli_rules *rules, json_t *resource) {
    if (rules->n == rules->capacity) {
        rules->capacity = rules->capacity == 0 ? 16 : rules->capacity * 2;
        rules->v = cli_realloc(rules->v, rules->capacity * sizeof(*rules->v));
    }
    const json_t *meta = json_object_get(resource, "metadata");
    const char *namespace_ = text_below(meta, "namespace");
    rules->v[rules->n++] =
        (written_rule){json_incref(resource), *namespace_ != '\0' ? namespace_ : "default",
                       text_below(meta, "name")};
}

void cli_each_virtual_service(json_t *resource, const char *implied, cli_resource_fn fn,
                              void *ctx) {
    const char *kind = text_below(resource, "kind");
    json_t *items = json_object_get(resource, "items"), *item;
    size_t i, len;
    if (*kind == '\0')
        kind = implied;
    len = strlen(kind);
    if (strcmp(kind, "VirtualService") == 0)
        fn(ctx, resource);
    if (len < 4 || strcmp(kind + len - 4, "List") != 0)
        return;
    char *of_items = cli_strdup(kind, len - 4);
    json_array_foreach(items, i, item) cli_each_virtual_service(item, of_items, fn, ctx);
    free(of_items);
}

static void keep_resource(void *ctx, json_t *resource) {
    keep_rule(ctx, resource);
}

static int keep_document(void *ctx, const hr_document *document) {
    cli_rules *rules = ctx;
    json_t *root = cli_document_json(document, rules->scratch);
    cli_json_drop_nulls(root);
    cli_each_virtual_service(root, "", keep_resource, rules);
    json_decref(root);
    return HR_OK;
}

cli_rules *cli_rules_read(const cli_input *input) {
    cli_rules *rules = cli_realloc(NULL, sizeof(*rules));
    *rules = (cli_rules){0};
    if (hr_scratch_new(&rules->scratch) == HR_OK &&
        hr_documents_read(NULL, input->sources, input->n, &input->options, keep_document, rules) ==
            HR_OK)
        return rules;
    cli_rules_free(rules);
    return NULL;
}

void cli_rules_free(cli_rules *rules) {
    if (rules == NULL)
        return;
    for (size_t i = 0; i < rules->n; i++)
        json_decref(rules->v[i].resource);
    free(rules->v);
    hr_scratch_free(rules->scratch);
    free(rules);
}

static bool has_bytes(hr_str s, const char *text, size_t len) {
    return s.len == len && memcmp(s.p, text, len) == 0;
}

static bool is_rule(const written_rule *rule, hr_str id) {
    size_t namespace_len = strlen(rule->namespace_), name_len = strlen(rule->name);
    return id.len == namespace_len + 1 + name_len && id.p[namespace_len] == '/' &&
           has_bytes((hr_str){id.p, namespace_len}, rule->namespace_, namespace_len) &&
           has_bytes((hr_str){id.p + namespace_len + 1, name_len}, rule->name, name_len);
}

static const written_rule *find_rule(const cli_rules *rules, hr_str id) {
    for (size_t i = 0; id.p != NULL && i < rules->n; i++)
        if (is_rule(&rules->v[i], id))
            return &rules->v[i];
    return NULL;
}

bool cli_rules_have(const cli_rules *rules, const char *namespace_, const char *name) {
    for (size_t i = 0; i < rules->n; i++)
        if (strcmp(rules->v[i].namespace_, namespace_) == 0 && strcmp(rules->v[i].name, name) == 0)
            return true;
    return false;
}

json_t *cli_rules_at(const cli_rules *rules, hr_str id, int32_t index) {
    const written_rule *rule = index < 0 ? NULL : find_rule(rules, id);
    const json_t *spec = rule == NULL ? NULL : json_object_get(rule->resource, "spec");
    json_t *entry =
        spec == NULL ? NULL : json_array_get(json_object_get(spec, "http"), (size_t)index);
    return entry == NULL ? json_object() : json_deep_copy(entry);
}

json_t *cli_rules_entry(const cli_rules *rules, const hr_decision *d) {
    static const char *const inherited[] = {"rewrite", "directResponse", "timeout",
                                            "retries", "fault",          "mirror",
                                            "mirrors", "corsPolicy",     "headers"};
    json_t *entry = cli_rules_at(rules, d->delegate.p != NULL ? d->delegate : d->virtual_service,
                                 d->route_index);
    if (d->delegate.p == NULL)
        return entry;
    json_t *root = cli_rules_at(rules, d->virtual_service, d->root_route_index);
    for (size_t i = 0; i < sizeof(inherited) / sizeof(inherited[0]); i++)
        if (json_object_get(entry, inherited[i]) == NULL &&
            json_object_get(root, inherited[i]) != NULL)
            json_object_set(entry, inherited[i], json_object_get(root, inherited[i]));
    json_decref(root);
    return entry;
}
