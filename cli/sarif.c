/* Writes findings as SARIF 2.1.0. Numbers in comments are sections of that specification. */
#include "sarif.h"

#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "document_json.h"

void cli_sarif_init(cli_sarif *sarif) {
    *sarif = (cli_sarif){json_array(), json_array(), json_array(), false};
}

/* ---- rules ---- */

/* The index of the rule, which is added if it is new. */
static json_int_t rule_index(cli_sarif *sarif, const cli_sarif_rule *rule) {
    json_t *item;
    size_t i;
    json_array_foreach(sarif->rules, i, item) {
        if (strcmp(json_string_value(json_object_get(item, "id")), rule->name) == 0)
            return (json_int_t)i;
    }
    item =
        json_pack("{s:s,s:{s:s}}", "id", rule->name, "shortDescription", "text", rule->description);
    if (rule->help != NULL)
        json_object_set_new(item, "help", json_pack("{s:s}", "text", rule->help));
    json_array_append_new(sarif->rules, item);
    return (json_int_t)i;
}

/* ---- places ---- */

static bool is_uri_byte(unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("-._~/", c) != NULL);
}

/* A path as a URI reference (3.4.3, RFC 3986): relative paths stay relative to the folder in which
 * the command ran, which is the root of the repository in CI. */
static json_t *file_uri(hr_str path) {
    static const char digits[] = "0123456789ABCDEF", scheme[] = "file://";
    while (path.len > 2 && path.p[0] == '.' && path.p[1] == '/') /* code review tools compare */
        path = (hr_str){path.p + 2, path.len - 2};
    char *uri = cli_realloc(NULL, sizeof(scheme) + path.len * 3);
    size_t n = 0;
    if (path.len > 0 && path.p[0] == '/') {
        memcpy(uri, scheme, sizeof(scheme) - 1);
        n = sizeof(scheme) - 1;
    }
    for (size_t i = 0; i < path.len; i++) {
        unsigned char c = (unsigned char)path.p[i];
        if (is_uri_byte(c)) {
            uri[n++] = (char)c;
            continue;
        }
        uri[n++] = '%';
        uri[n++] = digits[c >> 4];
        uri[n++] = digits[c & 15];
    }
    json_t *out = json_stringn(uri, n);
    free(uri);
    return out;
}

static json_t *location_of(const cli_finding *f) {
    json_t *physical = json_pack("{s:{s:o}}", "artifactLocation", "uri", file_uri(f->file));
    if (f->line > 0) {
        json_t *region = json_pack("{s:i}", "startLine", f->line);
        if (f->column > 0)
            json_object_set_new(region, "startColumn", json_integer(f->column));
        json_object_set_new(physical, "region", region);
    }
    json_t *out = json_pack("{s:o}", "physicalLocation", physical);
    if (f->field.len > 0)
        json_object_set_new(out, "logicalLocations",
                            json_pack("[{s:o}]", "fullyQualifiedName", cli_json_text(f->field)));
    return out;
}

/* ---- results ---- */

static json_t *message_of(const cli_finding *f) {
    json_t *field = cli_json_text(f->field), *message = cli_json_text(f->message);
    json_t *out = json_sprintf("%s%s%s", json_string_value(field), f->field.len > 0 ? ": " : "",
                               json_string_value(message));
    json_decref(field);
    json_decref(message);
    return out;
}

void cli_sarif_add(cli_sarif *sarif, const cli_finding *f, const cli_sarif_rule *rule) {
    static const char *const levels[] = {"note", "warning", "error"};
    json_int_t index = rule_index(sarif, rule);
    if (f->file.len == 0) {
        json_array_append_new(sarif->notifications,
                              json_pack("{s:{s:s,s:I},s:s,s:{s:o}}", "descriptor", "id", rule->name,
                                        "index", index, "level", levels[f->level], "message",
                                        "text", message_of(f)));
        sarif->failed = sarif->failed || f->level == CLI_LEVEL_ERROR;
        return;
    }
    json_array_append_new(sarif->results,
                          json_pack("{s:s,s:I,s:s,s:{s:o},s:[o]}", "ruleId", rule->name,
                                    "ruleIndex", index, "level", levels[f->level], "message",
                                    "text", message_of(f), "locations", location_of(f)));
}

void cli_sarif_write(FILE *out, cli_sarif *sarif) {
    json_t *driver = json_pack("{s:s,s:s,s:o}", "name", "headerroute", "version", hr_version(),
                               "rules", sarif->rules);
    json_t *invocation = json_pack("{s:b}", "executionSuccessful", !sarif->failed);
    if (json_array_size(sarif->notifications) > 0)
        json_object_set(invocation, "toolExecutionNotifications", sarif->notifications);
    json_decref(sarif->notifications);
    /* 3.14.17: columns are characters, as in the messages of every format. */
    json_t *run =
        json_pack("{s:{s:o},s:[o],s:s,s:o}", "tool", "driver", driver, "invocations", invocation,
                  "columnKind", "unicodeCodePoints", "results", sarif->results);
    json_t *log =
        json_pack("{s:s,s:s,s:[o]}", "$schema", "https://json.schemastore.org/sarif-2.1.0.json",
                  "version", "2.1.0", "runs", run);
    json_dumpf(log, out, JSON_INDENT(2));
    fputc('\n', out);
    json_decref(log);
}
