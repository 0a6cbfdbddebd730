#include "explain.h"

#include <stdlib.h>
#include <string.h>

#include <yajl/yajl_tree.h>

#include "json_out.h"

#define MAX_BODY 65536
#define MAX_DEPTH 8
#define MAX_HEADERS 128

typedef struct question {
    hr_request request;
    hr_pair headers[MAX_HEADERS];
    const char *error;
} question;

static void refuse(hr_exchange *ex, const char *why) {
    hr_text json = {0};
    hr_text_str(&json, "{\"error\":");
    hr_json_string(&json, why, strlen(why));
    hr_text_str(&json, "}");
    h2o_iovec_t body =
        h2o_strdup(&ex->req->pool, json.failed ? "" : json.p, json.failed ? 0 : json.len);
    hr_text_free(&json);
    hr_answer(ex, 400, "application/json", body);
}

/* ---- the question ---- */

/* The tree is freed by recursion: a text that is nested too deep is not parsed at all. */
static int too_deep(const char *p, size_t n) {
    int depth = 0, in_string = 0;
    for (size_t i = 0; i < n; i++) {
        if (in_string)
            i += p[i] == '\\', in_string = i < n && p[i] != '"';
        else if (p[i] == '"')
            in_string = 1;
        else if (p[i] == '[' || p[i] == '{')
            depth++;
        else if (p[i] == ']' || p[i] == '}')
            depth--;
        if (depth > MAX_DEPTH)
            return 1;
    }
    return 0;
}

