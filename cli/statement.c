/* Proves or refutes a statement over all requests: each rule that one of them reaches is asked for
 * all of its outcomes. */
#define _GNU_SOURCE
#include "statement.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "curl.h"
#include "diff_report.h"
#include "diff_words.h"
#include "request_set.h"

typedef struct proof {
    const cli_statement *s;
    hr_view *view;
    cli_request_set requests;
    words_report report; /* its scratch is the statement's */
    char *failure;       /* NULL so far */
} proof;

__attribute__((format(printf, 2, 3))) static void fail(proof *p, const char *format, ...) {
    va_list args;
    if (p->failure != NULL)
        return;
    va_start(args, format);
    if (vasprintf(&p->failure, format, args) < 0)
        abort();
    va_end(args);
}

/* ---- one decision ---- */

/* A rule's witness with one of its draws, and its decision. */
typedef struct outcome {
    const hr_reached *rule;
    hr_request edge;
    hr_decision decision;
} outcome;

static bool decide_witness_of(proof *p, outcome *o, const hr_draws *draws) {
    hr_request request = *o->rule->witness;
    request.draws = *draws;
    int error = words_report_route(&o->decision, &o->edge, &p->report, p->view, &request);
    if (error != HR_OK)
        fail(p, "a request cannot be decided: %s", hr_strerror(error));
    return error == HR_OK;
}

static char *rule_words(const hr_diff_rule *rule) {
    char *text;
    if (rule->virtual_service.p == NULL)
        return cli_strdup("no rule of a VirtualService", 27);
    char *name = words_of_rule(rule);
    if (asprintf(&text, "%s (%.*s:%d)", name, (int)rule->file.len, rule->file.p, rule->line) < 0)
        abort();
    free(name);
    return text;
}

/* The request, the rule that decides it, and what is wrong. */
__attribute__((format(printf, 3, 4))) static void refute(proof *p, const outcome *o,
                                                         const char *format, ...) {
    char *what, *curl = words_of_request(o->rule->witness), *rule = rule_words(&o->rule->place);
    va_list args;
    va_start(args, format);
    if (vasprintf(&what, format, args) < 0)
        abort();
    va_end(args);
    const hr_draws *d = &o->edge.draws;
    if (o->rule->n_draws > 1)
        fail(p, "%s; decided by %s, with the draws weight %.4g, delay %.4g, abort %.4g; e.g. %s",
             what, rule, d->weight, d->delay, d->abort, curl);
    else
        fail(p, "%s; decided by %s; e.g. %s", what, rule, curl);
    free(what);
    free(curl);
    free(rule);
}

/* ---- expectations ---- */

/* A host is written whole, or as its first labels: "reviews" or "reviews.default". */
static bool is_host(hr_str host, const char *written) {
    size_t n = strlen(written);
    return host.len >= n && memcmp(host.p, written, n) == 0 && (host.len == n || host.p[n] == '.');
}

static bool equals_text(hr_str text, const char *written) {
    return text.len == strlen(written) && memcmp(text.p, written, text.len) == 0;
}

/* Of the proxy's own answer; 0 if the upstream answers. */
static int status_of(const hr_decision *d) {
    if (d->abort_fires)
        return d->abort_status;
    if (d->redirect_code != 0)
        return d->redirect_code;
    return d->direct_response_status != 0 ? d->direct_response_status : d->local_reply.status;
}

static void expect_host(proof *p, const outcome *o, const char *key, const json_t *want) {
    hr_str have = o->decision.destination_host;
    if (!is_host(have, json_string_value(want)))
        refute(p, o, "%s is %.*s, want %s", key, have.len == 0 ? 4 : (int)have.len,
               have.len == 0 ? "none" : have.p, json_string_value(want));
}

static void expect_subset(proof *p, const outcome *o, const char *key, const json_t *want) {
    hr_str have = o->decision.destination_subset;
    if (!equals_text(have, json_string_value(want)))
        refute(p, o, "%s is %.*s, want %s", key, have.len == 0 ? 4 : (int)have.len,
               have.len == 0 ? "none" : have.p, json_string_value(want));
}

static void expect_action(proof *p, const outcome *o, const char *key, const json_t *want) {
    const char *have = hr_action_name(o->decision.action);
    if (strcmp(have, json_string_value(want)) != 0)
        refute(p, o, "%s is %s, want %s", key, have, json_string_value(want));
}

