/* The commands `headerroute route` and `headerroute explain`: decide one request or a batch. */
#include <errno.h>
#include <string.h>

#include "batch.h"
#include "flags.h"
#include "input.h"
#include "order.h"
#include "print.h"

static const char route_help[] =
    "usage: headerroute route -f PATH [-f PATH]... [-X METHOD] [-H 'Name: value']... [VIEW]\n"
    "                         [--random R] [--json] URL\n"
    "       headerroute route -f PATH [-f PATH]... [VIEW] --batch FILE|-\n"
    "\n"
    "Shows what Istio's data plane does with a request: which rule takes it, where it goes, and "
    "what the\n"
    "upstream will see. Exit 1 if the rules for the host need a Service that is not loaded.\n"
    "\n" CLI_HELP_FILE CLI_HELP_LOAD CLI_HELP_REQUEST
    "  --json                   the whole decision as one line of JSON\n"
    "  --batch FILE|-           one JSON request a line in, one JSON decision a line "
    "out\n" CLI_HELP_END "\n";

static const char explain_help[] =
    "usage: headerroute explain -f PATH [-f PATH]... [-X METHOD] [-H 'Name: value']... [VIEW]\n"
    "                           [--random R] [--json] URL\n"
    "       headerroute explain --order -f PATH [-f PATH]... [VIEW] [--json] "
    "[NAMESPACE/NAME]\n"
    "\n"
    "Shows every rule that is tried for a request, which condition failed with which value, and "
    "what the\n"
    "view leaves out and why. With --order it shows which neighbouring rules of VirtualServices "
    "(or "
    "of the one\n"
    "that is named) can be swapped without any change, in the view or in all views.\n"
    "\n" CLI_HELP_FILE CLI_HELP_LOAD CLI_HELP_REQUEST
    "  --order                  compare neighbouring rules, for all requests; exit 3 if a pair was "
    "not decided\n"
    "  --json                   the decision at the end as one line of JSON; with --order, all "
    "pairs\n" CLI_HELP_END "\n";

static int report_failure(const char *command, const cli_flags *flags, int error,
                          hr_scratch *scratch) {
    if (error == HR_ENOENT) {
        char why[256];
        cli_views_missing(why, sizeof(why), &flags->view);
        fprintf(stderr, "headerroute %s: %s\n", command, why);
        return CLI_FAILED;
    }
    hr_str why = error == HR_EREQUEST ? hr_scratch_error(scratch) : hr_str_from(hr_strerror(error));
    if (flags->json && error == HR_EREQUEST)
        printf("{\"error\":\"%.*s\"}\n", (int)why.len, why.p);
    else
        fprintf(stderr, "headerroute %s: %.*s\n", command, (int)why.len, why.p);
    return CLI_FAILED;
}

typedef struct loaded {
    hr_table *table;
    hr_diagnostics *findings; /* of explain, the linter's among them */
    bool explain;
} loaded;

/* *incomplete: the rules for the host need a Service that is not loaded. */
static int answer(bool *incomplete, cli_flags *flags, const hr_view *view, hr_scratch *scratch,
                  const loaded *rules) {
    hr_decision d = HR_DECISION_INIT;
    hr_request edge;
    const hr_request *request = &edge;
    int error = cli_edge(&edge, &flags->request, view);
    if (error == HR_OK)
        error = rules->explain ? hr_explain(&d, view, request, scratch, cli_print_event, stdout)
                               : hr_route(&d, view, request, scratch);
    if (error != HR_OK)
        return error;
    *incomplete = hr_decision_lacks_service(&d, request);
    if (rules->explain)
        fputc('\n', stdout);
    if (!flags->json) {
        error = cli_print_decision(stdout, &d, request, scratch);
        cli_print_findings(stdout, &d, rules->findings);
        return error;
    }
    hr_str json;
    cli_print_findings(stdout, &d, rules->findings);
    error = hr_decision_json(&json, &d, request, scratch);
    if (error == HR_OK)
        printf("%.*s\n", (int)json.len, json.p);
    return error;
}

static int one_request(const char *command, cli_flags *flags, const loaded *rules) {
    cli_views views = {.table = rules->table};
    const hr_view *view;
    hr_scratch *scratch = NULL;
    bool incomplete = false;
    int error = hr_scratch_new(&scratch);
    if (error == HR_OK)
        error = cli_views_get(&view, &views, &flags->view, flags->request.called,
                              cli_is_https(&flags->request.request));
    if (error == HR_OK)
        error = answer(&incomplete, flags, view, scratch, rules);
    int code = error != HR_OK ? report_failure(command, flags, error, scratch)
               : incomplete   ? CLI_FAILED
                              : CLI_OK;
    hr_scratch_free(scratch);
    cli_views_free(&views);
    return code;
}

