/* DestinationRule: networking/v1alpha3/destination_rule.proto of Istio's API, with its subsets. */
#include "destination_rule.h"

#include <stddef.h>

#include "common_fields.h"
#include "name_rules.h"
#include "resources.h"

static void check_subset(hr_reader *r, const hr_node *node, void *out) {
    const hr_spec_subset *subset = out;
    if (subset->name.len == 0)
        hr_reader_error(r, node, "the name of the subset is required");
    else if (!hr_is_label(subset->name))
        hr_field_error(r, node, "name",
                       "\"%.*s\" is not a valid subset name; expected letters, digits and '-'",
                       (int)subset->name.len, subset->name.p);
}

#define S(member) offsetof(hr_spec_subset, member)
static const hr_field subset_fields[] = {
    {"name", hr_read_string, S(name), 0, NULL, 0},
    {"labels", hr_read_labels, S(labels), S(n_labels), NULL, 0},
    {"trafficPolicy", hr_read_message, S(policy), 0, &hr_traffic_policy_schema, 0},
};
#undef S
static const hr_schema subset_schema =
    HR_SCHEMA_WITH_POS("Subset", subset_fields, hr_spec_subset, NULL, check_subset);

static void check_destination_rule(hr_reader *r, const hr_node *spec, void *out) {
    const hr_spec_destination_rule *rule = out;
    const hr_node *list = hr_field_get(spec, "subsets"), *host = hr_field_get(spec, "host");
    hr_path name = {.up = r->path, .name = HR_STR("host")}, step;
    hr_map names = {0};
    if (host == NULL)
        hr_reader_error(r, spec, "host is required");
    r->path = &name;
    if (host != NULL && host->kind == HR_NODE_STRING)
        hr_check_domain(r, host, "host", rule->host, 1);
    name.name = HR_STR("subsets");
    const hr_spec_subset *subset = rule->subsets;
    for (const hr_node *item = rule->n_subsets > 0 ? hr_items_begin(r, &step, list) : NULL;
         item != NULL; item = hr_items_next(r, &step, item), subset++) {
        const hr_spec_subset *first = hr_map_get(&names, subset->name);
        if (subset->name.len == 0)
            continue;
        if (first != NULL)
            hr_field_error(r, item, "name", "the subset \"%.*s\" is given twice: first on line %d",
                           (int)subset->name.len, subset->name.p, first->pos.line);
        else
            hr_map_add(r->document, &names, subset->name, subset);
    }
    r->path = name.up;
    hr_check_export_to(r, spec, rule->meta.namespace_, 0, rule->has_selector);
    if (rule->has_selector && rule->n_selector == 0)
        hr_field_warn(r, spec, "workloadSelector",
                      "without labels selects every workload of the namespace");
}

#define D(member) offsetof(hr_spec_destination_rule, member)
static const hr_field selector_fields[] = {
    {"matchLabels", hr_read_selector, D(selector), D(n_selector), NULL, 0},
};

static const hr_schema selector_schema =
    HR_SCHEMA_AT("WorkloadSelector", selector_fields, hr_spec_destination_rule, D(selector_pos),
                 D(has_selector), NULL, NULL);

static void read_rule_host(hr_reader *r, const hr_node *node, void *base, const hr_field *field) {
    ((hr_spec_destination_rule *)base)->host_pos = hr_reader_pos(r, node);
    hr_read_string(r, node, base, field);
}

static const hr_field rule_fields[] = {
    {"host", read_rule_host, D(host), 0, NULL, 0},
    {"trafficPolicy", hr_read_message, D(policy), 0, &hr_traffic_policy_schema, 0},
    {"subsets", hr_read_list, D(subsets), D(n_subsets), &subset_schema, 0},
    {"exportTo", hr_read_strings, D(export_to), 0, NULL, 0},
    {"workloadSelector", hr_read_message, 0, 0, &selector_schema, 0},
};
#undef D
static const hr_schema rule_schema = HR_SCHEMA(
    "DestinationRule", rule_fields, hr_spec_destination_rule, NULL, check_destination_rule);

void hr_read_destination_rule(hr_reader *r, const hr_node *resource, const hr_meta *meta) {
    hr_spec_destination_rule *rule = HR_APPEND(r, destination_rules);
    if (rule == NULL)
        return;
    rule->meta = *meta;
    rule->pos = rule->host_pos = hr_reader_pos(r, resource);
    hr_read_spec(r, resource, rule, &rule_schema);
}
