/* Answers /explain: parses the described request and writes its decision and trace as JSON. */
#include "explain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <yajl/yajl_tree.h>

#include "answer_error.h"
#include "aside.h"
#include "body_in.h"
#include "json_out.h"
#include "json_parse.h"

#define MAX_BODY 65536
#define MAX_DEPTH 8
#define MAX_HEADERS 128

/* The trace says of every rule what was compared with what. Values are cut at the first bound; from
 * the second on, events are counted only. */
#define MAX_VALUE ((size_t)1024)
#define MAX_TRACE ((size_t)8 << 20)        /* of the administrator's listener */
#define MAX_PUBLIC_TRACE ((size_t)1 << 20) /* of the page */

typedef struct question {
    hr_request request;
    hr_str port; /* of the listener, with --map; absent: the first that is served */
    const hr_view *view;
    hr_pair headers[MAX_HEADERS];
    const char *error;
} question;

static void put_error(sv_text *json, hr_str why) {
    sv_text_str(json, "{\"error\":");
    sv_json_string(json, why.p, why.len);
    sv_text_str(json, "}");
}

/* ---- the question ---- */

static int on_deeper(void *ctx) {
    return ++*(int *)ctx <= MAX_DEPTH;
}

static int on_shallower(void *ctx) {
    --*(int *)ctx;
    return 1;
}

/* The tree is built and freed by recursion: a text that is nested too deep never becomes one. The
 * same parser reads it first, event by event, so that both see the same strings. */
static int is_shallow(const char *text, size_t len) {
    static const yajl_callbacks callbacks = {.yajl_start_map = on_deeper,
                                             .yajl_end_map = on_shallower,
                                             .yajl_start_array = on_deeper,
                                             .yajl_end_array = on_shallower};
    char why[256];
    int depth = 0;
    return sv_json_parse(&callbacks, &depth, text, len, "the body", why, sizeof(why)) == 0;
}

static hr_str member(yajl_val object, const char *name) {
    const char *path[] = {name, NULL};
    const char *value = YAJL_GET_STRING(yajl_tree_get(object, path, yajl_t_string));
    return hr_str_from(value);
}

/* The digits of a number, or the text of a string. */
static hr_str number_member(yajl_val object, const char *name) {
    const char *path[] = {name, NULL};
    yajl_val value = yajl_tree_get(object, path, yajl_t_number);
    return value != NULL ? hr_str_from(YAJL_GET_NUMBER(value)) : member(object, name);
}

static void read_headers(question *q, yajl_val list) {
    for (size_t i = 0; i < YAJL_GET_ARRAY(list)->len; i++) {
        yajl_val pair = YAJL_GET_ARRAY(list)->values[i];
        if (!YAJL_IS_ARRAY(pair) || YAJL_GET_ARRAY(pair)->len != 2 ||
            !YAJL_IS_STRING(YAJL_GET_ARRAY(pair)->values[0]) ||
            !YAJL_IS_STRING(YAJL_GET_ARRAY(pair)->values[1])) {
            q->error = "headers must be a list of [name, value]";
            return;
        }
        if (q->request.n_headers == MAX_HEADERS) {
            q->error = "too many headers";
            return;
        }
        q->headers[q->request.n_headers++] =
            (hr_pair){hr_str_from(YAJL_GET_STRING(YAJL_GET_ARRAY(pair)->values[0])),
                      hr_str_from(YAJL_GET_STRING(YAJL_GET_ARRAY(pair)->values[1]))};
    }
}

/* The strings are the tree's. */
static yajl_val explain_read_body(question *q, const char *text, size_t len) {
    static const char *const headers[] = {"headers", NULL};
    char why[256];
    if (!is_shallow(text, len)) {
        q->error = "the body must be a JSON object, nested at most 8 deep";
        return NULL;
    }
    yajl_val tree = yajl_tree_parse(text, why, sizeof(why));
    if (!YAJL_IS_OBJECT(tree)) {
        q->error = "the body must be a JSON object";
        return tree;
    }
    q->request.method = member(tree, "method");
    q->request.scheme = member(tree, "scheme");
    q->request.authority = member(tree, "authority");
    q->request.path = member(tree, "path");
    q->port = number_member(tree, "port");
    yajl_val list = yajl_tree_get(tree, (const char **)headers, yajl_t_any);
    if (YAJL_IS_ARRAY(list))
        read_headers(q, list);
    else if (list != NULL && !YAJL_IS_NULL(list))
        q->error = "headers must be a list of [name, value]";
    return tree;
}