static int whole_batch(const char *command, const cli_flags *flags, hr_table *table) {
    FILE *in = strcmp(flags->batch, "-") == 0 ? stdin : fopen(flags->batch, "r");
    if (in == NULL) {
        fprintf(stderr, "headerroute %s: %s: %s\n", command, flags->batch, strerror(errno));
        return CLI_FAILED;
    }
    cli_batch *batch = cli_batch_new(table, &flags->view, &flags->request.connection);
    int code = batch == NULL ? CLI_FAILED : cli_batch_run(batch, in, stdout);
    cli_batch_free(batch);
    if (ferror(in))
        fprintf(stderr, "headerroute %s: %s: cannot be read\n", command, flags->batch);
    if (in != stdin)
        fclose(in);
    return code;
}

/* CLI_OK, or what is wrong with the flags as a whole. */
static int check_flags(const char *command, cli_flags *flags) {
    if (flags->files.n == 0)
        return cli_usage_error(command, "no configuration: give -f PATH");
    if (flags->order)
        return cli_order_check(flags);
    if (flags->batch != NULL)
        return flags->rest.n == 0 && flags->request.request.n_headers == 0 &&
                       flags->request.request.method.p == NULL && flags->scheme == NULL &&
                       flags->body.file == NULL && flags->body.texts.n == 0
                   ? CLI_OK
                   : cli_usage_error(command,
                                     "--batch takes no URL, no -X, no -H, no --body and no "
                                     "--scheme: every line has its own");
    if (flags->rest.n != 1)
        return cli_usage_error(command, flags->rest.n == 0 ? "no URL" : "more than one URL");
    const char *wrong = cli_parse_url(&flags->request, flags->rest.v[0]);
    if (wrong != NULL)
        return cli_usage_error(command, "%s: '%s'", wrong, flags->rest.v[0]);
    if (flags->scheme != NULL)
        flags->request.request.scheme = hr_str_from(flags->scheme);
    if (flags->request.request.method.p == NULL)
        flags->request.request.method = flags->body.file != NULL ? HR_STR("POST") : HR_STR("GET");
    return cli_body_apply(command, &flags->body, &flags->request);
}

static bool reads_stdin(const cli_list *paths) {
    for (size_t i = 0; i < paths->n; i++)
        if (strcmp(paths->v[i], "-") == 0)
            return true;
    return false;
}

static bool is_stdin(const char *path) {
    return path != NULL && strcmp(path, "-") == 0;
}

static int load_rules(loaded *out, const char *command, const cli_flags *flags) {
    cli_input input;
    if ((is_stdin(flags->batch) || is_stdin(flags->body.file)) && reads_stdin(&flags->files))
        return cli_usage_error(command, "standard input (-) can be read only once");
    cli_input_init(&input, flags->recursive, flags->strict);
    cli_input_expand(&input, flags->expand_rollouts, flags->rollout_step);
    input.options.lint = out->explain;
    input.kept = out->explain ? &out->findings : NULL;
    int code = cli_input_add_all(&input, command, &flags->files);
    if (code == CLI_OK)
        out->table = cli_input_load(command, &input);
    cli_input_free(&input);
    return code == CLI_OK && out->table == NULL ? CLI_FAILED : code;
}

static int run(int argc, char **argv, bool explain) {
    cli_flags flags;
    int code = cli_parse_flags(&flags, argc, argv, explain ? "flvrjeh" : "flvrjbh");
    if (code == CLI_OK && flags.help) {
        fputs(explain ? explain_help : route_help, stdout);
        cli_print_view_help(stdout);
        cli_print_connection_help(stdout);
        cli_flags_free(&flags);
        return CLI_OK;
    }
    if (code == CLI_OK)
        code = check_flags(argv[0], &flags);
    if (code == CLI_OK) {
        loaded rules = {.explain = explain};
        code = load_rules(&rules, argv[0], &flags);
        if (code == CLI_OK)
            code = flags.order           ? cli_order_run(&flags, rules.table)
                   : flags.batch != NULL ? whole_batch(argv[0], &flags, rules.table)
                                         : one_request(argv[0], &flags, &rules);
        hr_diagnostics_free(rules.findings);
        hr_table_unref(rules.table);
    }
    cli_flags_free(&flags);
    return code;
}

int cli_route(int argc, char **argv) {
    return run(argc, argv, false);
}

int cli_explain(int argc, char **argv) {
    return run(argc, argv, true);
}
