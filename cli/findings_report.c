/* Prints findings as JSON, as workflow commands of GitHub Actions, and as SARIF. */
#include "findings_report.h"

#include <string.h>

#include "cli.h"
#include "document_json.h"
#include "linter_rules.h"
#include "sarif.h"

int cli_format_parse(cli_format *out, const char *command, const char *name) {
    static const char *const names[] = {"text", "json", "github", "sarif"};
    *out = CLI_TEXT;
    for (size_t i = 0; name != NULL && i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(names[i], name) == 0) {
            *out = (cli_format)i;
            return CLI_OK;
        }
    if (name == NULL)
        return CLI_OK;
    return cli_usage_error(command, "--format: expected text, json, github or sarif, got '%s'",
                           name);
}

/* ---- rules ---- */

static const cli_sarif_rule other_rules[] = {
    {"invalid", "A file that cannot be read, or what a cluster with Istio refuses.",
     "Correct the field as the message says."},
    {"questionable", "What Istio accepts although it is deprecated or has no effect.",
     "Use the field that the message names, or remove it."},
    {"not-evaluated",
     "A file that is not a Kubernetes resource, or a kind that decisions do not take into account.",
     "Do not name the file, or check by hand what the message lists."},
    {"test-failed", "A test case for which the rules decide otherwise than expected.",
     "Correct the rules, or the case if the change is meant."},
    {"test-invalid", "A file of test cases that cannot be used.",
     "Correct the file as the message says."},
    {"not-reached", "A part of the rules that no test case reaches.",
     "Add a case; headerroute test --generate prints one for each rule."},
    {"coverage-low", "Test cases that reach less of the rules than --fail-under demands.",
     "Add cases for the parts that are not reached."},
};

static const cli_sarif_rule *rule_named(hr_str name) {
    for (const cli_sarif_rule *rule = cli_linter_rules; rule->name != NULL; rule++)
        if (strcmp(rule->name, name.p) == 0)
            return rule;
    for (size_t i = 0; i < sizeof(other_rules) / sizeof(other_rules[0]); i++)
        if (strcmp(other_rules[i].name, name.p) == 0)
            return &other_rules[i];
    return NULL;
}

/* ---- JSON ---- */

static void set_if_any(json_t *out, const char *key, hr_str text) {
    json_object_set_new(out, key, text.len == 0 ? json_null() : cli_json_text(text));
}

static json_t *number_or_null(int number) {
    return number > 0 ? json_integer(number) : json_null();
}

json_t *cli_findings_json(const cli_findings *findings) {
    static const char *const levels[] = {"note", "warning", "error"};
    json_t *out = json_array();
    for (size_t i = 0; i < findings->n; i++) {
        const cli_finding *f = &findings->v[i];
        json_t *item = json_object();
        json_object_set_new(item, "severity", json_string(levels[f->level]));
        json_object_set_new(item, "rule", cli_json_text(f->rule));
        set_if_any(item, "file", f->file);
        json_object_set_new(item, "line", number_or_null(f->line));
        json_object_set_new(item, "column", number_or_null(f->column));
        set_if_any(item, "field", f->field);
        json_object_set_new(item, "message", cli_json_text(f->message));
        json_array_append_new(out, item);
    }
    return out;
}

/* ---- GitHub ---- */

/* The runner decodes %25, %0D and %0A in a message, and %3A and %2C in a property besides
 * (actions/toolkit, packages/core/src/command.ts). */
static void put_escaped(FILE *out, hr_str text, const char *escaped) {
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.p[i];
        if (c != '\0' && strchr(escaped, c) != NULL)
            fprintf(out, "%%%02X", c);
        else
            fputc(c, out);
    }
}

static void put_property(FILE *out, const char **before, const char *name, hr_str value) {
    fprintf(out, "%s%s=", *before, name);
    put_escaped(out, value, "%\r\n:,");
    *before = ",";
}

static void put_number(FILE *out, const char *name, int value) {
    if (value > 0)
        fprintf(out, ",%s=%d", name, value);
}

void cli_findings_github(FILE *out, const cli_findings *findings) {
    static const char *const commands[] = {"notice", "warning", "error"};
    for (size_t i = 0; i < findings->n; i++) {
        const cli_finding *f = &findings->v[i];
        const char *before = " ";
        fprintf(out, "::%s", commands[f->level]);
        if (f->file.len > 0) {
            put_property(out, &before, "file", f->file);
            put_number(out, "line", f->line);
            put_number(out, "col", f->column);
        }
        put_property(out, &before, "title", f->rule);
        fputs("::", out);
        put_escaped(out, f->field, "%\r\n");
        fputs(f->field.len > 0 ? ": " : "", out);
        put_escaped(out, f->message, "%\r\n");
        fputc('\n', out);
    }
}

/* ---- SARIF ---- */

void cli_findings_sarif(FILE *out, const cli_findings *findings) {
    cli_sarif sarif;
    cli_sarif_init(&sarif);
    for (size_t i = 0; i < findings->n; i++) {
        const cli_finding *f = &findings->v[i];
        const cli_sarif_rule unknown = {.name = f->rule.p, .description = f->rule.p};
        const cli_sarif_rule *rule = rule_named(f->rule);
        cli_sarif_add(&sarif, f, rule != NULL ? rule : &unknown);
    }
    cli_sarif_write(out, &sarif);
}