static void read_query_header(question *q, hr_str value) {
    const char *colon = memchr(value.p, ':', value.len);
    if (colon == NULL || q->request.n_headers == MAX_HEADERS) {
        q->error = "header must be 'Name: value', at most 128 times";
        return;
    }
    const char *from = colon + 1, *end = value.p + value.len;
    while (from < end && *from == ' ')
        from++;
    q->headers[q->request.n_headers++] =
        (hr_pair){{value.p, (size_t)(colon - value.p)}, {from, (size_t)(end - from)}};
}

/* The values are decoded where they stand. */
static void read_query(question *q, char *query, size_t len) {
    for (char *p = query, *end = p + len; p < end;) {
        char *amp = memchr(p, '&', (size_t)(end - p)), *stop = amp != NULL ? amp : end;
        char *equals = memchr(p, '=', (size_t)(stop - p));
        hr_str name = {p, (size_t)((equals != NULL ? equals : stop) - p)};
        char *from = equals != NULL ? equals + 1 : stop;
        hr_str value;
        if (!sv_percent_decode(&value, from, from, (size_t)(stop - from))) {
            q->error = "the query has a bad escape";
            return;
        }
        hr_str *fields[] = {&q->request.method, &q->request.scheme, &q->request.authority,
                            &q->request.path, &q->port};
        static const char *const names[] = {"method", "scheme", "authority", "path", "port"};
        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
            if (name.len == strlen(names[i]) && memcmp(name.p, names[i], name.len) == 0)
                *fields[i] = value;
        if (name.len == 6 && memcmp(name.p, "header", 6) == 0)
            read_query_header(q, value);
        p = stop + 1;
    }
}

/* ---- the answer ---- */

typedef struct trace {
    sv_text *json;
    size_t from, most;
    unsigned long long left_out;
} trace;

static void put_member(sv_text *json, const char *name, hr_str value) {
    static const char more[] = "...";
    char cut[MAX_VALUE + sizeof(more)];
    if (value.len <= MAX_VALUE) {
        sv_json_member(json, name, value.p, value.len);
        return;
    }
    memcpy(cut, value.p, MAX_VALUE);
    memcpy(cut + MAX_VALUE, more, sizeof(more));
    sv_json_member(json, name, cut, MAX_VALUE + sizeof(more) - 1);
}

static void on_event(void *ctx, const hr_trace_event *e) {
    static const char *const kinds[] = {"virtual_host", "rule", "condition", "omitted"};
    trace *t = ctx;
    sv_text *json = t->json;
    if (json->len - t->from > t->most) {
        t->left_out++;
        return;
    }
    if (json->len > t->from)
        sv_text_str(json, ",");
    sv_text_printf(json, "{\"kind\":\"%s\",\"ok\":%s", kinds[e->kind], e->ok ? "true" : "false");
    put_member(json, "virtual_service", e->virtual_service);
    put_member(json, "file", e->file);
    sv_json_member_int(json, "line", e->line);
    sv_json_member_int(json, "route_index", e->route_index);
    sv_json_member_int(json, "match_index", e->match_index);
    put_member(json, "field", e->field);
    put_member(json, "expected", e->expected);
    put_member(json, "actual", e->actual);
    put_member(json, "detail", e->detail);
    sv_text_str(json, "}");
}

/* The question with the headers that this gateway would set, in *memory. */
static int ask_as_proxy(hr_request *out, void **memory, const question *q) {
    size_t size = 0;
    int error = hr_edge_request(out, q->view, &q->request, NULL, &size);
    if (error != HR_ENOSPC)
        return error;
    *memory = malloc(size);
    if (*memory == NULL)
        return HR_ENOMEM;
    return hr_edge_request(out, q->view, &q->request, *memory, &size);
}

/* The trace comes first: it is written while the decision is made. */
static int put_answer(gw_aside *aside, const hr_view *view, const hr_request *request,
                      hr_scratch *scratch) {
    static const char first[] = "{\"trace\":[";
    sv_text *json = &aside->json;
    trace t = {json, sizeof(first) - 1, aside->kind == GW_ASIDE_PAGE ? MAX_PUBLIC_TRACE : MAX_TRACE,
               0};
    hr_decision decision = HR_DECISION_INIT;
    hr_str text;
    sv_text_str(json, first);
    int error = hr_explain(&decision, view, request, scratch, on_event, &t);
    if (error == HR_OK)
        error = hr_decision_json(&text, &decision, request, scratch);
    if (error != HR_OK)
        return error;
    sv_text_printf(json, "],\"left_out\":%llu,\"decision\":", t.left_out);
    sv_text_bytes(json, text.p, text.len);
    sv_text_str(json, "}");
    return HR_OK;
}