static void expect_port(proof *p, const outcome *o, const char *key, const json_t *want) {
    if (o->decision.destination_port != json_integer_value(want))
        refute(p, o, "%s is %u, want %lld", key, o->decision.destination_port,
               (long long)json_integer_value(want));
}

static void expect_status(proof *p, const outcome *o, const char *key, const json_t *want) {
    if (status_of(&o->decision) != json_integer_value(want))
        refute(p, o, "%s is %d, want %lld", key, status_of(&o->decision),
               (long long)json_integer_value(want));
}

/* A duration of one unit in milliseconds; -1 if it is not one. */
static int64_t duration_ms(const char *text) {
    static const struct {
        const char *unit;
        int64_t ms;
    } units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}};
    char *end;
    double number = strtod(text, &end);
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
        if (end != text && number >= 0 && number < 1e9 && strcmp(end, units[i].unit) == 0)
            return (int64_t)(number * (double)units[i].ms + 0.5);
    return -1;
}

static void expect_timeout(proof *p, const outcome *o, const char *key, const json_t *want) {
    int64_t ms = duration_ms(json_string_value(want)), have = o->decision.timeout_ms;
    if ((have < 0 ? 0 : have) != ms)
        refute(p, o, "%s is %lldms, want %s", key, (long long)(have < 0 ? 0 : have),
               json_string_value(want));
}

static void expect_redirect(proof *p, const outcome *o, const char *key, const json_t *want) {
    json_t *entry = cli_rules_entry(p->s->rules, &o->decision);
    const json_t *have = json_object_get(entry, "redirect");
    char *text = have == NULL ? NULL : json_dumps(have, JSON_COMPACT | JSON_SORT_KEYS);
    if (have == NULL || !json_equal(have, want))
        refute(p, o, "%s of the rule is %s", key, text == NULL ? "missing" : text);
    free(text);
    json_decref(entry);
}

static void expect_never(proof *p, const outcome *o, const char *key, const json_t *want) {
    const json_t *destination = json_object_get(want, "destination");
    const json_t *host = json_object_get(destination, "host"),
                 *subset = json_object_get(destination, "subset"),
                 *port = json_object_get(destination, "port");
    const hr_decision *d = &o->decision;
    bool same = d->destination_host.len > 0 &&
                (host == NULL || is_host(d->destination_host, json_string_value(host))) &&
                (subset == NULL || equals_text(d->destination_subset, json_string_value(subset))) &&
                (port == NULL || d->destination_port == json_integer_value(port));
    if (same)
        refute(p, o, "%s: the destination is %.*s%s%.*s", key, (int)d->destination_host.len,
               d->destination_host.p, d->destination_subset.len > 0 ? " subset " : "",
               (int)d->destination_subset.len,
               d->destination_subset.p == NULL ? "" : d->destination_subset.p);
}

/* ---- the shape of `expect` ---- */

typedef enum value_type { OF_TEXT, OF_NUMBER, OF_MAP, OF_DURATION } value_type;

typedef struct expectation {
    const char *key;
    value_type type;
    void (*check)(proof *p, const outcome *o, const char *key, const json_t *want);
} expectation;

static const expectation expectations[] = {
    {"action", OF_TEXT, expect_action},
    {"host", OF_TEXT, expect_host},
    {"subset", OF_TEXT, expect_subset},
    {"port", OF_NUMBER, expect_port},
    {"status", OF_NUMBER, expect_status},
    {"timeout", OF_DURATION, expect_timeout},
    {"redirect", OF_MAP, expect_redirect},
    {"never", OF_MAP, expect_never},
    {"always", OF_MAP, NULL /* asked for other requests */},
};
#define EXPECTATIONS (sizeof(expectations) / sizeof(expectations[0]))

static const expectation *expectation_of(const char *key) {
    for (size_t i = 0; i < EXPECTATIONS; i++)
        if (strcmp(expectations[i].key, key) == 0)
            return &expectations[i];
    return NULL;
}

static void check_type(proof *p, const char *key, value_type type, const json_t *value) {
    if (type == OF_NUMBER && !json_is_integer(value))
        fail(p, "expect.%s: expected a number", key);
    else if (type == OF_MAP && !json_is_object(value))
        fail(p, "expect.%s: expected a map", key);
    else if ((type == OF_TEXT || type == OF_DURATION) && !json_is_string(value))
        fail(p, "expect.%s: expected a string", key);
    else if (type == OF_DURATION && duration_ms(json_string_value(value)) < 0)
        fail(p, "expect.%s: expected a duration such as \"10s\", got \"%s\"", key,
             json_string_value(value));
}

