/* Writes test cases for rules that have none: for each rule a request that it decides, and the
 * decision. */
#define _GNU_SOURCE
#include "generate.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "claims_json.h"
#include "coverage.h"
#include "diff_report.h"
#include "diff_words.h"
#include "document_json.h"

typedef struct generator {
    const cli_flags *flags;
    hr_table *table;
    words_report report;    /* its scratch and memory are used again for each decision */
    cli_coverage *coverage; /* what the cases reach */
    json_t *done;           /* rules that have a case, by their text */
    json_t *open;           /* rules, or whole VirtualServices, that were not reached -> why */
    bool begun;
    int error; /* HR_OK so far */
} generator;

/* ---- YAML ---- */

/* Whether a YAML reader takes the text for a string as it stands. */
static bool is_plain(const char *text) {
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-";
    static const char *const words[] = {"true", "false", "null", "yes", "no",
                                        "on",   "off",   "y",    "n"};
    size_t n = strlen(text);
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strcasecmp(text, words[i]) == 0)
            return false;
    return n > 0 && strspn(text, allowed) == n && strchr("0123456789.-_", text[0]) == NULL;
}

/* JSON is YAML; what needs no quotes has none. */
static void put_yaml_value(const json_t *value, bool key) {
    const char *name;
    json_t *item;
    size_t i, n = 0;
    if (json_is_string(value) && is_plain(json_string_value(value))) {
        printf("%s", json_string_value(value));
    } else if (json_is_object(value) && !key) {
        putchar('{');
        json_object_foreach((json_t *)value, name, item) {
            json_t *text = json_string(name);
            printf("%s", n++ == 0 ? "" : ", ");
            put_yaml_value(text, true);
            printf(": ");
            put_yaml_value(item, false);
            json_decref(text);
        }
        putchar('}');
    } else if (json_is_array(value)) {
        putchar('[');
        json_array_foreach(value, i, item) {
            printf("%s", i == 0 ? "" : ", ");
            put_yaml_value(item, false);
        }
        putchar(']');
    } else {
        json_dumpf(value, stdout, JSON_ENCODE_ANY | JSON_COMPACT);
    }
}

static void put_block(const char *key, json_t *value) {
    if (json_object_size(value) > 0) {
        printf("  %s: ", key);
        put_yaml_value(value, false);
        putchar('\n');
    }
    json_decref(value);
}

/* ---- one case ---- */

/* A header that comes more than once has a list of values. */
static void add_value(json_t *headers, const hr_pair *header) {
    char *name = cli_strdup(header->name.p, header->name.len);
    json_t *known = json_object_get(headers, name), *value = cli_json_text(header->value);
    if (known == NULL) {
        json_object_set_new(headers, name, value);
    } else if (json_is_array(known)) {
        json_array_append_new(known, value);
    } else {
        json_t *list = json_array();
        json_array_append(list, known);
        json_array_append_new(list, value);
        json_object_set_new(headers, name, list);
    }
    free(name);
}

static bool is_word(hr_str s, const char *word) {
    return s.len == strlen(word) && memcmp(s.p, word, s.len) == 0;
}

static json_t *list_of(hr_str value) {
    json_t *list = json_array();
    json_array_append_new(list, cli_json_text(value));
    return list;
}

static json_t *request_of(const hr_request *r) {
    json_t *out = json_object(), *headers = json_object();
    json_object_set_new(out, "authority", list_of(r->authority));
    if (!is_word(r->method, "GET"))
        json_object_set_new(out, "method", list_of(r->method));
    if (!is_word(r->scheme, "http"))
        json_object_set_new(out, "scheme", list_of(r->scheme));
    if (!is_word(r->path, "/"))
        json_object_set_new(out, "uri", list_of(r->path));
    for (size_t i = 0; i < r->n_headers; i++)
        add_value(headers, &r->headers[i]);
    if (json_object_size(headers) > 0)
        json_object_set(out, "headers", headers);
    json_decref(headers);
    cli_set_claims(out, r);
    return out;
}

