/* Runs the cases of a file and compares each decision with the expectation. */
#define _GNU_SOURCE
#include "suite.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "case_input.h"
#include "claims.h"
#include "document_json.h"
#include "roots.h"
#include "statement.h"

/* ---- what a case is while it runs ---- */

typedef struct test_case {
    cli_suite *suite;
    const json_t *root;
    json_t *request;
    cli_view view;
    bool want_match;
    char *failure;
} test_case;

__attribute__((format(printf, 2, 3))) static void fail(test_case *t, const char *format, ...) {
    va_list args;
    if (t->failure != NULL)
        return;
    va_start(args, format);
    if (vasprintf(&t->failure, format, args) < 0)
        t->failure = cli_strdup("failed", 6);
    va_end(args);
}

static const char *string_at(const json_t *list, size_t index, const char *otherwise) {
    const json_t *item = json_is_array(list) ? json_array_get(list, index)
                         : index == 0        ? list
                                             : NULL;
    return item == NULL && index == 0 ? otherwise : json_string_value(item);
}

/* How many values a field of the request has: a list's items, or one. */
static size_t count(const json_t *list) {
    return json_is_array(list) && json_array_size(list) > 0 ? json_array_size(list) : 1;
}

static void add_headers(test_case *t, cli_request *r) {
    const char *name;
    json_t *value;
    json_object_foreach(json_object_get(t->request, "headers"), name, value) {
        for (size_t i = 0; i < count(value); i++) {
            const char *text = string_at(value, i, NULL);
            if (text == NULL)
                fail(t, "request.headers.%s is not a string", name);
            else
                cli_add_header(r, hr_str_from(name), hr_str_from(text));
        }
    }
}

/* ---- which view ---- */

/* What is decided, of which request: the proxies of the view have set their headers. */
typedef struct outcome {
    hr_decision decision;
    hr_request request;
    const hr_view *view;
} outcome;

static int decide(outcome *out, test_case *t, cli_views *views, const cli_view *wanted,
                  cli_request *r) {
    int error =
        cli_views_get(&out->view, views, wanted, r->request.authority, cli_is_https(&r->request));
    if (error == HR_OK)
        error = cli_edge(&out->request, r, out->view);
    return error != HR_OK ? error
                          : hr_route(&out->decision, out->view, &out->request, t->suite->scratch);
}

static bool has_rule(const hr_decision *d) {
    return d->virtual_service.p != NULL;
}

/* Whether a service is the host, or its first labels are ("reviews" of
 * "reviews.default.svc.cluster.local"). */
static bool is_called(hr_str service, hr_str host) {
    return service.len >= host.len && memcmp(service.p, host.p, host.len) == 0 &&
           (service.len == host.len || service.p[host.len] == '.');
}

/* Cases seldom say which port a host is called on: those of a service of that name are tried. */
static int decide_on_service_ports(outcome *out, test_case *t, cli_views *views, cli_request *r) {
    hr_str host = cli_authority_host(r->request.authority);
    for (size_t i = 0; i < hr_table_service_count(t->suite->table); i++) {
        hr_service_info service = HR_SERVICE_INFO_INIT;
        hr_table_service(&service, t->suite->table, i);
        for (size_t p = 0; is_called(service.host, host) && p < service.n_ports; p++) {
            cli_view view = t->view;
            view.options.port = service.ports[p];
            if (decide(out, t, views, &view, r) == HR_OK && has_rule(&out->decision))
                return HR_OK;
        }
    }
    return HR_ENOENT;
}

/* The mesh; else the first Gateway that has a rule for the request; else the mesh's answer. */
static int decide_somewhere(outcome *out, test_case *t, cli_views *views, cli_request *r) {
    int error = decide(out, t, views, &t->view, r);
    if (t->view.options.gateway.p != NULL || error == HR_EREQUEST ||
        (error == HR_OK && has_rule(&out->decision)))
        return error;
    if (t->view.options.port == 0 && decide_on_service_ports(out, t, views, r) == HR_OK)
        return HR_OK;
    for (size_t i = 0; i < hr_table_gateway_count(t->suite->table); i++) {
        hr_gateway_info info = HR_GATEWAY_INFO_INIT;
        hr_table_gateway(&info, t->suite->table, i);
        cli_view view = t->view;
        view.options.gateway = info.name;
        if (decide(out, t, views, &view, r) == HR_OK && has_rule(&out->decision))
            return HR_OK;
    }
    return decide(out, t, views, &t->view, r);
}

