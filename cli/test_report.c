/* Prints what `headerroute test` found: TAP, JSON, workflow commands, SARIF and JUnit XML. */
#include "test_report.h"

#include <errno.h>
#include <string.h>

#include "cli.h"
#include "color.h"
#include "document_json.h"

/* ---- TAP ---- */

/* On one line, with a backslash before those of `escaped`. */
static void put_line(FILE *out, const char *text, const char *escaped) {
    for (; *text != '\0'; text++) {
        if (strchr(escaped, *text) != NULL)
            fputc('\\', out);
        fputc(*text == '\n' || *text == '\r' ? ' ' : *text, out);
    }
    fputc('\n', out);
}

static void print_tap(FILE *out, const cli_case_results *results) {
    fprintf(out, "TAP version 13\n1..%zu\n", results->n);
    for (size_t i = 0; i < results->n; i++) {
        const cli_case_result *r = &results->v[i];
        fprintf(out, "%s%s%s %zu - ", cli_color_on(out, r->failure == NULL ? CLI_GREEN : CLI_RED),
                r->failure == NULL ? "ok" : "not ok", cli_color_off(out), i + 1);
        put_line(out, r->description, "#\\"); /* a '#' would begin a directive */
        if (r->failure != NULL) {
            fprintf(out, "# %s:%d: ", r->file, r->line);
            put_line(out, r->failure, "");
        }
    }
    fprintf(out, "# %s%zu passed, %zu failed%s\n",
            cli_color_on(out, results->failed == 0 ? CLI_GREEN : CLI_RED),
            results->n - results->failed, results->failed, cli_color_off(out));
}

void cli_test_text(FILE *out, const cli_case_results *results, const cli_coverage *coverage) {
    print_tap(out, results);
    if (coverage != NULL)
        cli_coverage_print(out, coverage);
}

/* ---- JUnit ---- */

static void put_xml(FILE *out, const char *text) {
    for (; *text != '\0'; text++) {
        switch (*text) {
        case '<':
            fputs("&lt;", out);
            break;
        case '>':
            fputs("&gt;", out);
            break;
        case '&':
            fputs("&amp;", out);
            break;
        case '"':
            fputs("&quot;", out);
            break;
        default:
            if ((unsigned char)*text >= 0x20 || *text == '\t' || *text == '\n')
                fputc(*text, out);
            else
                fputc('?', out);
            break;
        }
    }
}

int cli_test_junit(const char *path, const cli_case_results *results) {
    FILE *out = fopen(path, "w");
    if (out == NULL) {
        fprintf(stderr, "headerroute test: %s: %s\n", path, strerror(errno));
        return CLI_FAILED;
    }
    fprintf(out,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n<testsuite "
            "name=\"headerroute\" tests=\"%zu\" failures=\"%zu\">\n",
            results->n, results->failed);
    for (size_t i = 0; i < results->n; i++) {
        const cli_case_result *r = &results->v[i];
        fputs("<testcase classname=\"", out);
        put_xml(out, r->file);
        fputs("\" name=\"", out);
        put_xml(out, r->description);
        fputs("\">", out);
        if (r->failure != NULL) {
            fputs("<failure message=\"", out);
            put_xml(out, r->failure);
            fprintf(out, "\">%s:%d</failure>", r->file, r->line);
        }
        fputs("</testcase>\n", out);
    }
    fputs("</testsuite>\n</testsuites>\n", out);
    bool failed = ferror(out) != 0;
    if (fclose(out) != 0 || failed) {
        fprintf(stderr, "headerroute test: %s: cannot be written\n", path);
        return CLI_FAILED;
    }
    return CLI_OK;
}

/* ---- other formats ---- */

static void add_failures(cli_findings *findings, const cli_case_results *results) {
    for (size_t i = 0; i < results->n; i++) {
        const cli_case_result *r = &results->v[i];
        cli_finding finding = {
            .level = CLI_LEVEL_ERROR,
            .rule = CLI_RULE_TEST_FAILED,
            .file = hr_str_from(r->file),
            .line = r->line,
            .field = hr_str_from(r->description),
        };
        if (r->failure != NULL) {
            finding.message = hr_str_from(r->failure);
            cli_findings_add(findings, &finding);
        }
    }
}

static void add_unreached(void *ctx, const char *file, int line, const char *what) {
    cli_finding finding = {
        .level = CLI_LEVEL_NOTE,
        .rule = CLI_RULE_NOT_REACHED,
        .file = hr_str_from(file),
        .line = line,
        .message = hr_str_from(what),
    };
    cli_findings_add(ctx, &finding);
}

static json_t *cases_json(const cli_case_results *results) {
    json_t *out = json_array();
    for (size_t i = 0; i < results->n; i++) {
        const cli_case_result *r = &results->v[i];
        json_t *item = json_object();
        json_object_set_new(item, "description", cli_json_text(hr_str_from(r->description)));
        json_object_set_new(item, "file", cli_json_text(hr_str_from(r->file)));
        json_object_set_new(item, "line", json_integer(r->line));
        json_object_set_new(item, "passed", json_boolean(r->failure == NULL));
        json_object_set_new(item, "failure",
                            r->failure == NULL ? json_null()
                                               : cli_json_text(hr_str_from(r->failure)));
        json_array_append_new(out, item);
    }
    return out;
}

static json_t *coverage_json(const cli_coverage *coverage) {
    cli_coverage_counts c;
    cli_coverage_count(&c, coverage);
    json_t *out = json_pack("{s:f}", "percent", cli_coverage_percent(coverage));
    for (size_t i = 0; i < CLI_COVERAGE_KINDS; i++)
        json_object_set_new(out, cli_coverage_kinds[i],
                            json_pack("{s:I,s:I}", "reached", (json_int_t)c.reached[i], "all",
                                      (json_int_t)c.all[i]));
    return out;
}

static void print_json(FILE *out, const cli_case_results *results, const cli_coverage *coverage,
                       const cli_findings *findings) {
    json_t *root =
        json_pack("{s:I,s:I,s:o,s:o}", "passed", (json_int_t)(results->n - results->failed),
                  "failed", (json_int_t)results->failed, "cases", cases_json(results), "findings",
                  cli_findings_json(findings));
    if (coverage != NULL)
        json_object_set_new(root, "coverage", coverage_json(coverage));
    json_dumpf(root, out, JSON_INDENT(2));
    fputc('\n', out);
    json_decref(root);
}

void cli_test_report(FILE *out, cli_format format, const cli_case_results *results,
                     const cli_coverage *coverage, cli_findings *findings) {
    if (format != CLI_JSON) /* which has the cases */
        add_failures(findings, results);
    if (coverage != NULL)
        cli_coverage_each_unreached(coverage, add_unreached, findings);
    if (format == CLI_JSON) {
        print_json(out, results, coverage, findings);
        return;
    }
    if (format == CLI_SARIF) {
        cli_findings_sarif(out, findings);
        return;
    }
    cli_test_text(out, results, coverage); /* for readers of the log */
    cli_findings_github(out, findings);
}