static json_t *view_of(const hr_view_options *v) {
    json_t *out = json_object(), *labels = json_object();
    bool gateway = v->gateway.p != NULL && !is_word(v->gateway, "mesh");
    if (gateway)
        json_object_set_new(out, "gateway", cli_json_text(v->gateway));
    json_object_set_new(out, "port", json_integer(v->port));
    if (v->namespace_.p != NULL && !is_word(v->namespace_, "default"))
        json_object_set_new(out, "namespace", cli_json_text(v->namespace_));
    for (size_t i = 0; i < v->n_source_labels; i++) {
        char *name = cli_strdup(v->source_labels[i].name.p, v->source_labels[i].name.len);
        json_object_set_new(labels, name, cli_json_text(v->source_labels[i].value));
        free(name);
    }
    if (json_object_size(labels) > 0)
        json_object_set(out, "sourceLabels", labels);
    json_decref(labels);
    return out;
}

/* What a reader of the rules cares for; the rest is in the decision as well. */
static json_t *decision_of(const json_t *all) {
    static const char *const members[] = {"action",   "destination",     "timeout_ms",
                                          "redirect", "direct_response", "local_reply"};
    json_t *out = json_object();
    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
        json_t *value = json_object_get(all, members[i]);
        if (value != NULL && !json_is_null(value))
            json_object_set(out, members[i], value);
    }
    return out;
}

static void put_case(const char *name, const hr_view_options *options, const hr_request *request,
                     const json_t *decision) {
    json_t *description = json_string(name);
    printf("- description: ");
    put_yaml_value(description, false);
    putchar('\n');
    json_decref(description);
    put_block("view", view_of(options));
    put_block("request", request_of(request));
    put_block("decision", decision_of(decision));
}

/* Whether YAML can express all of it: bytes that are no UTF-8 cannot be. */
static bool can_be_json(hr_str s) {
    json_t *text = json_stringn(s.len == 0 ? "" : s.p, s.len);
    json_decref(text);
    return text != NULL;
}

static bool can_be_written(const hr_request *r) {
    bool ok = can_be_json(r->authority) && can_be_json(r->path);
    for (size_t i = 0; i < r->n_headers && ok; i++)
        ok = can_be_json(r->headers[i].value);
    for (size_t i = 0; i < r->n_claims && ok; i++)
        ok = can_be_json(r->claims[i].value);
    return ok;
}

static int decide_witness(generator *g, const hr_view *view, const hr_request *witness,
                          json_t **out) {
    hr_decision d = HR_DECISION_INIT;
    hr_request edge;
    hr_str text;
    hr_scratch *scratch = g->report.scratch;
    int error = words_report_route(&d, &edge, &g->report, view, witness);
    if (error == HR_OK)
        cli_coverage_mark(g->coverage, &d);
    if (error == HR_OK)
        error = hr_decision_json(&text, &d, &edge, scratch);
    *out = error == HR_OK ? json_loadb(text.p, text.len, 0, NULL) : NULL;
    return error;
}

static void generate_case(generator *g, const hr_view *view, const hr_view_options *options,
                          const hr_reached *rule) {
    json_t *decision = NULL;
    char *name = words_of_rule(&rule->place);
    hr_request witness = *rule->witness;
    witness.draws = (hr_draws){0};
    g->error = decide_witness(g, view, &witness, &decision);
    if (g->error == HR_OK) {
        if (!g->begun)
            puts("testCases:");
        g->begun = true;
        put_case(name, options, &witness, decision);
        json_object_set_new(g->done, name, json_true());
    }
    json_decref(decision);
    free(name);
}

/* ---- all rules ---- */

static bool names_a_view(const cli_view *v) {
    return v->options.gateway.p != NULL || v->options.port != 0 || v->options.namespace_.p != NULL;
}

static void note_open(generator *g, const char *rule, const char *why) {
    json_object_set_new(g->open, rule, json_string(why));
}