/* ---- what is expected ---- */

static char *text_of(const json_t *value) {
    char *text =
        value == NULL ? NULL : json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_SORT_KEYS);
    return text != NULL ? text : cli_strdup("nothing", 7);
}

static void expect_block(test_case *t, const char *what, const char *key, const json_t *expected,
                         const json_t *actual) {
    bool equal = actual != NULL && json_equal(expected, actual);
    if (equal == t->want_match)
        return;
    char *have = text_of(actual), *want = text_of(expected);
    fail(t, "%s: %s is %s, want %s%s", what, key, have, t->want_match ? "" : "anything but ", want);
    free(have);
    free(want);
}

static cli_views *root_views(cli_suite *suite) {
    if (suite->roots == NULL)
        suite->roots = cli_roots_load(suite->input);
    suite->root_views.table = suite->roots;
    return suite->roots == NULL ? NULL : &suite->root_views;
}

/* Of "namespace/name". */
static size_t namespace_length(hr_str id) {
    const char *slash = memchr(id.p, '/', id.len);
    return slash == NULL ? id.len : (size_t)(slash - id.p);
}

/* The `delegate` of a rule, with the namespace that it means. NULL: the rule has none. */
static json_t *delegate_of(const json_t *entry, hr_str id) {
    const json_t *delegate = json_object_get(entry, "delegate");
    if (!json_is_object(delegate))
        return NULL;
    json_t *out = json_deep_copy(delegate);
    if (json_object_get(out, "namespace") == NULL)
        json_object_set_new(out, "namespace", json_stringn(id.p, namespace_length(id)));
    return out;
}

static const char *member(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    return text == NULL ? "" : text;
}

/* Rules of a delegate that conflict with the rule that names it are dropped, so that it never gets
 * a request. */
static void check_takes_part(test_case *t, const char *what, const json_t *delegate,
                             const hr_decision *root) {
    const char *name = member(delegate, "name"), *namespace_ = member(delegate, "namespace");
    if (t->want_match && cli_rules_have(t->suite->rules, namespace_, name) &&
        !cli_delegate_takes_part(t->suite->table, root->virtual_service, root->root_route_index))
        fail(t,
             "%s: rule http[%d] of %.*s names the delegate %s/%s, but Istio drops the delegate's "
             "rules: their matches "
             "conflict with the match of that rule, or the delegate is not exported to its "
             "namespace",
             what, (int)root->root_route_index, (int)root->virtual_service.len,
             root->virtual_service.p, namespace_, name);
}

/* `delegate` is what the first matching rule of the root says, as in istio-config-validator: what
 * the delegate does with the request does not count, and it need not be loaded. */
static void expect_delegate(test_case *t, const char *what, const json_t *expected,
                            cli_request *request) {
    outcome o = {.decision = HR_DECISION_INIT};
    cli_views *views = root_views(t->suite);
    if (views == NULL || decide_somewhere(&o, t, views, request) != HR_OK) {
        fail(t, "%s: the rules cannot be evaluated without their delegates", what);
        return;
    }
    const hr_decision *d = &o.decision;
    json_t *entry = cli_rules_at(t->suite->rules, d->virtual_service, d->root_route_index);
    json_t *actual = delegate_of(entry, d->virtual_service);
    if (actual != NULL && json_object_get(expected, "namespace") == NULL)
        json_object_del(actual, "namespace");
    expect_block(t, what, "delegate", expected, actual);
    json_decref(actual);
    actual = delegate_of(entry, d->virtual_service);
    if (actual != NULL)
        check_takes_part(t, what, actual, d);
    json_decref(actual);
    json_decref(entry);
}

/* Every decision has every member: one that is missing is a typo, which wantMatch: false would
 * hide. */