/* In a scratch of its own, as it is on a thread of its own. */
static void explain(gw_aside *aside, question *q) {
    hr_scratch *scratch = NULL;
    q->request.headers = q->headers;
    hr_request edge;
    void *memory = NULL;
    int error = hr_scratch_new(&scratch);
    if (error == HR_OK && aside->kind == GW_ASIDE_PAGE)
        hr_scratch_limit_regexes(scratch, (size_t)aside->gateway->options.max_regex_bytes);
    if (error == HR_OK)
        error = ask_as_proxy(&edge, &memory, q);
    if (error == HR_OK)
        error = put_answer(aside, q->view, &edge, scratch);
    if (error == HR_EREQUEST) {
        sv_text_free(&aside->json);
        aside->status = 400;
        put_error(&aside->json, hr_scratch_error(scratch));
    } else if (error == HR_ELIMIT) {
        sv_text_free(&aside->json);
        aside->status = 431;
        put_error(&aside->json, HR_STR("the regexes of the rules take more than "
                                       "--max-regex-bytes"));
    } else if (error != HR_OK) {
        aside->json.failed = true;
    }
    hr_scratch_free(scratch);
    free(memory);
}

static const hr_view *asked_view(const gw_aside *aside, hr_str port) {
    const gw_config *config = aside->config;
    char number[8];
    if (port.len == 0 || aside->kind == GW_ASIDE_PAGE)
        return aside->listener->view;
    for (size_t i = 0; i < config->n_listeners; i++) {
        const gw_listener *l = &config->listeners[i];
        snprintf(number, sizeof(number), "%u", (unsigned)l->port);
        if (l->view != NULL && (l->port == 0 || sv_str_is(port, number)))
            return l->view;
    }
    return NULL;
}

static void explain_answer(gw_aside *aside, question *q) {
    q->view = asked_view(aside, q->port);
    if (q->error == NULL && q->view == NULL)
        q->error = "port: no listener of the Gateway is served for it";
    if (q->error == NULL && (q->request.authority.len == 0 || q->request.path.len == 0))
        q->error = "authority and path are required";
    if (q->error == NULL) {
        explain(aside, q);
        return;
    }
    aside->status = 400;
    put_error(&aside->json, hr_str_from(q->error));
}

static void answer_body(gw_aside *aside) {
    question q = {.request = HR_REQUEST_INIT};
    yajl_val tree = explain_read_body(&q, aside->question, aside->len);
    explain_answer(aside, &q);
    yajl_tree_free(tree);
}

static void answer_query(gw_aside *aside) {
    question q = {.request = HR_REQUEST_INIT};
    read_query(&q, aside->question, aside->len);
    explain_answer(aside, &q);
}

static void explain_body(sv_exchange *ex, gw_aside_kind kind) {
    hr_str body = {ex->body.p, ex->body.len};
    ex->on_body = NULL;
    if (!ex->body_done && body.len <= MAX_BODY)
        sv_answer_busy(ex, 1, "too much is being uploaded at the moment");
    else if (body.len <= MAX_BODY)
        gw_answer_aside(ex, kind, answer_body, body);
    else
        sv_answer_json(ex, 400, "{\"error\":\"the question is too large\"}");
}

static void on_question(sv_exchange *ex, gw_aside_kind kind) {
    if (ex->body_done || sv_body_is_full(ex))
        explain_body(ex, kind);
}

static void on_page_question(sv_exchange *ex) {
    on_question(ex, GW_ASIDE_PAGE);
}

static void on_admin_question(sv_exchange *ex) {
    on_question(ex, GW_ASIDE_ADMIN);
}

void gw_explain(sv_exchange *ex, gw_aside_kind kind) {
    ex->on_body = kind == GW_ASIDE_ADMIN ? on_admin_question : on_page_question;
    if (!sv_str_is(ex->request.method, "POST"))
        gw_answer_aside(ex, kind, answer_query, sv_request_query(ex));
    else if (ex->body_done)
        explain_body(ex, kind);
    else
        sv_body_stream(ex, MAX_BODY + 1);
}
