/* Differences as SARIF 2.1.0 (OASIS), which code review tools show beside the changed lines. */
#include "diff_report.h"

#include <stdlib.h>
#include <string.h>

static json_t *location(const hr_diff_rule *rule) {
    json_t *physical =
        json_pack("{s:{s:o},s:{s:i}}", "artifactLocation", "uri", cli_json_text(rule->file),
                  "region", "startLine", rule->line < 1 ? 1 : rule->line);
    return json_pack("{s:o}", "physicalLocation", physical);
}

static json_t *locations(const hr_diff_rule *before, const hr_diff_rule *after) {
    json_t *out = json_array();
    const hr_diff_rule *rule = after->file.p != NULL ? after : before;
    if (rule->file.p != NULL)
        json_array_append_new(out, location(rule));
    return out;
}

static json_t *region_result(cli_report *r, const hr_diff_region *region) {
    hr_diff_view view;
    hr_diff_view_get(&view, r->diff, region->view);
    char *parts[] = {
        cli_view_words(&view),
        cli_region_words(region),
        cli_outcome_words(r, view.before, &region->before, region->witness),
        cli_outcome_words(r, view.after, &region->after, region->witness),
        cli_change_words(r, region),
        cli_curl_words(region->witness),
    };
    json_t *text = json_sprintf("%s: %s: before %s, after %s%s; for example %s", parts[0], parts[1],
                                parts[2], parts[3], parts[4], parts[5]);
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        free(parts[i]);
    if (text == NULL) /* no UTF-8 */
        text = json_string("A region of requests is decided differently.");
    return json_pack("{s:s,s:s,s:{s:o},s:o}", "ruleId", "routing-change", "level", "warning",
                     "message", "text", text, "locations",
                     locations(&region->before, &region->after));
}

static json_t *undecided_result(const hr_diff_undecided *u) {
    return json_pack("{s:s,s:s,s:{s:o},s:o}", "ruleId", "routing-undecided", "level", "note",
                     "message", "text",
                     json_sprintf("Not decided: %.*s", (int)u->reason.len, u->reason.p),
                     "locations", locations(&u->before, &u->after));
}

static json_t *rule_description(const char *id, const char *text) {
    return json_pack("{s:s,s:{s:s}}", "id", id, "shortDescription", "text", text);
}

void cli_report_sarif(cli_report *r) {
    json_t *results = json_array(), *rules = json_array();
    hr_diff_region region;
    hr_diff_undecided u;
    json_array_append_new(
        rules, rule_description("routing-change", "A region of requests is decided differently."));
    json_array_append_new(
        rules, rule_description("routing-undecided",
                                "Whether requests are decided differently was not decided."));
    for (size_t i = 0; hr_diff_region_get(&region, r->diff, i) == HR_OK; i++)
        json_array_append_new(results, region_result(r, &region));
    for (size_t i = 0; hr_diff_undecided_get(&u, r->diff, i) == HR_OK; i++)
        json_array_append_new(results, undecided_result(&u));
    json_t *driver =
        json_pack("{s:s,s:s,s:o}", "name", "headerroute", "version", hr_version(), "rules", rules);
    json_t *run = json_pack("{s:{s:o},s:o}", "tool", "driver", driver, "results", results);
    json_t *out =
        json_pack("{s:s,s:s,s:[o]}", "$schema", "https://json.schemastore.org/sarif-2.1.0.json",
                  "version", "2.1.0", "runs", run);
    json_dumpf(out, r->out, JSON_INDENT(2));
    fputc('\n', r->out);
    json_decref(out);
}