static bool knows_members(test_case *t, const char *what, const json_t *expected,
                          const json_t *actual) {
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)expected, key, value) {
        if (json_object_get(actual, key) == NULL)
            fail(t, "%s: decision.%s: a decision has no such member", what, key);
    }
    return t->failure == NULL;
}

static void compare_decision(test_case *t, const char *what, const json_t *expected,
                             const json_t *actual) {
    cli_json_difference first;
    bool covered = cli_json_covers(actual, expected, &first);
    if (covered == t->want_match)
        return;
    char *have = text_of(covered ? expected : first.have),
         *want = text_of(covered ? expected : first.want);
    if (covered)
        fail(t, "%s: decision is %s, want anything else", what, have);
    else
        fail(t, "%s: decision%s is %s, want %s", what, first.where, have, want);
    free(have);
    free(want);
}

static void expect_decision(test_case *t, const char *what, const json_t *expected,
                            const hr_decision *d, const hr_request *request) {
    hr_str text;
    if (hr_decision_json(&text, d, request, t->suite->scratch) != HR_OK) {
        fail(t, "%s: the decision cannot be written", what);
        return;
    }
    json_t *actual = json_loadb(text.p, text.len, 0, NULL);
    if (knows_members(t, what, expected, actual))
        compare_decision(t, what, expected, actual);
    json_decref(actual);
}

/* r: the request before the proxies of a view set their headers. */
static void check_case(test_case *t, const char *what, const outcome *o, cli_request *r) {
    static const char *const blocks[] = {"route",   "redirect",       "rewrite",    "fault",
                                         "headers", "directResponse", "timeout",    "retries",
                                         "mirror",  "mirrors",        "corsPolicy", "name"};
    bool any = false, matched = has_rule(&o->decision);
    json_t *entry = cli_rules_entry(t->suite->rules, &o->decision);
    for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++) {
        const json_t *expected = json_object_get(t->root, blocks[i]);
        if (expected == NULL)
            continue;
        any = true;
        expect_block(t, what, blocks[i], expected, json_object_get(entry, blocks[i]));
    }
    const json_t *delegate = json_object_get(t->root, "delegate"),
                 *decision = json_object_get(t->root, "decision");
    if (decision != NULL)
        expect_decision(t, what, decision, &o->decision, &o->request);
    if (delegate != NULL) /* last, since it uses the scratch that the decision lives in */
        expect_delegate(t, what, delegate, r);
    if (!any && delegate == NULL && decision == NULL && matched != t->want_match)
        fail(t, "%s: %s", what, matched ? "a rule matches" : "no rule matches");
    json_decref(entry);
}

static void run_request(test_case *t, const char *authority, const char *method, const char *uri,
                        const char *scheme) {
    char what[512];
    outcome o = {.decision = HR_DECISION_INIT};
    cli_request r;
    cli_request_init(&r);
    if (t->suite->connection != NULL)
        r.connection = *t->suite->connection;
    r.request.method = hr_str_from(method);
    r.request.scheme = hr_str_from(scheme);
    r.request.authority = hr_str_from(authority);
    r.request.path = hr_str_from(uri);
    const json_t *connect_to = json_object_get(t->request, "connectTo");
    if (connect_to != NULL)
        r.request.connect_to = hr_str_from(json_string_value(connect_to));
    if (!cli_case_draws(&r.request.draws, t->request, what, sizeof(what)))
        fail(t, "%s", what);
    snprintf(what, sizeof(what), "%s %s%s", method, authority, uri);
    add_headers(t, &r);
    cli_add_claims(&r, json_object_get(t->request, "claims"));
    int error = t->failure != NULL ? HR_OK : decide_somewhere(&o, t, &t->suite->views, &r);
    if (t->failure == NULL && error == HR_OK) {
        cli_coverage_note(t->suite->coverage, o.view, &o.request);
        check_case(t, what, &o, &r);
    }
    if (error == HR_ENOENT)
        fail(t, "%s: there is no Gateway %.*s with an HTTP server on that port", what,
             (int)t->view.options.gateway.len, t->view.options.gateway.p);
    else if (error != HR_OK)
        fail(t, "%s: %s", what,
             error == HR_EREQUEST ? hr_scratch_error(t->suite->scratch).p : hr_strerror(error));
    cli_request_free(&r);
}