static void note_unreached(generator *g, const hr_reached *rule) {
    char *name = words_of_rule(&rule->place), *why = NULL, *first = NULL;
    int n;
    if (rule->state == HR_REACH_SOME)
        n = asprintf(&why, "the only requests found have bytes that are not UTF-8");
    else if (rule->state == HR_REACH_UNDECIDED)
        n = asprintf(&why, "not decided: %.*s", (int)rule->reason.len, rule->reason.p);
    else if (rule->n_earlier == 0)
        n = asprintf(&why, "no request meets its conditions");
    else {
        first = words_of_rule(&rule->earlier[0]);
        n = asprintf(&why, "%s%s all of its requests", first,
                     rule->n_earlier == 1 ? " takes" : " and other earlier rules take");
    }
    if (n < 0)
        abort();
    note_open(g, name, why);
    free(name);
    free(why);
    free(first);
}

/* What a view does not see. */
static void note_omitted(void *ctx, const hr_trace_event *e) {
    generator *g = ctx;
    if (e->kind != HR_TRACE_OMITTED)
        return;
    hr_diff_rule place = {.virtual_service = e->virtual_service,
                          .route_index = e->route_index,
                          .match_index = e->match_index};
    char *name = e->route_index >= 0 ? words_of_rule(&place)
                                     : cli_strdup(e->virtual_service.p, e->virtual_service.len);
    char *why = cli_strdup(e->detail.p, e->detail.len);
    if (json_object_get(g->open, name) == NULL)
        note_open(g, name, why);
    free(name);
    free(why);
}

static void find_omitted(generator *g, const hr_view *view) {
    hr_decision d = HR_DECISION_INIT;
    hr_request any = HR_REQUEST_INIT;
    any.method = hr_str_from("GET");
    any.scheme = hr_str_from("http");
    any.authority = hr_str_from("example.com");
    any.path = hr_str_from("/");
    hr_explain(&d, view, &any, g->report.scratch, note_omitted, g);
}

static void generate_view(generator *g, const hr_view_options *options) {
    hr_view *view = NULL;
    hr_reach *reach = NULL;
    hr_reached rule = HR_REACHED_INIT;
    int error = hr_view_new(&view, g->table, options);
    if (error == HR_ENOENT && !names_a_view(&g->flags->view)) /* a port without an HTTP server */
        return;
    g->error = error != HR_OK ? error : hr_reach_new(&reach, view, NULL);
    for (size_t i = 0; g->error == HR_OK && hr_reach_get(&rule, reach, i) == HR_OK; i++) {
        if (rule.place.virtual_service.p == NULL)
            continue;
        char *name = words_of_rule(&rule.place);
        bool done = json_object_get(g->done, name) != NULL;
        free(name);
        if (done)
            continue;
        if (rule.state == HR_REACH_SOME && can_be_written(rule.witness))
            generate_case(g, view, options, &rule);
        else
            note_unreached(g, &rule);
    }
    if (g->error == HR_OK)
        find_omitted(g, view);
    hr_reach_free(reach);
    hr_view_unref(view);
}

static void generate_port(generator *g, hr_str namespace_, uint16_t port, json_t *seen) {
    char key[300];
    hr_view_options options = cli_view_on_port(&g->flags->view, port);
    snprintf(key, sizeof(key), "%.*s %u", (int)namespace_.len, namespace_.p, port);
    if (json_object_get(seen, key) != NULL)
        return;
    json_object_set_new(seen, key, json_true());
    options.namespace_ = namespace_;
    generate_view(g, &options);
}

/* The mesh as pods of one namespace see it, on each port of a service. */
static void generate_mesh(generator *g, hr_str namespace_, json_t *seen) {
    generate_port(g, namespace_, 80, seen);
    for (size_t i = 0; i < hr_table_service_count(g->table) && g->error == HR_OK; i++) {
        hr_service_info service = HR_SERVICE_INFO_INIT;
        hr_table_service(&service, g->table, i);
        for (size_t p = 0; p < service.n_ports && g->error == HR_OK; p++)
            generate_port(g, namespace_, service.ports[p], seen);
    }
}

