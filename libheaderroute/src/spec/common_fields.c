/* Fields that several messages of Istio's API have: durations, ports, labels, selectors, Gateway
 * names, exportTo. */
#include "common_fields.h"

#include <inttypes.h>

#include "host_names.h"
#include "name_rules.h"
#include "regex.h"
#include "resources.h"
#include "text.h"

/* ---- is a field given ---- */

bool hr_field_is_given(const hr_node *map, const char *field) {
    return hr_field_get(map, field) != NULL;
}

bool hr_field_is_filled(const hr_node *map, const char *field) {
    const hr_node *value = hr_field_get(map, field);
    return value != NULL && !(value->kind == HR_NODE_LIST && value->u.children.n == 0);
}

/* ---- numbers and durations ---- */

void hr_read_period(hr_reader *r, const hr_node *node, void *base, const hr_field *field) {
    size_t before = hr_diagnostics_errors(r->d);
    int64_t *ns = (int64_t *)(void *)((char *)base + field->offset);
    hr_read_duration(r, node, base, field);
    if (hr_diagnostics_errors(r->d) != before)
        return;
    if (*ns < 1000000)
        hr_reader_error(r, node, "must be at least 1ms; remove the field to have no limit");
    else if (*ns % 1000000 != 0)
        hr_reader_error(r, node, "expected whole milliseconds");
}

void hr_read_port(hr_reader *r, const hr_node *node, void *base, const hr_field *field) {
    size_t before = hr_diagnostics_errors(r->d);
    uint32_t *port = (uint32_t *)(void *)((char *)base + field->offset);
    hr_read_uint32(r, node, base, field);
    if (hr_diagnostics_errors(r->d) == before && (*port < 1 || *port > 65535))
        hr_reader_error(r, node, "%" PRIu32 " is not a valid port; expected 1 to 65535", *port);
}

/* Reads an int32 between two bounds. */
static void read_between(hr_reader *r, const hr_node *node, void *base, const hr_field *field,
                         int64_t min, int64_t max) {
    size_t before = hr_diagnostics_errors(r->d);
    int64_t *v = (int64_t *)(void *)((char *)base + field->offset);
    hr_read_int64(r, node, base, field);
    if (hr_diagnostics_errors(r->d) != before)
        return;
    if (*v < min)
        hr_reader_error(r, node, "%" PRId64 " is too small; expected %" PRId64 " or more", *v, min);
    else if (*v > max)
        hr_reader_error(r, node, "%" PRId64 " is too large; expected %" PRId64 " or less", *v, max);
}

void hr_read_count(hr_reader *r, const hr_node *node, void *base, const hr_field *field) {
    read_between(r, node, base, field, 0, INT32_MAX);
}

void hr_read_percent(hr_reader *r, const hr_node *node, void *base, const hr_field *field) {
    read_between(r, node, base, field, 0, 100);
}

/* ---- labels and selectors ---- */

void hr_read_labels(hr_reader *r, const hr_node *node, void *base, const hr_field *field) {
    hr_read_pairs(r, node, base, field);
    hr_path step;
    for (const hr_node *key = hr_keys_begin(r, &step, node); key != NULL;
         key = hr_keys_next(r, &step, key)) {
        if (!hr_is_label_key(key->u.text))
            hr_reader_error(r, key, "\"%.*s\" is not a valid label key", (int)key->u.text.len,
                            key->u.text.p);
        if (key->value->kind == HR_NODE_STRING && !hr_is_label_value(key->value->u.text))
            hr_reader_error(
                r, key->value,
                "\"%.*s\" is not a valid label value; expected letters, digits, '-', '_' and '.'",
                (int)key->value->u.text.len, key->value->u.text.p);
    }
}

void hr_read_selector(hr_reader *r, const hr_node *node, void *base, const hr_field *field) {
    hr_read_pairs(r, node, base, field);
    hr_path step;
    for (const hr_node *key = hr_keys_begin(r, &step, node); key != NULL;
         key = hr_keys_next(r, &step, key)) {
        if (key->u.text.len == 0)
            hr_reader_error(r, key, "the key of a selector must not be empty");
        else if (hr_str_has(key->u.text, '*') ||
                 (key->value->kind == HR_NODE_STRING && hr_str_has(key->value->u.text, '*')))
            hr_reader_error(r, key, "a selector must not contain a wildcard");
    }
}

/* ---- names of Gateways ---- */

/* NAME, NAMESPACE/NAME, or the deprecated NAME.NAMESPACE.svc... Istio checks no further than the
 * first name without a slash: a mistake after it is accepted, names no Gateway, and is warned
 * about. */
void hr_read_gateways(hr_reader *r, const hr_node *node, void *base, const hr_field *field) {
    hr_read_strings(r, node, base, field);
    hr_path step;
    int looked = 0;
    for (const hr_node *item = hr_items_begin(r, &step, node); item != NULL;
         item = hr_items_next(r, &step, item)) {
        if (item->kind != HR_NODE_STRING)
            continue;
        hr_str name = item->u.text;
        size_t slash = hr_str_find(name, '/', 0);
        const char *mistake = NULL;
        if (slash == name.len)
            mistake = hr_domain_mistake(name, false);
        else if (!hr_is_label(hr_str_from_to(name, 0, slash)) ||
                 !hr_is_label(hr_str_tail(name, slash + 1)))
            mistake = "expected NAME or NAMESPACE/NAME";
        if (mistake != NULL && looked)
            hr_reader_warn(r, item, "\"%.*s\" is not a valid Gateway name: %s", (int)name.len,
                           name.p, mistake);
        else if (mistake != NULL)
            hr_reader_error(r, item, "\"%.*s\" is not a valid Gateway name: %s", (int)name.len,
                            name.p, mistake);
        else if (slash == name.len && hr_str_has(name, '.')) {
            size_t dot = hr_str_find(name, '.', 0), end = hr_str_find(name, '.', dot + 1);
            hr_reader_warn(r, item, "the form NAME.NAMESPACE is deprecated; use %.*s/%.*s",
                           (int)(end - dot - 1), name.p + dot + 1, (int)dot, name.p);
        }
        looked |= slash == name.len;
    }
}