static void check_never(proof *p, const json_t *never) {
    const json_t *destination = json_object_get(never, "destination");
    const char *key;
    json_t *value;
    if (!json_is_object(destination) || json_object_size(never) != 1 ||
        json_object_size(destination) == 0)
        fail(p, "expect.never: expected {destination: {host, subset, port}}");
    json_object_foreach((json_t *)destination, key, value) {
        const expectation *e = expectation_of(key);
        if (strcmp(key, "host") != 0 && strcmp(key, "subset") != 0 && strcmp(key, "port") != 0)
            fail(p, "expect.never.destination.%s: unknown key: expected host, subset or port", key);
        else
            check_type(p, key, e->type, value);
    }
}

static void check_always(proof *p, const json_t *always) {
    const json_t *header = json_object_get(always, "header");
    const char *name;
    json_t *value;
    if (!json_is_object(header) || json_object_size(always) != 1 || json_object_size(header) == 0)
        fail(p, "expect.always: expected {header: {NAME: VALUE}}");
    json_object_foreach((json_t *)header, name, value) {
        if (!json_is_string(value))
            fail(p, "expect.always.header.%s: expected a string", name);
    }
}

static bool check_expect(proof *p, const json_t *expect) {
    const char *key;
    json_t *value;
    if (!json_is_object(expect) || json_object_size(expect) == 0)
        fail(p, "expect: expected a map of what holds for all of these requests");
    json_object_foreach((json_t *)expect, key, value) {
        const expectation *e = expectation_of(key);
        if (e == NULL)
            fail(p,
                 "expect.%s: unknown key: expected action, host, subset, port, status, timeout, "
                 "redirect, never or always",
                 key);
        else
            check_type(p, key, e->type, value);
    }
    if (p->failure == NULL && json_object_get(expect, "never") != NULL)
        check_never(p, json_object_get(expect, "never"));
    if (p->failure == NULL && json_object_get(expect, "always") != NULL)
        check_always(p, json_object_get(expect, "always"));
    return p->failure == NULL;
}

/* ---- all requests ---- */

typedef void (*check_fn)(proof *p, const outcome *o, const void *what);

static bool is_taken(proof *p, const hr_where *where) {
    hr_reach_options options = HR_REACH_OPTIONS_INIT;
    hr_reach *reach = NULL;
    options.within = where;
    options.n_within = 1;
    options.max_steps = options.max_work = 1;
    int error = hr_reach_new(&reach, p->view, &options);
    hr_reach_free(reach);
    return error != HR_EINVAL;
}

/* The condition that a reach does not take, in words: each is asked for alone, with next to no
 * work. */
static void fail_at_condition(proof *p) {
    for (size_t i = 0; i < p->requests.n && p->failure == NULL; i++) {
        const hr_where *where = &p->requests.v[i];
        if (is_taken(p, where))
            continue;
        hr_str field = where->field, value = where->value;
        const char *open = memchr(field.p, '[', field.len);
        const hr_where present = {.field = field, .op = HR_WHERE_PRESENT};
        bool valid_name = open == NULL || is_taken(p, &present);
        if (valid_name && where->op == HR_WHERE_REGEX)
            fail(p, "forAll: %.*s: the regex '%.*s' is not valid for RE2", (int)field.len, field.p,
                 (int)value.len, value.p);
        else if (open != NULL && open[1] == ']')
            fail(p, "forAll: %.*s: the name is empty", (int)field.len, field.p);
        else
            fail(p,
                 "forAll: %.*s: not a request header; method, scheme, authority and path have keys "
                 "of their own",
                 (int)field.len, field.p);
    }
}

/* Calls `check` for each outcome of each rule that one of the requests reaches. Returns how many
 * rules those are. */
static size_t each_outcome(proof *p, check_fn check, const void *what) {
    hr_reach_options options = HR_REACH_OPTIONS_INIT;
    hr_reached rule = HR_REACHED_INIT;
    hr_reach *reach = NULL;
    size_t reached = 0;
    options.within = p->requests.v;
    options.n_within = p->requests.n;
    int error = hr_reach_new(&reach, p->view, &options);
    if (error == HR_EINVAL)
        fail_at_condition(p);
    else if (error != HR_OK)
        fail(p, "%s", hr_strerror(error));
    for (size_t i = 0; p->failure == NULL && hr_reach_get(&rule, reach, i) == HR_OK; i++) {
        char *words = rule_words(&rule.place);
        if (rule.state == HR_REACH_UNDECIDED)
            fail(p, "not decided for %s: %.*s", words, (int)rule.reason.len, rule.reason.p);
        reached += rule.state == HR_REACH_SOME;
        for (size_t k = 0; k < rule.n_draws && p->failure == NULL; k++) {
            outcome o = {.rule = &rule, .decision = HR_DECISION_INIT};
            if (!decide_witness_of(p, &o, &rule.draws[k]))
                break;
            check(p, &o, what);
            cli_coverage_note(p->s->coverage, p->view, &o.edge);
        }
        free(words);
    }
    hr_reach_free(reach);
    return reached;
}

