/* Answers /rules of the page: for each rule a request that it decides, found by hr_reach. */
#include "rules.h"

#include "aside.h"
#include "json_out.h"

#define MAX_RULES_JSON ((size_t)256 << 10)

/* Clients of the page are not trusted: what the search may take is a small part of its defaults,
 * which bounds its time to tenths of a second and its memory to about 3 MiB (docs/limits.md). What
 * is not found within it is "undecided"; of larger tables, all rules are left out. */
#define MAX_REACH_WORK 1000000
#define MAX_REACH_STEPS 500
#define MAX_REACH_RULES 1000
#define MAX_REACH_TABLE ((size_t)5 << 19) /* bytes: a rule may have any number of matches */

static void rules_put_string(sv_text *json, const char *name, hr_str value) {
    sv_json_member(json, name, value.p, value.len);
}

static void rules_put_headers(sv_text *json, const hr_request *witness) {
    sv_json_name(json, "headers");
    if (witness == NULL) {
        sv_text_str(json, "null");
        return;
    }
    sv_text_str(json, "[");
    for (size_t i = 0; i < witness->n_headers; i++) {
        const hr_pair *header = &witness->headers[i];
        sv_text_str(json, i > 0 ? ",[" : "[");
        sv_json_string(json, header->name.p, header->name.len);
        sv_text_str(json, ",");
        sv_json_string(json, header->value.p, header->value.len);
        sv_text_str(json, "]");
    }
    sv_text_str(json, "]");
}

static void rules_put_one(sv_text *json, const hr_reached *rule) {
    sv_text_str(json, "{\"state\":\"");
    sv_text_str(json, hr_reach_state_name(rule->state));
    sv_text_str(json, "\"");
    rules_put_string(json, "virtual_service", rule->place.virtual_service);
    sv_json_member_int(json, "route_index", rule->place.route_index);
    sv_json_member_int(json, "match_index", rule->place.match_index);
    rules_put_string(json, "file", rule->place.file);
    sv_json_member_int(json, "line", rule->place.line);
    rules_put_string(json, "path", rule->witness != NULL ? rule->witness->path : (hr_str){0});
    rules_put_headers(json, rule->witness);
    sv_text_str(json, "}");
}

static void rules_put_all(sv_text *json, const hr_reach *reach) {
    hr_reached rule = HR_REACHED_INIT;
    unsigned long long left_out = 0;
    size_t first = json->len;
    for (size_t i = 0; hr_reach_get(&rule, reach, i) == HR_OK; i++) {
        if (rule.place.file.p == NULL) /* the answer where no rule matches */
            continue;
        if (json->len > MAX_RULES_JSON) {
            left_out++;
            continue;
        }
        sv_text_str(json, json->len > first ? "," : "");
        rules_put_one(json, &rule);
    }
    sv_text_printf(json, "],\"left_out\":%llu}", left_out);
}

static void write_rules(gw_aside *aside) {
    hr_stats stats = HR_STATS_INIT;
    hr_table_stats(&stats, aside->config->table);
    if (stats.routes > MAX_REACH_RULES || stats.bytes > MAX_REACH_TABLE) {
        sv_text_printf(&aside->json, "{\"rules\":[],\"left_out\":%zu}", stats.routes);
        return;
    }
    const hr_where within[] = {
        {.field = HR_STR("method"), .value = HR_STR("POST")},
        {.field = HR_STR("path"), .value = HR_STR("/predict")},
        {.field = HR_STR("authority"), .value = {aside->question, aside->len}},
    };
    hr_reach_options options = HR_REACH_OPTIONS_INIT;
    options.within = within;
    options.n_within = sizeof(within) / sizeof(within[0]);
    options.max_work = MAX_REACH_WORK;
    options.max_steps = MAX_REACH_STEPS;
    hr_reach *reach;
    if (hr_reach_new(&reach, aside->listener->view, &options) != HR_OK) {
        aside->json.failed = true;
        return;
    }
    sv_text_str(&aside->json, "{\"rules\":[");
    rules_put_all(&aside->json, reach);
    hr_reach_free(reach);
}

void gw_rules(sv_exchange *ex) {
    gw_answer_aside(ex, GW_ASIDE_RULES, write_rules, ex->request.authority);
}
