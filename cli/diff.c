/* `headerroute diff OLD NEW`: what a change to the rules changes, for all requests. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>

#include "diff_json.h"
#include "diff_locate.h"
#include "diff_report.h"
#include "diff_sarif.h"
#include "diff_text.h"
#include "flags.h"
#include "input.h"

/* Exit codes: 0 proven equal, 1 regions differ, 2 usage or loading, 3 nothing found but not all
 * decided. */
enum { DIFF_EQUAL = 0, DIFF_DIFFERS = 1, DIFF_UNUSABLE = 2, DIFF_UNDECIDED = 3 };

static void diff_help(FILE *to) {
    fputs(
        "usage: headerroute diff OLD NEW [VIEW] [FLAGS]\n"
        "\n"
        "Compares two versions of rules for all requests and prints the regions of requests that "
        "they decide\n"
        "differently, each with the rule on both sides and an example.\n"
        "\n"
        "OLD and NEW are a file or folder each; - reads standard input.\n"
        "\n"
        "  --old PATH               a file or folder of the old side, instead of OLD (repeatable)\n"
        "  --new PATH               a file or folder of the new side, instead of NEW (repeatable)\n"
        "  -R, --recursive          read the subfolders of folders, too\n"
        "  --strict                 a warning of the load is an error\n"
        "  --only WHAT[,WHAT]...    compare only these parts of a decision: destination, weights, "
        "redirect, rewrite,\n"
        "                           direct_response, timeout, retries, mirrors, fault, cors, "
        "headers, load_balancer,\n"
        "                           endpoints, view (default: all of these), traffic_policy\n"
        "  --format text|json|markdown|sarif\n"
        "                           (default: text)\n"
        "  --json                   the same as --format json\n"
        "  --locate FILE            print for each request of FILE (a --batch line each; - reads "
        "standard input)\n"
        "                           the index of the region it lies in, or null\n"
        "  -h, --help               print this help\n"
        "\n"
        "Without a view, all views that either side defines are compared: each port of each "
        "Gateway, and the mesh\n"
        "on each service port, for each namespace and each set of source labels that rules name, "
        "and "
        "for all other\n"
        "namespaces.\n"
        "\n",
        to);
    cli_print_view_help(to);
    fputs("\nExit 0 if no request changes, which is then proven; 1 if regions differ; 3 if none "
          "was found but not\n"
          "everything could be decided; 2 if the command line is wrong or a side does not load.\n",
          to);
}

/* ---- options ---- */

static bool add_change(unsigned *only, const char *name, size_t len) {
    for (size_t bit = 0; bit < HR_CHANGE_COUNT; bit++)
        if (strlen(hr_change_name(bit)) == len && memcmp(hr_change_name(bit), name, len) == 0) {
            *only |= 1u << bit;
            return true;
        }
    return false;
}

static int parse_only(unsigned *only, const char *text) {
    if (text != NULL && *text == '\0')
        return cli_usage_error("diff", "--only names no part of a decision");
    while (text != NULL && *text != '\0') {
        size_t len = strcspn(text, ",");
        if (!add_change(only, text, len))
            return cli_usage_error("diff", "--only: unknown part of a decision '%.*s'", (int)len,
                                   text);
        text += len + (text[len] == ',');
    }
    return CLI_OK;
}

typedef void (*print_fn)(words_report *r);

/* NULL: unknown. */
static print_fn printer_of(const cli_flags *flags) {
    const char *format = flags->format != NULL ? flags->format : flags->json ? "json" : "text";
    static const struct {
        const char *name;
        print_fn print;
    } formats[] = {{"text", cli_report_text},
                   {"json", cli_report_json},
                   {"markdown", cli_report_markdown},
                   {"sarif", cli_report_sarif}};
    for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
        if (strcmp(formats[i].name, format) == 0)
            return formats[i].print;
    return NULL;
}

/* OLD and NEW become --old and --new. */
static int place_sides(cli_flags *flags) {
    bool named = flags->old.n + flags->new_.n > 0;
    if (named && (flags->rest.n > 0 || flags->old.n == 0 || flags->new_.n == 0))
        return cli_usage_error("diff", "expected OLD and NEW, or both --old and --new");
    if (named)
        return CLI_OK;
    if (flags->rest.n != 2)
        return cli_usage_error("diff", "expected two sides, OLD and NEW, got %zu", flags->rest.n);
    cli_push(&flags->old, flags->rest.v[0]);
    cli_push(&flags->new_, flags->rest.v[1]);
    return CLI_OK;
}

/* ---- running ---- */

static int exit_code(const hr_diff *diff) {
    if (hr_diff_region_count(diff) > 0)
        return DIFF_DIFFERS;
    return hr_diff_complete(diff) ? DIFF_EQUAL : DIFF_UNDECIDED;
}