static void check_outcome(proof *p, const outcome *o, const void *expect) {
    for (size_t i = 0; i < EXPECTATIONS; i++) {
        const json_t *want = json_object_get((const json_t *)expect, expectations[i].key);
        if (want != NULL && expectations[i].check != NULL)
            expectations[i].check(p, o, expectations[i].key, want);
    }
}

/* ---- headers that the upstream always receives ---- */

typedef struct wanted_header {
    const char *name, *value;
} wanted_header;

static bool same_name(hr_str name, const char *written) {
    return name.len == strlen(written) && strncasecmp(name.p, written, name.len) == 0;
}

/* Whether the rule makes the header of something in the request. */
static bool depends_on_request(const hr_decision *d, const char *name) {
    for (size_t level = 0; level < d->n_request_headers; level++) {
        const hr_header_ops *ops = d->request_headers[level];
        for (size_t i = 0; i < ops->n_set; i++)
            if (same_name(ops->set[i].name, name) &&
                memchr(ops->set[i].value.p, '%', ops->set[i].value.len) != NULL)
                return true;
    }
    return false;
}

/* The request lacks the header with that value: a rule that still sends it sets it, and does so for
 * all of its requests. */
static void check_header(proof *p, const outcome *o, const void *what) {
    const wanted_header *want = what;
    hr_upstream up = HR_UPSTREAM_INIT;
    hr_str have = {0};
    size_t n = 0;
    bool forwarded = status_of(&o->decision) == 0 &&
                     hr_upstream_request(&up, &o->decision, &o->edge, p->s->scratch) == HR_OK;
    if (!forwarded)
        return;
    for (size_t i = 0; i < up.n_headers; i++)
        if (same_name(up.headers[i].name, want->name)) {
            have = up.headers[i].value;
            n++;
        }
    if (n != 1 || !equals_text(have, want->value))
        refute(p, o, "always: the upstream receives %s%s%.*s, want %s", want->name,
               n == 0 ? " not at all" : " = ", (int)have.len, have.p == NULL ? "" : have.p,
               want->value);
    else if (depends_on_request(&o->decision, want->name))
        refute(p, o, "always: the rule sets %s to a value that depends on the request", want->name);
}

static void check_headers(proof *p, const json_t *always) {
    const char *name;
    json_t *value;
    size_t n = p->requests.n;
    json_object_foreach(json_object_get(always, "header"), name, value) {
        wanted_header want = {name, json_string_value(value)};
        cli_request_set_without(&p->requests, name, want.value);
        each_outcome(p, check_header, &want);
        p->requests.n = n;
    }
}

/* ---- the statement ---- */

static bool open_view(proof *p) {
    const cli_view *view = p->s->view;
    uint16_t port = view->options.port;
    if (port == 0 && p->requests.authority.p != NULL)
        port = cli_authority_port(p->requests.authority);
    hr_view_options options = cli_view_on_port(view, port);
    int error = hr_view_new(&p->view, p->s->table, &options);
    if (error == HR_ENOENT)
        fail(p, "there is no Gateway %.*s with an HTTP server on that port",
             (int)options.gateway.len, options.gateway.p);
    else if (error != HR_OK)
        fail(p, "%s", hr_strerror(error));
    return error == HR_OK;
}

char *cli_statement_check(const cli_statement *statement) {
    proof p = {.s = statement, .report = {.scratch = statement->scratch}};
    char wrong[512];
    if (!cli_request_set_read(&p.requests, statement->for_all, wrong, sizeof(wrong)))
        fail(&p, "%s", wrong);
    else if (check_expect(&p, statement->expect) && open_view(&p)) {
        if (each_outcome(&p, check_outcome, statement->expect) == 0)
            fail(&p, "forAll: no request meets all of these conditions");
        check_headers(&p, json_object_get(statement->expect, "always"));
    }
    hr_view_unref(p.view);
    cli_request_set_free(&p.requests);
    free(p.report.memory);
    return p.failure;
}
