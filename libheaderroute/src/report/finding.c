/* Which findings of a load are about the rule that decided a request. */
#include "destination_rule.h"
#include "http_route.h"
#include "resources.h"
#include "route_destination.h"
#include "table.h"
#include "text.h"
#include "view.h"
#include "virtual_service.h"

/* The VirtualService that a line of a file is in; NULL: none. */
static const hr_spec_virtual_service *virtual_service_at(const hr_resources *r, hr_str file,
                                                         int line) {
    const hr_spec_virtual_service *found = NULL;
    for (size_t i = 0; i < r->n_virtual_services; i++) {
        const hr_spec_virtual_service *vs = &r->virtual_services[i];
        if (hr_str_eq(vs->pos.file, file) && vs->pos.line <= line &&
            (found == NULL || vs->pos.line > found->pos.line))
            found = vs;
    }
    return found;
}

/* Reads "NAME[N]" at the start of *field, and goes on behind it and a dot. -1: it is not there. */
static int32_t take_index(hr_str *field, hr_str name) {
    size_t i = name.len + 1;
    int32_t n = 0;
    if (!hr_str_starts(*field, name) || field->len < i + 2 || field->p[name.len] != '[')
        return -1;
    for (; i < field->len && field->p[i] >= '0' && field->p[i] <= '9' && n < 1000000; i++)
        n = n * 10 + (field->p[i] - '0');
    if (i >= field->len || field->p[i] != ']')
        return -1;
    i += i + 1 < field->len ? 2 : 1;
    *field = hr_str_tail(*field, i);
    return n;
}

/* Whether it is about all of the rule, or about the match and the destination that were taken. */
static bool concerns_rule(hr_str field, const hr_decision *d, const hr_spec_virtual_service *vs,
                          int32_t index) {
    if (take_index(&field, HR_STR("spec.http")) != index || index < 0 ||
        (size_t)index >= vs->n_http)
        return false;
    int32_t match = take_index(&field, HR_STR("match")), to = take_index(&field, HR_STR("route"));
    const hr_spec_http_route *rule = &vs->http[index];
    if (match >= 0 && match != d->match_index)
        return false;
    if (to < 0 || (size_t)to >= rule->n_route || d->destination_host.p == NULL)
        return true;
    hr_str subset = rule->route[to].destination.subset;
    return subset.len == d->destination_subset.len &&
           (subset.len == 0 || hr_str_eq(subset, d->destination_subset));
}

static bool is_at(const hr_resources *r, const hr_diagnostic *finding, const hr_decision *d,
                  hr_str file, int line, int32_t index) {
    if (file.p == NULL || !hr_str_eq(file, finding->file))
        return false;
    const hr_spec_virtual_service *vs = virtual_service_at(r, file, line);
    return vs != NULL && virtual_service_at(r, file, finding->line) == vs &&
           concerns_rule(finding->field, d, vs, index);
}

/* The subset of a DestinationRule that the decision leads to. */
static bool is_about_subset(const hr_resources *r, const hr_diagnostic *finding,
                            const hr_decision *d) {
    const hr_cluster *cluster = d->cluster;
    hr_str field = finding->field;
    int32_t index = take_index(&field, HR_STR("spec.subsets"));
    if (cluster == NULL || cluster->subset.len == 0 || index < 0)
        return false;
    for (size_t i = 0; i < r->n_destination_rules; i++) {
        const hr_spec_destination_rule *rule = &r->destination_rules[i];
        if (hr_str_eq(rule->pos.file, finding->file) && (size_t)index < rule->n_subsets &&
            rule->subsets[index].pos.line <= finding->line &&
            hr_str_eq(rule->subsets[index].name, cluster->subset) &&
            hr_str_eq(rule->pos.file, cluster->source_file) &&
            rule->pos.line == cluster->source_line)
            return true;
    }
    return false;
}

int hr_decision_has_finding(const hr_decision *decision, const hr_diagnostic *finding) {
    if (decision == NULL || finding == NULL || decision->view == NULL ||
        decision->virtual_service.p == NULL)
        return 0;
    const hr_resources *r = decision->view->table->resources;
    return is_at(r, finding, decision, decision->source_file, decision->source_line,
                 decision->route_index) ||
           is_about_subset(r, finding, decision) ||
           (decision->delegate.p != NULL &&
            is_at(r, finding, decision, decision->root_source_file, decision->root_source_line,
                  decision->root_route_index));
}