/* Every combination of what the request lists. */
static void run_requests(test_case *t) {
    const json_t *authorities = json_object_get(t->request, "authority"),
                 *methods = json_object_get(t->request, "method");
    const json_t *uris = json_object_get(t->request, "uri"),
                 *schemes = json_object_get(t->request, "scheme");
    for (size_t a = 0; a < count(authorities); a++)
        for (size_t m = 0; m < count(methods); m++)
            for (size_t u = 0; u < count(uris); u++)
                for (size_t s = 0; s < count(schemes) && t->failure == NULL; s++) {
                    const char *authority = string_at(authorities, a, NULL),
                               *method = string_at(methods, m, "GET");
                    const char *uri = string_at(uris, u, "/"),
                               *scheme = string_at(schemes, s, "http");
                    if (authority == NULL || method == NULL || uri == NULL || scheme == NULL)
                        fail(t, "request.authority, method, uri and scheme are lists of strings, "
                                "and authority is needed");
                    else
                        run_request(t, authority, method, uri, scheme);
                }
}

/* ---- one case ---- */

static void run_statement(test_case *t) {
    const hr_connection *c = t->suite->connection;
    if (c != NULL && (c->trusted_proxies > 0 || c->peer_address.len > 0)) {
        fail(t, "forAll is not decided with --trusted-proxies or --peer-address: what it proves is "
                "about proxies that trust none in front of them, and about clients of any address; "
                "run these cases without the flags");
        return;
    }
    cli_statement statement = {
        .table = t->suite->table,
        .rules = t->suite->rules,
        .view = &t->view,
        .scratch = t->suite->scratch,
        .coverage = t->suite->coverage,
        .for_all = json_object_get(t->root, "forAll"),
        .expect = json_object_get(t->root, "expect"),
    };
    t->failure = cli_statement_check(&statement);
}

/* `shared` is the view of the file, which the case's own adds to. */
static char *run_case(cli_suite *suite, const json_t *shared, const json_t *root) {
    const json_t *want = json_object_get(root, "wantMatch");
    test_case t = {
        .suite = suite,
        .root = root,
        .request = json_object_get(root, "request"),
        .view = suite->defaults,
        .want_match = want == NULL || json_is_true(want),
    };
    t.view.labels = NULL;
    t.view.n_labels = t.view.labels_capacity = 0;
    for (size_t i = 0; i < suite->defaults.n_labels; i++)
        cli_add_label(&t.view, suite->defaults.labels[i].name, suite->defaults.labels[i].value);
    char wrong[256];
    if (cli_case_check(root, wrong, sizeof(wrong)) &&
        cli_case_view(&t.view, shared, wrong, sizeof(wrong)) &&
        cli_case_view(&t.view, json_object_get(root, "view"), wrong, sizeof(wrong))) {
        if (json_object_get(root, "forAll") != NULL)
            run_statement(&t);
        else
            run_requests(&t);
    } else
        fail(&t, "%s", wrong);
    free(t.view.labels);
    return t.failure;
}

/* ---- reading a file ---- */

typedef struct reading {
    cli_case_results *out;
    cli_suite *suite;
    const char *path;
    hr_scratch *scratch;
    json_t *view; /* of all cases of the document, NULL for none */
    bool wrong;
} reading;

static void add_result(reading *r, int line, json_t *root) {
    cli_case_results *out = r->out;
    if (out->n == out->capacity) {
        out->capacity = out->capacity == 0 ? 16 : out->capacity * 2;
        out->v = cli_realloc(out->v, out->capacity * sizeof(*out->v));
    }
    const char *description = json_string_value(json_object_get(root, "description"));
    cli_case_result *result = &out->v[out->n++];
    *result = (cli_case_result){.file = r->path, .line = line};
    result->description = cli_strdup(description == NULL ? "" : description,
                                     description == NULL ? 0 : strlen(description));
    result->failure = run_case(r->suite, r->view, root);
    out->failed += result->failure != NULL;
}

