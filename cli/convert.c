/* `headerroute convert`: rules in the other language, what it cannot express, and a comparison. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "diff_report.h"
#include "diff_text.h"
#include "flags.h"
#include "input.h"

/* Exit codes: 0 all is expressed and proven equal, 1 something is lost or differs, 2 usage, loading
 * or writing, 3 nothing differs but not all was decided. */
enum { CONVERT_EQUAL = 0, CONVERT_DIFFERS = 1, CONVERT_UNUSABLE = 2, CONVERT_UNDECIDED = 3 };

static void convert_help(FILE *to) {
    fputs("usage: headerroute convert -f PATH [-f PATH]... --to gateway-api|istio [-o DIR] "
          "[FLAGS]\n"
          "\n"
          "Writes VirtualServices and Gateways of Istio as HTTPRoutes and Gateways of the "
          "Kubernetes Gateway API, or\n"
          "HTTPRoutes, GRPCRoutes and their Gateways as VirtualServices and Gateways of Istio. "
          "Prints what the other\n"
          "language cannot express, with its place and consequence, and compares the rules before "
          "and after for all\n"
          "requests, as `headerroute diff` does. The files of -f are not changed.\n"
          "\n" CLI_HELP_FILE "  --to gateway-api|istio   the language to write\n"
          "  -o, --output DIR         write a file for each resource into DIR, which is made if it "
          "is missing\n"
          "                           (default: one stream on standard output)\n" CLI_HELP_LOAD
              CLI_HELP_END "\n"
          "Findings go to standard error, and so does the comparison without -o.\n"
          "\n"
          "Exit 0 if all is expressed and no request is decided differently, which is then proven; "
          "1 if something\n"
          "is lost or differs; 3 if nothing differs but not everything could be decided; 2 if the "
          "command line is\n"
          "wrong, the files do not load or DIR cannot be written.\n",
          to);
}

/* ---- writing ---- */

/* DIR/kind-namespace-name.yaml, malloc'ed. */
static char *file_name(const char *dir, const hr_converted *r) {
    size_t size = strlen(dir) + r->kind.len + r->namespace_.len + r->name.len + 16;
    char *name = cli_realloc(NULL, size);
    size_t at = (size_t)snprintf(name, size, "%s/", dir);
    snprintf(name + at, size - at, "%.*s-%.*s-%.*s.yaml", (int)r->kind.len, r->kind.p,
             (int)r->namespace_.len, r->namespace_.p, (int)r->name.len, r->name.p);
    for (char *p = name + at; p < name + at + r->kind.len; p++)
        *p = *p >= 'A' && *p <= 'Z' ? (char)(*p | 0x20) : *p;
    return name;
}

static bool write_file(const char *name, hr_str text) {
    FILE *file = fopen(name, "wx"); /* never over another file */
    bool good = file != NULL && fwrite(text.p, 1, text.len, file) == text.len;
    if (file != NULL && fclose(file) != 0)
        good = false;
    if (!good)
        fprintf(stderr, "headerroute convert: %s: %s\n", name, strerror(errno));
    return good;
}

/* Removes what was written if a file cannot be. */
static bool write_files(const hr_conversion *c, const char *dir) {
    hr_converted r;
    size_t n = hr_conversion_count(c), written = 0;
    bool good = mkdir(dir, 0777) == 0 || errno == EEXIST;
    if (!good)
        fprintf(stderr, "headerroute convert: %s: %s\n", dir, strerror(errno));
    for (; good && written < n; written += good) {
        hr_conversion_get(&r, c, written);
        char *name = file_name(dir, &r);
        good = write_file(name, r.text);
        free(name);
    }
    for (size_t i = 0; !good && i < written; i++) {
        hr_conversion_get(&r, c, i);
        char *name = file_name(dir, &r);
        remove(name);
        free(name);
    }
    return good;
}

static void write_stream(const hr_conversion *c) {
    hr_converted r;
    for (size_t i = 0; hr_conversion_get(&r, c, i) == HR_OK; i++)
        printf("%s%.*s", i == 0 ? "" : "---\n", (int)r.text.len, r.text.p);
}

/* ---- comparing ---- */