static hr_str member(yajl_val object, const char *name) {
    const char *path[] = {name, NULL};
    const char *value = YAJL_GET_STRING(yajl_tree_get(object, path, yajl_t_string));
    return hr_str_from(value);
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

static yajl_val read_body(question *q, hr_exchange *ex) {
    static const char *const headers[] = {"headers", NULL};
    h2o_iovec_t body = ex->req->entity;
    char why[256];
    if (body.len > MAX_BODY || too_deep(body.base, body.len)) {
        q->error = "the question is too large";
        return NULL;
    }
    char *text = h2o_strdup(&ex->req->pool, body.base != NULL ? body.base : "", body.len).base;
    yajl_val tree = yajl_tree_parse(text, why, sizeof(why));
    if (!YAJL_IS_OBJECT(tree)) {
        q->error = "the body must be a JSON object";
        return tree;
    }
    q->request.method = member(tree, "method");
    q->request.scheme = member(tree, "scheme");
    q->request.authority = member(tree, "authority");
    q->request.path = member(tree, "path");
    yajl_val list = yajl_tree_get(tree, (const char **)headers, yajl_t_any);
    if (YAJL_IS_ARRAY(list))
        read_headers(q, list);
    else if (list != NULL && !YAJL_IS_NULL(list))
        q->error = "headers must be a list of [name, value]";
    return tree;
}

static void read_query_header(question *q, h2o_iovec_t value) {
    const char *colon = memchr(value.base, ':', value.len);
    if (colon == NULL || q->request.n_headers == MAX_HEADERS) {
        q->error = "header must be 'Name: value', at most 128 times";
        return;
    }
    const char *from = colon + 1, *end = value.base + value.len;
    while (from < end && *from == ' ')
        from++;
    q->headers[q->request.n_headers++] =
        (hr_pair){{value.base, (size_t)(colon - value.base)}, {from, (size_t)(end - from)}};
}

static void read_query(question *q, hr_exchange *ex) {
    h2o_iovec_t query = hr_request_query(ex->req), value;
    for (const char *p = query.base, *end = p + query.len; p < end;) {
        const char *amp = memchr(p, '&', (size_t)(end - p)), *stop = amp != NULL ? amp : end;
        const char *equals = memchr(p, '=', (size_t)(stop - p));
        hr_str name = {p, (size_t)((equals != NULL ? equals : stop) - p)};
        const char *from = equals != NULL ? equals + 1 : stop;
        if (!hr_percent_decode(&value, &ex->req->pool, from, (size_t)(stop - from))) {
            q->error = "the query has a bad escape";
            return;
        }
        hr_str *fields[] = {&q->request.method, &q->request.scheme, &q->request.authority,
                            &q->request.path};
        static const char *const names[] = {"method", "scheme", "authority", "path"};
        for (size_t i = 0; i < 4; i++)
            if (name.len == strlen(names[i]) && memcmp(name.p, names[i], name.len) == 0)
                *fields[i] = hr_str_of(value);
        if (name.len == 6 && memcmp(name.p, "header", 6) == 0)
            read_query_header(q, value);
        p = stop + 1;
    }
}

/* ---- the answer ---- */

static void put_member(hr_text *json, const char *name, hr_str value) {
    hr_json_member(json, name, value.p, value.len);
}

static void on_event(void *ctx, const hr_trace_event *e) {
    static const char *const kinds[] = {"virtual_host", "rule", "condition", "omitted"};
    hr_text *json = ctx;
    if (json->p != NULL && json->p[json->len - 1] == '}')
        hr_text_str(json, ",");
    hr_text_printf(json, "{\"kind\":\"%s\",\"ok\":%s", kinds[e->kind], e->ok ? "true" : "false");
    put_member(json, "virtual_service", e->virtual_service);
    put_member(json, "file", e->file);
    hr_json_member_int(json, "line", e->line);
    hr_json_member_int(json, "route_index", e->route_index);
    hr_json_member_int(json, "match_index", e->match_index);
    put_member(json, "field", e->field);
    put_member(json, "expected", e->expected);
    put_member(json, "actual", e->actual);
    put_member(json, "detail", e->detail);
    hr_text_str(json, "}");
}

static void explain(hr_exchange *ex, question *q) {
    gw_loop *loop = ex->loop->data;
    gw_scratch *scratch = gw_scratch_take(loop);
    hr_text trace = {0}, json = {0};
    hr_decision decision;
    hr_str text = {NULL, 0};
    q->request.headers = q->headers;
    int error = scratch == NULL ? HR_ENOMEM
                                : hr_explain(&decision, loop->current->config->view, &q->request,
                                             scratch->scratch, on_event, &trace);
    if (error == HR_OK)
        error = hr_decision_json(&text, &decision, &q->request, scratch->scratch);
    if (error == HR_OK) {
        hr_text_str(&json, "{\"decision\":");
        hr_text_bytes(&json, text.p, text.len);
        hr_text_str(&json, ",\"trace\":[");
        if (trace.p != NULL)
            hr_text_bytes(&json, trace.p, trace.len);
        hr_text_str(&json, "]}");
        h2o_iovec_t body =
            h2o_strdup(&ex->req->pool, json.failed ? "" : json.p, json.failed ? 0 : json.len);
        hr_answer(ex, 200, "application/json", body);
    } else {
        hr_str why = error == HR_EREQUEST ? hr_scratch_error(scratch->scratch)
                                          : hr_str_from(hr_strerror(error));
        refuse(ex, h2o_strdup(&ex->req->pool, why.p, why.len).base);
    }
    hr_text_free(&trace);
    hr_text_free(&json);
    gw_scratch_give(loop, scratch);
}

void gw_explain(hr_exchange *ex) {
    question *q = h2o_mem_alloc_pool(&ex->req->pool, sizeof(*q));
    yajl_val tree = NULL;
    memset(q, 0, sizeof(*q));
    if (h2o_memis(ex->req->method.base, ex->req->method.len, H2O_STRLIT("POST")))
        tree = read_body(q, ex);
    else
        read_query(q, ex);
    if (q->error == NULL && (q->request.authority.len == 0 || q->request.path.len == 0))
        q->error = "authority and path are required";
    if (q->error != NULL)
        refuse(ex, q->error);
    else
        explain(ex, q);
    yajl_tree_free(tree);
}