/* ---- patterns and domains ---- */

void hr_check_regex(hr_reader *r, const hr_node *node, hr_str pattern) {
    if (pattern.len == 0) {
        hr_reader_error(r, node, "the regular expression must not be empty");
        return;
    }
    if (pattern.len > HR_REGEX_MAX_PATTERN) {
        hr_reader_error(r, node,
                        "the regular expression is too long: at most %d bytes are allowed, got %zu",
                        HR_REGEX_MAX_PATTERN, pattern.len);
        return;
    }
    if (hr_map_get(&r->out->regexes, pattern) != NULL)
        return;
    hr_regex *regex;
    char why[256];
    int rc = hr_regex_new(&regex, r->out->regex_tails, pattern, why, sizeof(why));
    if (rc == HR_EINVAL) {
        hr_reader_error(r, node, "not a valid RE2 regular expression: %s", why);
        return;
    }
    hr_str key = rc == HR_OK ? hr_reader_copy(r, pattern) : (hr_str){0};
    if (key.p != NULL && hr_map_add(r->arena, &r->out->regexes, key, regex))
        return;
    hr_regex_free(regex);
    hr_arena_fail(r->arena);
}

void hr_check_domain(hr_reader *r, const hr_node *node, const char *what, hr_str name,
                     bool wildcard) {
    const char *mistake = hr_domain_mistake(name, wildcard);
    if (mistake != NULL)
        hr_reader_error(r, node, "\"%.*s\" is not a valid %s: %s", (int)name.len,
                        name.p == NULL ? "" : name.p, what, mistake);
}

/* ---- HTTP status ---- */

void hr_check_http_status(hr_reader *r, const hr_node *node, const char *field, int64_t status) {
    if (hr_field_get(node, field) == NULL)
        hr_reader_error(r, node, "%s is required: expected 200 to 599", field);
    else if (status == 600)
        hr_field_error(r, node, field,
                       "600 is accepted by Istio but rejected by Envoy; expected 200 to 599");
    else if (status < 200 || status > 600)
        hr_field_error(r, node, field, "%lld is not a valid status; expected 200 to 599",
                       (long long)status);
}

/* ---- exportTo ---- */

/* Returns 1 if the namespace (or '*', '~') is given earlier in the list. */
static int seen_before(const hr_node *list, const hr_node *item, hr_str namespace_) {
    hr_str name = hr_str_eq_c(item->u.text, ".") ? namespace_ : item->u.text;
    for (const hr_node *i = list->u.children.first; i != item; i = i->next) {
        if (i->kind != HR_NODE_STRING)
            continue;
        if (hr_str_eq(hr_str_eq_c(i->u.text, ".") ? namespace_ : i->u.text, name))
            return 1;
    }
    return 0;
}

static void check_export_item(hr_reader *r, const hr_node *list, const hr_node *item,
                              hr_str namespace_, bool nowhere, bool own_only) {
    hr_str name = item->u.text;
    int everywhere = hr_str_eq_c(name, "*"), none = hr_str_eq_c(name, "~");
    int own = hr_str_eq_c(name, ".") || hr_str_eq(name, namespace_);
    if (list->u.children.n < 1000 && seen_before(list, item, namespace_))
        hr_reader_error(r, item, "\"%.*s\" is given twice%s", (int)name.len, name.p,
                        own ? " (\".\" is the resource's own namespace)" : "");
    if (none && !nowhere)
        hr_reader_error(r, item,
                        "\"~\" (no namespace) is allowed for ServiceEntries only; use \".\" for "
                        "the resource's own namespace");
    else if (!own && !everywhere && !none && !hr_is_label(name))
        hr_reader_error(
            r, item,
            "\"%.*s\" is not a valid namespace; expected \".\", \"*\" or the name of a namespace",
            (int)name.len, name.p);
    else if (own_only && !own)
        hr_reader_error(r, item,
                        "a DestinationRule with a workloadSelector can only be exported to its own "
                        "namespace; use \".\"");
    else if ((everywhere || none) && list->u.children.n > 1)
        hr_reader_error(r, item, "\"%.*s\" must be the only entry", (int)name.len, name.p);
}

void hr_check_export_to(hr_reader *r, const hr_node *spec, hr_str namespace_, bool nowhere,
                        bool own_only) {
    const hr_node *list = hr_field_get(spec, "exportTo");
    hr_path name = {.up = r->path, .name = HR_STR("exportTo")}, step;
    if (list == NULL)
        return;
    r->path = &name;
    for (const hr_node *item = hr_items_begin(r, &step, list); item != NULL;
         item = hr_items_next(r, &step, item))
        if (item->kind == HR_NODE_STRING)
            check_export_item(r, list, item, namespace_, nowhere, own_only);
    r->path = name.up;
}