static int print_report(const hr_diff *diff, hr_table *const tables[2], const cli_flags *flags) {
    words_report r = {.diff = diff, .ctx = &flags->view, .out = stdout};
    if (hr_scratch_new(&r.scratch) != HR_OK) {
        fputs("headerroute diff: out of memory\n", stderr);
        return DIFF_UNUSABLE;
    }
    int code = exit_code(diff);
    if (flags->locate != NULL) {
        int failed = cli_report_locate(&r, tables, flags->locate);
        code = failed ? failed : code;
    } else {
        printer_of(flags)(&r);
    }
    hr_scratch_free(r.scratch);
    free(r.memory);
    return code;
}

static int compare_tables(hr_table *const tables[2], const cli_flags *flags, unsigned only) {
    hr_view_options view = cli_view_on_port(&flags->view, flags->view.options.port);
    hr_diff_options options = HR_DIFF_OPTIONS_INIT;
    options.only = only;
    options.view = cli_names_view(&flags->view) ? &view : NULL;
    options.base = &view;
    hr_diff *diff = NULL;
    int error = hr_diff_new(&diff, tables[0], tables[1], &options);
    if (error == HR_ENOENT) {
        char message[256];
        cli_views_missing(message, sizeof(message), &flags->view);
        return cli_usage_error("diff", "%s on either side", message);
    }
    if (error != HR_OK) {
        fprintf(stderr, "headerroute diff: %s\n", hr_strerror(error));
        return DIFF_UNUSABLE;
    }
    int code = print_report(diff, tables, flags);
    hr_diff_free(diff);
    return code;
}

static bool lacks_resources(const hr_diagnostics *d) {
    static const char said[] = "nothing to evaluate";
    bool found = false;
    for (size_t i = 0; i < hr_diagnostics_count(d); i++) {
        hr_str message = hr_diagnostics_get(d, i)->message;
        found |= memmem(message.p, message.len, said, sizeof(said) - 1) != NULL;
    }
    return found;
}

/* A side without any resource is an error: rules that cannot be read would seem to be none. */
static bool load_sides(hr_table *tables[2], const cli_flags *flags) {
    cli_input sides[2];
    const cli_list *paths[2] = {&flags->old, &flags->new_};
    bool good = true;
    for (int i = 0; i < 2; i++)
        cli_input_init(&sides[i], flags->recursive, flags->strict);
    for (int i = 0; i < 2 && good; i++) {
        cli_input_expand(&sides[i], flags->expand_rollouts, flags->rollout_step);
        good = cli_input_add_all(&sides[i], "diff", paths[i]) == CLI_OK;
    }
    if (good && sides[0].standard != NULL && sides[1].standard != NULL)
        good = cli_usage_error("diff", "standard input (-) can be read only once") == CLI_OK;
    bool lacking = false;
    for (int i = 0; i < 2 && good; i++) { /* the findings of both */
        hr_diagnostics *d = NULL;
        sides[i].kept = &d;
        tables[i] = cli_input_load("diff", &sides[i]);
        lacking |= tables[i] == NULL && lacks_resources(d);
        hr_diagnostics_free(d);
    }
    if (lacking)
        fputs("headerroute diff: a side that is empty on purpose needs one resource that decides "
              "nothing, such as a\nConfigMap: {apiVersion: v1, kind: ConfigMap, metadata: {name: "
              "no-rules}}\n",
              stderr);
    good = good && tables[0] != NULL && tables[1] != NULL;
    for (int i = 0; i < 2; i++)
        cli_input_free(&sides[i]);
    return good;
}

static int run_diff_command(cli_flags *flags) {
    unsigned only = 0;
    if (flags->help) {
        diff_help(stdout);
        return CLI_OK;
    }
    if (place_sides(flags) != CLI_OK || parse_only(&only, flags->only) != CLI_OK ||
        cli_refuse_proxies("diff", flags, "diff") != CLI_OK)
        return DIFF_UNUSABLE;
    if (printer_of(flags) == NULL)
        return cli_usage_error("diff", "--format: expected text, json, markdown or sarif, got '%s'",
                               flags->format);
    hr_table *tables[2] = {NULL, NULL};
    int code = DIFF_UNUSABLE;
    if (load_sides(tables, flags))
        code = compare_tables(tables, flags, only);
    hr_table_unref(tables[0]);
    hr_table_unref(tables[1]);
    return code;
}

int cli_diff(int argc, char **argv) {
    cli_flags flags;
    int code = cli_parse_flags(&flags, argc, argv, "lvjdoh");
    if (code == CLI_OK)
        code = run_diff_command(&flags);
    cli_flags_free(&flags);
    return code;
}
