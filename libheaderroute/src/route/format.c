#include "format.h"

#include "headers.h"

/* One operator: NAME, NAME(ARGUMENT), NAME(ARGUMENT):LIMIT. */
typedef struct operator_ {
    hr_str name, argument; /* argument absent: no parentheses */
    size_t limit;          /* SIZE_MAX: none */
    size_t end;            /* just behind the closing '%' */
} operator_;

static const char *parse(operator_ *out, hr_str s, size_t at) {
    size_t i = at + 1;
    while (i < s.len && s.p[i] != '%' && s.p[i] != '(' && s.p[i] != ':')
        i++;
    *out = (operator_){.name = hr_str_from_to(s, at + 1, i), .limit = SIZE_MAX};
    if (i < s.len && s.p[i] == '(') {
        size_t close = hr_str_find(s, ')', i);
        if (close == s.len)
            return "a '(' is not closed";
        out->argument = hr_str_from_to(s, i + 1, close);
        i = close + 1;
    }
    if (i < s.len && s.p[i] == ':') {
        out->limit = 0;
        for (i++; i < s.len && s.p[i] >= '0' && s.p[i] <= '9' && out->limit < 1000000; i++)
            out->limit = out->limit * 10 + (size_t)(s.p[i] - '0');
    }
    if (i >= s.len || s.p[i] != '%')
        return "a '%' is not closed: write %% for a percent sign";
    out->end = i + 1;
    return NULL;
}

typedef enum op_kind { OP_UNKNOWN, OP_REQ, OP_RESP, OP_PROTOCOL, OP_RESPONSE_CODE, OP_CLUSTER, OP_ROUTE_NAME } op_kind;

static op_kind kind_of(const operator_ *op) {
    static const struct {
        const char *name;
        op_kind kind;
        bool argument;
    } known[] = {{"REQ", OP_REQ, true},
                 {"RESP", OP_RESP, true},
                 {"PROTOCOL", OP_PROTOCOL, false},
                 {"RESPONSE_CODE", OP_RESPONSE_CODE, false},
                 {"UPSTREAM_CLUSTER", OP_CLUSTER, false},
                 {"ROUTE_NAME", OP_ROUTE_NAME, false}};
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (hr_str_eq_c(op->name, known[i].name) && known[i].argument == (op->argument.p != NULL))
            return known[i].kind;
    return OP_UNKNOWN;
}

const char *hr_format_error(hr_str s) {
    for (size_t i = 0; i < s.len; i++) {
        if (s.p[i] != '%')
            continue;
        if (i + 1 < s.len && s.p[i + 1] == '%') {
            i++;
            continue;
        }
        operator_ op;
        const char *error = parse(&op, s, i);
        if (error != NULL)
            return error;
        if (kind_of(&op) == OP_UNKNOWN)
            return "this operator is not supported: %REQ(x)%, %RESP(x)%, %PROTOCOL%, %RESPONSE_CODE%, "
                   "%UPSTREAM_CLUSTER% and %ROUTE_NAME% are";
        i = op.end - 1;
    }
    return NULL;
}

/* ---- values ---- */

static hr_str in_pairs(const hr_pair *v, size_t n, hr_str name) {
    for (size_t i = 0; i < n; i++)
        if (hr_str_eq_nocase(v[i].name, name))
            return v[i].value;
    return (hr_str){0};
}

static hr_str request_header(const hr_format_context *c, hr_str name) {
    if (hr_str_eq_nocase(name, HR_STR(":authority")) || hr_str_eq_nocase(name, HR_STR("host")))
        return c->request->authority;
    if (hr_str_eq_nocase(name, HR_STR(":path")))
        return c->chosen == NULL ? c->request->path : c->chosen->path;
    if (hr_str_eq_nocase(name, HR_STR(":method")))
        return c->request->method.p == NULL ? HR_STR("GET") : c->request->method;
    if (hr_str_eq_nocase(name, HR_STR(":scheme")))
        return c->request->scheme.p == NULL ? HR_STR("http") : c->request->scheme;
    if (c->headers != NULL)
        return in_pairs(c->headers->v, c->headers->n, name);
    return in_pairs(c->request->headers, c->request->n_headers, name);
}

/* "main?alternative": the second where the first is absent. */
static hr_str either(const hr_format_context *c, hr_str names, hr_str (*get)(const hr_format_context *, hr_str)) {
    size_t mark = hr_str_find(names, '?', 0);
    hr_str value = get(c, hr_str_of(names.p, mark));
    if (value.p == NULL && mark < names.len)
        value = get(c, hr_str_tail(names, mark + 1));
    return value;
}

static hr_str response_header(const hr_format_context *c, hr_str name) {
    return c->response == NULL ? (hr_str){0} : in_pairs(c->response->v, c->response->n, name);
}

static void put_limited(hr_sbuf *s, hr_str value, size_t limit) {
    if (value.p == NULL)
        return;
    hr_sbuf_put(s, hr_str_of(value.p, value.len < limit ? value.len : limit));
}

static void put_operator(hr_sbuf *s, const operator_ *op, const hr_format_context *c) {
    switch (kind_of(op)) {
    case OP_REQ:
        put_limited(s, either(c, op->argument, request_header), op->limit);
        break;
    case OP_RESP:
        put_limited(s, either(c, op->argument, response_header), op->limit);
        break;
    case OP_PROTOCOL:
        put_limited(s, HR_STR("HTTP/1.1"), op->limit);
        break;
    case OP_RESPONSE_CODE:
        hr_sbuf_put_int(s, c->status);
        break;
    case OP_CLUSTER:
        put_limited(s, c->decision->cluster_name, op->limit);
        break;
    case OP_ROUTE_NAME:
        put_limited(s, c->decision->route_name, op->limit);
        break;
    case OP_UNKNOWN:
        break;
    }
}

hr_str hr_format(hr_str format, const hr_format_context *context, hr_scratch *scratch) {
    size_t percent = hr_str_find(format, '%', 0);
    if (percent == format.len)
        return format.p == NULL ? HR_STR("") : format;
    hr_sbuf s = hr_sbuf_begin(scratch, format.len + 64);
    for (size_t i = 0; i < format.len;) {
        percent = hr_str_find(format, '%', i);
        hr_sbuf_put(&s, hr_str_from_to(format, i, percent));
        i = percent;
        if (i == format.len)
            break;
        operator_ op;
        bool doubled = i + 1 < format.len && format.p[i + 1] == '%';
        if (doubled || parse(&op, format, i) != NULL) {
            hr_sbuf_put_c(&s, '%');
            i += doubled ? 2 : 1;
            continue;
        }
        put_operator(&s, &op, context);
        i = op.end;
    }
    return hr_sbuf_end(&s);
}
