/* Sets the headers of a request that its body decides, as the gateway's --body-header does. */
#include "body.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static int parse_rules(const char *command, cli_body *body) {
    char why[128];
    body->rules = cli_realloc(NULL, body->texts.n * sizeof(*body->rules));
    for (size_t i = 0; i < body->texts.n; i++)
        if (sv_body_rule_parse(&body->rules[i], body->texts.v[i], why, sizeof(why)) != 0)
            return cli_usage_error(command, "--body-header: %s, not '%s'", why, body->texts.v[i]);
    return CLI_OK;
}

/* The beginning of the body, as much of it as the gateway looks at. */
static int read_file(const char *command, cli_body *body, size_t *len) {
    *len = 0;
    if (body->file == NULL)
        return CLI_OK;
    FILE *in = strcmp(body->file, "-") == 0 ? stdin : fopen(body->file, "rb");
    if (in == NULL) {
        fprintf(stderr, "headerroute %s: %s: %s\n", command, body->file, strerror(errno));
        return CLI_FAILED;
    }
    body->bytes = cli_realloc(NULL, SV_BODY_LOOK_AHEAD + 1);
    *len = fread(body->bytes, 1, SV_BODY_LOOK_AHEAD + 1, in);
    int failed = ferror(in);
    if (in != stdin)
        fclose(in);
    if (!failed)
        return CLI_OK;
    fprintf(stderr, "headerroute %s: %s: cannot be read\n", command, body->file);
    return CLI_FAILED;
}

static void look_at(cli_body *body, size_t len) {
    bool whole = len <= SV_BODY_LOOK_AHEAD;
    size_t end = whole ? len : SV_BODY_LOOK_AHEAD;
    if (sv_body_reader_read(body->reader, body->bytes, end, true) && whole)
        sv_body_reader_end(body->reader);
}

static void remove_header(cli_request *request, const char *name) {
    size_t kept = 0;
    for (size_t i = 0; i < request->n_headers; i++) {
        hr_str own = request->headers[i].name;
        if (own.len != strlen(name) || strncasecmp(own.p, name, own.len) != 0)
            request->headers[kept++] = request->headers[i];
    }
    request->n_headers = request->request.n_headers = kept;
}

static bool has_header(const cli_request *request, const sv_body_rule *rule) {
    for (size_t i = 0; i < request->n_headers; i++)
        if (sv_body_rule_sets(rule, request->headers[i].name))
            return true;
    return false;
}

static void set_headers(cli_body *body, cli_request *request) {
    hr_str model = sv_body_model_of_path(request->request.path, body->model, sizeof(body->model));
    for (size_t i = 0; i < body->texts.n; i++)
        remove_header(request, body->rules[i].name);
    for (size_t i = 0; i < body->texts.n; i++) {
        const sv_body_rule *rule = &body->rules[i];
        hr_str value = rule->model_name ? model : sv_body_reader_value(body->reader, i);
        if (value.p != NULL && !has_header(request, rule))
            cli_add_header(request, hr_str_from(rule->name), value);
    }
}

int cli_body_apply(const char *command, cli_body *body, cli_request *request) {
    size_t len;
    if (body->texts.n == 0)
        return body->file == NULL
                   ? CLI_OK
                   : cli_usage_error(command, "--body needs --body-header NAME=PATH: nothing else "
                                              "looks at a body");
    int code = parse_rules(command, body);
    if (code == CLI_OK)
        code = read_file(command, body, &len);
    if (code != CLI_OK)
        return code;
    body->reader = sv_body_reader_new(body->rules, body->texts.n);
    if (body->reader == NULL) {
        fprintf(stderr, "headerroute %s: out of memory\n", command);
        return CLI_FAILED;
    }
    look_at(body, len);
    set_headers(body, request);
    return CLI_OK;
}

void cli_body_free(cli_body *body) {
    sv_body_reader_free(body->reader);
    free(body->texts.v);
    free(body->rules);
    free(body->bytes);
}