/* The line of a part of a document, else of the document. */
static int line_of(const hr_document *document, const char *path) {
    hr_place place = HR_PLACE_INIT;
    if (hr_document_place(&place, document, hr_str_from(path)) != HR_OK)
        hr_document_place(&place, document, (hr_str){0});
    return place.line;
}

/* A file that cannot be used: a line on stderr, and a finding. */
static void report_wrong(reading *r, int line, const char *message) {
    fprintf(stderr, "%s:%d: %s\n", r->path, line, message);
    cli_finding finding = {.level = CLI_LEVEL_ERROR,
                           .rule = CLI_RULE_TEST_INVALID,
                           .file = hr_str_from(r->path),
                           .line = line,
                           .message = hr_str_from(message)};
    cli_findings_add(r->suite->input->findings, &finding);
    r->wrong = true;
}

static void report_unknown_key(reading *r, int line, const char *key) {
    json_t *message = json_sprintf("unknown key %s: expected testCases or view", key);
    report_wrong(r, line, json_string_value(message));
    json_decref(message);
}

static void check_keys(reading *r, const hr_document *document, const json_t *root) {
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)root, key, value) {
        if (strcmp(key, "testCases") == 0 || strcmp(key, "view") == 0)
            continue;
        report_unknown_key(r, line_of(document, key), key);
    }
}

static void read_case(reading *r, const hr_document *document, const json_t *item, size_t index) {
    char path[48];
    snprintf(path, sizeof(path), "testCases[%zu]", index);
    json_t *json = json_deep_copy(item), *decision = json_object_get(item, "decision");
    cli_json_drop_nulls(json);
    if (decision != NULL) /* a null says that the decision has none */
        json_object_set(json, "decision", decision);
    add_result(r, line_of(document, path), json);
    json_decref(json);
}

static void read_cases(reading *r, const hr_document *document, const json_t *root) {
    const json_t *cases = json_object_get(root, "testCases"), *view = json_object_get(root, "view");
    json_t *item;
    size_t i;
    if (!json_is_array(cases)) {
        report_wrong(r, line_of(document, ""), "expected a list testCases");
        return;
    }
    check_keys(r, document, root);
    r->view = json_deep_copy(view);
    if (r->view != NULL)
        cli_json_drop_nulls(r->view);
    json_array_foreach(cases, i, item) read_case(r, document, item, i);
    json_decref(r->view);
}

static int read_document(void *ctx, const hr_document *document) {
    reading *r = ctx;
    json_t *root = cli_document_json(document, r->scratch);
    read_cases(r, document, root);
    json_decref(root);
    return HR_OK;
}

int cli_cases_run(cli_case_results *out, cli_suite *suite, const cli_case_file *file) {
    reading r = {.out = out, .suite = suite, .path = file->path};
    hr_source source = {.name = file->path, .text = {file->cases, file->len}};
    hr_load_options options = HR_LOAD_OPTIONS_INIT;
    hr_diagnostics *d = NULL;
    options.max_nodes = 1000000;
    int error = hr_scratch_new(&r.scratch);
    if (error == HR_OK)
        error = hr_documents_read(&d, &source, 1, &options, read_document, &r);
    cli_input_report(suite->input, stderr, d);
    if (error != HR_OK && hr_diagnostics_count(d) == 0)
        fprintf(stderr, "headerroute test: %s: %s\n", file->path, hr_strerror(error));
    hr_diagnostics_free(d);
    hr_scratch_free(r.scratch);
    return error != HR_OK || r.wrong ? CLI_FAILED : CLI_OK;
}

void cli_suite_close(cli_suite *suite) {
    cli_views_free(&suite->views);
    cli_views_free(&suite->root_views);
    hr_table_unref(suite->roots);
    hr_scratch_free(suite->scratch);
}

void cli_case_results_free(cli_case_results *results) {
    for (size_t i = 0; i < results->n; i++) {
        free(results->v[i].description);
        free(results->v[i].failure);
    }
    free(results->v);
}