static void generate_gateways(generator *g) {
    for (size_t i = 0; i < hr_table_gateway_count(g->table); i++) {
        hr_gateway_info info = HR_GATEWAY_INFO_INIT;
        hr_table_gateway(&info, g->table, i);
        for (size_t p = 0; p < info.n_ports && g->error == HR_OK; p++) {
            hr_view_options options = cli_view_on_port(&g->flags->view, info.ports[p]);
            options.gateway = info.name;
            generate_view(g, &options);
        }
    }
}

static void generate_all(generator *g) {
    json_t *seen = json_object();
    const char *const start = "default";
    generate_mesh(g, hr_str_from(start), seen);
    for (size_t i = 0; i < hr_table_virtual_service_count(g->table) && g->error == HR_OK; i++) {
        hr_virtual_service_info v = HR_VIRTUAL_SERVICE_INFO_INIT;
        hr_table_virtual_service(&v, g->table, i);
        const char *slash = memchr(v.name.p, '/', v.name.len);
        hr_str namespace_ = {v.name.p, slash == NULL ? v.name.len : (size_t)(slash - v.name.p)};
        generate_mesh(g, namespace_, seen);
    }
    generate_gateways(g);
    json_decref(seen);
}

static void put_gap(void *ctx, const char *owner, const char *rule) {
    const generator *g = ctx;
    char *name;
    if (asprintf(&name, "%s %s", owner, rule) < 0)
        abort();
    const json_t *why = json_object_get(g->open, name);
    char *match = strstr(name, ".match[");
    printf("# %s: ", name);
    if (why == NULL && match != NULL) { /* the whole rule may be left out */
        *match = '\0';
        why = json_object_get(g->open, name);
    }
    if (why == NULL)
        why = json_object_get(g->open, owner);
    puts(why == NULL ? "no view has it" : json_string_value(why));
    free(name);
}

/* The views of the flags, or all. */
static int generate_cases(generator *g, const cli_input *input) {
    const cli_flags *flags = g->flags;
    hr_view_options options = cli_view_on_port(&flags->view, flags->view.options.port);
    if (!cli_coverage_add(g->coverage, input))
        return CLI_FAILED;
    if (names_a_view(&flags->view))
        generate_view(g, &options);
    else
        generate_all(g);
    if (g->error == HR_ENOENT) {
        char message[256];
        cli_views_missing(message, sizeof(message), &flags->view);
        return cli_usage_error("test", "%s", message);
    }
    cli_coverage_each_gap(g->coverage, put_gap, g);
    if (g->error != HR_OK)
        fprintf(stderr, "headerroute test: %s\n", hr_strerror(g->error));
    else if (!g->begun)
        fputs("headerroute test: no rule of a VirtualService is reached in these views\n", stderr);
    return g->error == HR_OK && g->begun ? CLI_OK : CLI_FAILED;
}

int cli_generate(const cli_flags *flags) {
    if (flags->files.n == 0)
        return cli_usage_error("test", "--generate: no rules: expected -f PATH");
    if (flags->rest.n > 0)
        return cli_usage_error("test", "--generate: unexpected file of test cases %s",
                               flags->rest.v[0]);
    cli_input input;
    generator g = {.flags = flags};
    if (cli_refuse_proxies("test", flags, "--generate") != CLI_OK)
        return CLI_USAGE;
    cli_input_init(&input, flags->recursive, flags->strict);
    cli_input_expand(&input, flags->expand_rollouts, flags->rollout_step);
    int code = cli_input_add_all(&input, "test", &flags->files);
    if (code == CLI_OK)
        g.table = cli_input_load("test", &input);
    g.coverage = cli_coverage_new();
    g.done = json_object();
    g.open = json_object();
    if (code == CLI_OK)
        code = CLI_FAILED;
    if (g.table != NULL && hr_scratch_new(&g.report.scratch) == HR_OK)
        code = generate_cases(&g, &input);
    hr_scratch_free(g.report.scratch);
    hr_table_unref(g.table);
    cli_coverage_free(g.coverage);
    json_decref(g.done);
    json_decref(g.open);
    free(g.report.memory);
    cli_input_free(&input);
    return code;
}