static int compare(const hr_conversion *c, const cli_flags *flags, FILE *out) {
    hr_diff *diff = NULL;
    words_report r = {.ctx = &flags->view, .out = out};
    int rc = hr_diff_new(&diff, hr_conversion_before(c), hr_conversion_after(c), NULL);
    if (rc == HR_OK)
        rc = hr_scratch_new(&r.scratch);
    if (rc != HR_OK) {
        fprintf(stderr, "headerroute convert: %s\n", hr_strerror(rc));
        hr_diff_free(diff);
        return CONVERT_UNUSABLE;
    }
    r.diff = diff;
    size_t views = hr_diff_view_count(diff), subsets = hr_conversion_subsets(c);
    fprintf(out, "compared all requests of %zu %s, before and after", views,
            views == 1 ? "view" : "views");
    if (subsets > 0)
        fprintf(out, "; %zu %s compared as the %s became", subsets,
                subsets == 1 ? "subset is" : "subsets are",
                subsets == 1 ? "Service that it" : "Services that they");
    fputs(":\n", out);
    cli_report_text(&r);
    int code = hr_diff_region_count(diff) > 0 ? CONVERT_DIFFERS
               : hr_diff_complete(diff)       ? CONVERT_EQUAL
                                              : CONVERT_UNDECIDED;
    hr_scratch_free(r.scratch);
    free(r.memory);
    hr_diff_free(diff);
    return code;
}

/* ---- the command ---- */

static int report_conversion(const hr_conversion *c, const cli_flags *flags) {
    const hr_diagnostics *lost = hr_conversion_findings(c);
    cli_print_diagnostics(stderr, lost);
    if (flags->output != NULL && !write_files(c, flags->output))
        return CONVERT_UNUSABLE;
    if (flags->output == NULL)
        write_stream(c);
    FILE *out = flags->output == NULL ? stderr : stdout;
    size_t n = hr_conversion_count(c), n_lost = hr_diagnostics_count(lost);
    fprintf(out, "%zu %s written, %zu %s cannot be expressed\n", n,
            n == 1 ? "resource" : "resources", n_lost, n_lost == 1 ? "place" : "places");
    int code = compare(c, flags, out);
    return n_lost > 0 && code != CONVERT_UNUSABLE ? CONVERT_DIFFERS : code;
}

static int convert_input(const cli_flags *flags, hr_dialect to) {
    cli_input input;
    cli_input_init(&input, flags->recursive, flags->strict);
    hr_conversion *c = NULL;
    hr_diagnostics *found = NULL;
    int code = CONVERT_UNUSABLE;
    if (cli_input_add_all(&input, "convert", &flags->files) == CLI_OK) {
        int rc = hr_convert(&c, &found, input.sources, input.n, &input.options, to);
        cli_input_report(&input, stderr, found);
        if (rc == HR_OK)
            code = report_conversion(c, flags);
        else if (found == NULL || hr_diagnostics_errors(found) == 0)
            fprintf(stderr, "headerroute convert: %s\n", hr_strerror(rc));
    }
    hr_conversion_free(c);
    hr_diagnostics_free(found);
    cli_input_free(&input);
    return code;
}

static int run_convert_command(const cli_flags *flags) {
    if (flags->help) {
        convert_help(stdout);
        return CLI_OK;
    }
    if (flags->rest.n > 0)
        return cli_usage_error("convert", "unexpected argument '%s'; files are given by -f",
                               flags->rest.v[0]);
    if (flags->files.n == 0)
        return cli_usage_error("convert", "expected -f PATH");
    if (flags->to != NULL && strcmp(flags->to, "gateway-api") == 0)
        return convert_input(flags, HR_DIALECT_GATEWAY_API);
    if (flags->to != NULL && strcmp(flags->to, "istio") == 0)
        return convert_input(flags, HR_DIALECT_ISTIO);
    return cli_usage_error("convert", "expected --to gateway-api or --to istio");
}

int cli_convert(int argc, char **argv) {
    cli_flags flags;
    int code = cli_parse_flags(&flags, argc, argv, "flwh");
    if (code == CLI_OK)
        code = run_convert_command(&flags);
    cli_flags_free(&flags);
    return code;
}
