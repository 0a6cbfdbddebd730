/* The sentences in which `headerroute diff` describes regions and decisions. */
#define _GNU_SOURCE
#include "diff_words.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "escape.h"
#include "memory_or_exit.h"

typedef struct words {
    char *p;
    size_t n;
} words;

static void put_bytes(words *w, const char *p, size_t n) {
    w->p = words_realloc(w->p, w->n + n + 1);
    if (n > 0)
        memcpy(w->p + w->n, p, n);
    w->n += n;
    w->p[w->n] = '\0';
}

static void say(words *w, const char *text) {
    put_bytes(w, text, strlen(text));
}

static void put_str(words *w, hr_str s) {
    put_bytes(w, s.p, s.len);
}

/* The text, safe to print. */
static char *finish(words *w) {
    char *text = words_escape(w->p, w->n);
    free(w->p);
    return text;
}

static void putf(words *w, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void putf(words *w, const char *format, ...) {
    char text[256];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    say(w, text);
}

/* ---- views ---- */

char *words_of_view(const hr_diff_view *view) {
    words w = {0};
    if (!(view->gateway.len == 4 && memcmp(view->gateway.p, "mesh", 4) == 0)) {
        say(&w, "gateway ");
        put_str(&w, view->gateway);
        putf(&w, " port %u", view->port);
        return finish(&w);
    }
    size_t other = sizeof(HR_DIFF_OTHER_NAMESPACE) - 1;
    bool named = view->namespace_.len < other ||
                 memcmp(view->namespace_.p, HR_DIFF_OTHER_NAMESPACE, other) != 0;
    say(&w, named ? "mesh, namespace " : "mesh, ");
    put_str(&w, view->namespace_);
    for (size_t i = 0; i < view->n_source_labels; i++) {
        say(&w, i == 0 ? ", labels " : " ");
        put_str(&w, view->source_labels[i].name);
        say(&w, "=");
        put_str(&w, view->source_labels[i].value);
    }
    putf(&w, ", port %u", view->port);
    return finish(&w);
}

/* ---- conditions ---- */

/* Long texts are cut; the JSON has them whole. */
static void put_value(words *w, hr_str value) {
    enum { MOST = 120 };
    size_t cut = value.len > MOST ? MOST : value.len;
    while (cut > 0 && cut < value.len && (value.p[cut] & 0xC0) == 0x80)
        cut--; /* not within a character */
    put_bytes(w, value.p, cut);
    if (value.len > MOST)
        say(w, "...");
}

/* "headers[x]" -> "header x". */
static void put_field(words *w, hr_str field) {
    static const char *const kinds[][2] = {{"headers[", "header "},
                                           {"queryParams[", "query parameter "}};
    for (size_t i = 0; i < 2; i++) {
        size_t len = strlen(kinds[i][0]);
        if (field.len <= len || memcmp(field.p, kinds[i][0], len) != 0)
            continue;
        say(w, kinds[i][1]);
        put_value(w, (hr_str){field.p + len, field.len - len - 1});
        return;
    }
    put_str(w, field);
}

static bool is_plain_field(hr_str field) {
    return field.len > 0 && field.p[field.len - 1] != ']';
}

static void say_where(words *w, const hr_where *c) {
    static const char *const ops[] = {[HR_WHERE_EXACT] = "",
                                      [HR_WHERE_PREFIX] = "prefix ",
                                      [HR_WHERE_SUFFIX] = "suffix ",
                                      [HR_WHERE_REGEX] = "regex "};
    static const char unmodelled[] = "not modelled: ";
    size_t len = sizeof(unmodelled) - 1;
    if (c->field.len > len && memcmp(c->field.p, unmodelled, len) == 0) {
        say(w, c->negated ? "does not meet " : "meets ");
        put_bytes(w, c->field.p + len, c->field.len - len);
        return;
    }
    put_field(w, c->field);
    if (c->op == HR_WHERE_PRESENT) {
        say(w, c->negated ? " absent" : " present");
        return;
    }
    if (c->words.p != NULL) {
        say(w, c->negated ? " not " : " ");
        put_value(w, c->words);
        return;
    }
    bool equals = c->op == HR_WHERE_EXACT && !is_plain_field(c->field);
    say(w, equals ? (c->negated ? " != " : " = ") : (c->negated ? " not " : " "));
    say(w, ops[c->op]);
    say(w, equals ? "\"" : "");
    put_value(w, c->value);
    say(w, equals ? "\"" : "");
}

/* Of long lists the first ones, and how many more there are. */
static void put_list(words *w, const hr_where_list *list, const char *between) {
    enum { MOST_CONDITIONS = 16 };
    for (size_t i = 0; i < list->n && i < MOST_CONDITIONS; i++) {
        say(w, i == 0 ? "" : between);
        say_where(w, &list->v[i]);
    }
    if (list->n > MOST_CONDITIONS)
        putf(w, "%s%zu more conditions", between, list->n - MOST_CONDITIONS);
}

char *words_of_region(const hr_diff_region *region) {
    enum { MOST_EXCEPTIONS = 3 };
    words w = {0};
    say(&w, region->where.n == 0 ? "all requests" : "");
    put_list(&w, &region->where, ", ");
    for (size_t i = 0; i < region->n_except && i < MOST_EXCEPTIONS; i++) {
        say(&w, i == 0 ? "; except " : " or ");
        put_list(&w, &region->except[i], " and ");
    }
    if (region->n_except > MOST_EXCEPTIONS)
        putf(&w, " or %zu more", region->n_except - MOST_EXCEPTIONS);
    return finish(&w);
}

static bool is_about(const hr_where_list *list, const char *field) {
    for (size_t i = 0; i < list->n; i++)
        if (list->v[i].field.len == strlen(field) &&
            memcmp(list->v[i].field.p, field, strlen(field)) == 0)
            return true;
    return false;
}

const char *words_of_assumption(const hr_diff_view *view, const hr_diff_region *region) {
    static const char field[] = "headers[x-forwarded-for]";
    bool mesh = view->gateway.len == 4 && memcmp(view->gateway.p, "mesh", 4) == 0;
    bool about = is_about(&region->where, field);
    for (size_t i = 0; i < region->n_except && !about; i++)
        about = is_about(&region->except[i], field);
    return mesh || !about ? ""
                          : "x-forwarded-for is compared without the client's address, which the "
                            "Gateway's proxies append";
}

/* ---- outcomes ---- */

int words_report_route(hr_decision *out, hr_request *edge, words_report *r, const hr_view *view,
                       const hr_request *request) {
    size_t size = 0;
    int error = hr_edge_request(edge, view, request, NULL, &size);
    if (error != HR_ENOSPC)
        return error;
    r->memory = words_realloc(r->memory, size);
    error = hr_edge_request(edge, view, request, r->memory, &size);
    return error == HR_OK ? hr_route(out, view, edge, r->scratch) : error;
}

/* reviews.default.svc.cluster.local -> reviews.default */
static hr_str short_host(hr_str host) {
    static const char inside[] = ".svc.";
    for (size_t i = 0; i + sizeof(inside) - 1 < host.len; i++)
        if (memcmp(host.p + i, inside, sizeof(inside) - 1) == 0)
            host.len = i;
    return host;
}

static void say_host(words *w, const hr_decision *d) {
    put_str(w, d->destination_host.p != NULL ? short_host(d->destination_host) : d->cluster_name);
    if (d->destination_subset.len > 0) {
        say(w, " ");
        put_str(w, d->destination_subset);
    }
    if (d->local_reply.status != 0) {
        putf(w, " (answers %d", d->local_reply.status);
        say(w, d->local_reply.flag.len > 0 ? " " : "");
        put_str(w, d->local_reply.flag);
        say(w, ")");
    }
}

static void put_rule(words *w, hr_str virtual_service, int32_t route, int32_t match) {
    put_str(w, virtual_service);
    bool istio =
        virtual_service.len == 0 || memchr(virtual_service.p, ' ', virtual_service.len) == NULL;
    putf(w, istio ? " http[%d]" : " rules[%d]", (int)route);
    if (match >= 0)
        putf(w, istio ? ".match[%d]" : ".matches[%d]", (int)match);
}

char *words_of_rule(const hr_diff_rule *rule) {
    words w = {0};
    put_rule(&w, rule->virtual_service, rule->route_index, rule->match_index);
    return finish(&w);
}

static void put_decision(words *w, const hr_decision *d) {
    switch (d->action) {
    case HR_ACTION_ROUTE:
        say(w, "-> ");
        say_host(w, d);
        return;
    case HR_ACTION_REDIRECT:
        putf(w, "redirects with %d to ", d->redirect_code);
        put_str(w, d->redirect_location);
        return;
    case HR_ACTION_DIRECT_RESPONSE:
        putf(w, "answers %d", d->direct_response_status);
        return;
    case HR_ACTION_NO_ROUTE:
        putf(w, "no route, answers %d", d->local_reply.status);
        return;
    case HR_ACTION_PASSTHROUGH:
        say(w, "passes through to where the client connects");
        return;
    }
}

char *words_of_outcome(words_report *r, const hr_view *view, const hr_diff_rule *rule,
                       const hr_request *request) {
    words w = {0};
    hr_decision d = HR_DECISION_INIT;
    hr_request edge;
    if (view == NULL) {
        say(&w, "there is no such view");
        return finish(&w);
    }
    if (rule->route_index >= 0) {
        put_rule(&w, rule->virtual_service, rule->route_index, rule->match_index);
        say(&w, " ");
    }
    if (words_report_route(&d, &edge, r, view, request) == HR_OK)
        put_decision(&w, &d);
    return finish(&w);
}

char *words_of_decision(const hr_decision *d) {
    words w = {0};
    if (d->virtual_service.p == NULL && d->rule_name.p != NULL) {
        put_str(&w, d->rule_kind);
        say(&w, " ");
        put_str(&w, d->rule_name);
        putf(&w, " rules[%d]", (int)d->route_index);
        if (d->match_index >= 0)
            putf(&w, ".matches[%d]", (int)d->match_index);
        say(&w, " ");
    } else if (d->virtual_service.p != NULL) {
        put_rule(&w, d->delegate.p != NULL ? d->delegate : d->virtual_service, d->route_index,
                 d->match_index);
        say(&w, " ");
    }
    if (d->action == HR_ACTION_REDIRECT) /* where to depends on the request */
        putf(&w, "redirects with %d", d->redirect_code);
    else
        put_decision(&w, d);
    return finish(&w);
}

/* ---- changes ---- */

static void put_ms(words *w, int64_t ms) {
    if (ms < 0)
        say(w, "none");
    else if (ms % 1000 == 0)
        putf(w, "%llds", (long long)(ms / 1000));
    else
        putf(w, "%lldms", (long long)ms);
}

/* What the upstream sees of the path, or the place a redirect leads to. */
static char *path_of(words_report *r, const hr_view *view, const hr_request *request,
                     int64_t *timeout) {
    hr_decision d = HR_DECISION_INIT;
    hr_request edge;
    hr_upstream upstream = HR_UPSTREAM_INIT;
    words w = {0};
    say(&w, "");
    *timeout = -1;
    if (words_report_route(&d, &edge, r, view, request) != HR_OK)
        return w.p;
    *timeout = d.timeout_ms;
    if (hr_upstream_request(&upstream, &d, &edge, r->scratch) == HR_OK) {
        put_str(&w, upstream.authority);
        put_str(&w, upstream.path);
    }
    return w.p;
}

char *words_of_change(words_report *r, const hr_diff_region *region) {
    words w = {0};
    hr_diff_view view = HR_DIFF_VIEW_INIT;
    int64_t timeout[2];
    say(&w, "");
    if (hr_diff_view_get(&view, r->diff, region->view) != HR_OK || view.before == NULL ||
        view.after == NULL)
        return finish(&w);
    char *before = path_of(r, view.before, region->witness, &timeout[0]);
    char *after = path_of(r, view.after, region->witness, &timeout[1]);
    for (size_t bit = 1; bit < HR_CHANGE_COUNT; bit++) {
        unsigned change = 1u << bit;
        if ((region->changed & change) == 0 || change == HR_CHANGE_REDIRECT ||
            change == HR_CHANGE_DIRECT_RESPONSE)
            continue;
        putf(&w, ", %s", hr_change_name(bit));
        if (change == HR_CHANGE_TIMEOUT) {
            say(&w, " ");
            put_ms(&w, timeout[0]);
            say(&w, " -> ");
            put_ms(&w, timeout[1]);
        } else if (change == HR_CHANGE_REWRITE && before[0] != '\0' && after[0] != '\0') {
            say(&w, " ");
            say(&w, before);
            say(&w, " -> ");
            say(&w, after);
        }
    }
    free(before);
    free(after);
    return finish(&w);
}

char *words_of_changed(unsigned changed) {
    words w = {0};
    say(&w, "");
    for (size_t bit = 0; bit < HR_CHANGE_COUNT; bit++)
        if ((changed >> bit & 1) != 0)
            putf(&w, "%s%s", w.n == 0 ? "" : ", ", hr_change_name(bit));
    return finish(&w);
}
