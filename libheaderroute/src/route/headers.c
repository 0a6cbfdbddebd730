/* Applies header operations to a list of headers, as Envoy does. */
#include "headers.h"

/* Room for `capacity` headers. */
static int reserve(hr_header_list *list, size_t capacity) {
    hr_pair *v = hr_scratch_alloc(list->scratch, capacity * sizeof(*v));
    if (v == NULL)
        return HR_ENOMEM;
    if (list->n > 0)
        memcpy(v, list->v, list->n * sizeof(*v));
    list->v = v;
    list->capacity = capacity;
    return HR_OK;
}

static int push(hr_header_list *list, hr_str name, hr_str value) {
    if (list->n == list->capacity &&
        reserve(list, list->capacity < 8 ? 16 : list->capacity * 2) != HR_OK)
        return HR_ENOMEM;
    list->v[list->n++] = (hr_pair){name, value};
    return HR_OK;
}

static int lowered_name(hr_str *out, hr_scratch *scratch, hr_str s) {
    size_t i = 0;
    while (i < s.len && hr_lower(s.p[i]) == s.p[i])
        i++;
    *out = s;
    if (i == s.len)
        return HR_OK;
    char *p = hr_scratch_alloc(scratch, s.len);
    if (p == NULL)
        return HR_ENOMEM;
    for (i = 0; i < s.len; i++)
        p[i] = hr_lower(s.p[i]);
    *out = hr_str_of(p, s.len);
    return HR_OK;
}

/* Response fields of which Envoy keeps one entry: the number of one, -1 for others. */
#define RESPONSE_INLINE 17
static int response_inline_number(hr_str name) {
    static const char *const names[] = {
        "access-control-allow-credentials",
        "access-control-allow-headers",
        "access-control-allow-methods",
        "access-control-allow-origin",
        "access-control-expose-headers",
        "access-control-max-age",
        "cache-control",
        "content-encoding",
        "content-type",
        "date",
        "etag",
        "grpc-message",
        "location",
        "server",
        "vary",
        "via",
        "x-request-id",
    };
    _Static_assert(sizeof(names) / sizeof(names[0]) == RESPONSE_INLINE, "one number a name");
    for (int i = 0; i < RESPONSE_INLINE; i++)
        if (hr_str_eq_c(name, names[i]))
            return i;
    return -1;
}

static int inline_number(hr_str name, bool request) {
    return request ? hr_header_inline_number(name) : response_inline_number(name);
}

/* Adds a header at the end, or joins it to the one that is there. */
static int append_header(hr_header_list *list, hr_str name, hr_str value, bool request) {
    bool one = inline_number(name, request) >= 0;
    for (size_t i = 0; one && i < list->n; i++) {
        if (!hr_str_eq(list->v[i].name, name))
            continue;
        if (value.len == 0)
            return HR_OK;
        hr_sbuf s = hr_sbuf_begin(list->scratch, list->v[i].value.len + value.len + 1);
        hr_sbuf_put(&s, list->v[i].value);
        if (s.len > 0)
            hr_sbuf_put_c(&s, ',');
        hr_sbuf_put(&s, value);
        list->v[i].value = hr_sbuf_end(&s);
        return list->v[i].value.p == NULL ? HR_ENOMEM : HR_OK;
    }
    return push(list, name, value);
}

/* ---- the headers of a message ---- */

/* A header of which one entry is kept. Its values are linked in the order they came and joined once
 * all are known, so that a value is copied once, however many there are. */
typedef struct inline_field {
    size_t place;         /* in the list, + 1; 0: the message has none so far */
    uint32_t first, last; /* of its values that are not empty, among the message's headers */
    size_t n, octets;     /* of these values */
} inline_field;

#define MOST_INLINE (HR_INLINE_HEADERS > RESPONSE_INLINE ? HR_INLINE_HEADERS : RESPONSE_INLINE)

typedef struct collector {
    hr_header_list *out;
    const hr_pair *headers;
    size_t n_headers;
    uint32_t *next; /* by header: the next value of its field; NULL until a field has two */
    inline_field fields[MOST_INLINE];
} collector;

static int link_value(collector *c, inline_field *field, size_t header) {
    if (field->n > 0 && c->next == NULL)
        c->next = hr_scratch_alloc(c->out->scratch, c->n_headers * sizeof(*c->next));
    if (field->n > 0 && c->next == NULL)
        return HR_ENOMEM;
    if (c->next != NULL)
        c->next[header] = UINT32_MAX;
    if (field->n > 0)
        c->next[field->last] = (uint32_t)header;
    else
        field->first = (uint32_t)header;
    field->last = (uint32_t)header;
    field->n++;
    field->octets += c->headers[header].value.len;
    return HR_OK;
}

static int collect(collector *c, hr_str name, hr_str value, size_t header, bool request) {
    int number = inline_number(name, request);
    if (number < 0)
        return push(c->out, name, value);
    inline_field *field = &c->fields[number];
    if (field->place == 0) {
        if (push(c->out, name, value) != HR_OK)
            return HR_ENOMEM;
        field->place = c->out->n;
    }
    return value.len > 0 ? link_value(c, field, header) : HR_OK;
}

static int join_values(const collector *c, const inline_field *field) {
    if (field->n == 0)
        return HR_OK;
    hr_str *value = &c->out->v[field->place - 1].value;
    if (field->n == 1) {
        *value = c->headers[field->first].value;
        return HR_OK;
    }
    hr_sbuf s = hr_sbuf_begin(c->out->scratch, field->octets + field->n);
    for (uint32_t i = field->first; i != UINT32_MAX; i = c->next[i]) {
        if (i != field->first)
            hr_sbuf_put_c(&s, ',');
        hr_sbuf_put(&s, c->headers[i].value);
    }
    *value = hr_sbuf_end(&s);
    return value->p == NULL ? HR_ENOMEM : HR_OK;
}

/* What a proxy takes for itself. */
static bool is_taken(hr_str name, hr_str value) {
    return hr_str_eq_c(name, "host") || hr_header_is_stripped(name) ||
           (hr_str_eq_c(name, "te") && value.len > 0 && !hr_str_eq_c(value, "trailers"));
}

static int fill_headers(hr_header_list *out, const hr_pair *headers, size_t n, bool request) {
    collector c = {.out = out, .headers = headers, .n_headers = n};
    if (reserve(out, n) != HR_OK)
        return HR_ENOMEM;
    for (size_t i = 0; i < n; i++) {
        hr_str name;
        if (lowered_name(&name, out->scratch, headers[i].name) != HR_OK)
            return HR_ENOMEM;
        hr_str value = headers[i].value.p == NULL ? HR_STR("") : headers[i].value;
        if (request && is_taken(name, value))
            continue;
        if (collect(&c, name, value, i, request) != HR_OK)
            return HR_ENOMEM;
    }
    for (size_t i = 0; i < MOST_INLINE; i++)
        if (join_values(&c, &c.fields[i]) != HR_OK)
            return HR_ENOMEM;
    return HR_OK;
}

int hr_headers_of_request(hr_header_list *out, const hr_request *request, hr_scratch *scratch) {
    *out = (hr_header_list){.scratch = scratch};
    return fill_headers(out, request->headers, request->n_headers, true);
}

int hr_headers_of_response(hr_header_list *out, const hr_pair *headers, size_t n,
                           hr_scratch *scratch) {
    *out = (hr_header_list){.scratch = scratch};
    return fill_headers(out, headers, n, false);
}

static void remove_all(hr_header_list *list, hr_str name) {
    size_t kept = 0;
    for (size_t i = 0; i < list->n; i++)
        if (!hr_str_eq_nocase(list->v[i].name, name))
            list->v[kept++] = list->v[i];
    list->n = kept;
}

bool hr_is_grpc(hr_str content_type) {
    hr_str grpc = HR_STR("application/grpc");
    if (!hr_str_starts(content_type, grpc))
        return false;
    char next = content_type.len == grpc.len ? '+' : content_type.p[grpc.len];
    return next == '+' || next == ';';
}

/* gRPC's deadline has at most eight digits. */
int hr_headers_set_grpc_timeout(hr_header_list *list, int64_t ms) {
    static const char units[] = "mSMH";
    const int64_t most = 99999999;
    size_t unit = 0;
    for (; ms > most && units[unit] != 'H'; unit++)
        ms /= unit == 0 ? 1000 : 60;
    hr_sbuf s = hr_sbuf_begin(list->scratch, 16);
    hr_sbuf_put_int(&s, ms > most ? most : ms);
    hr_sbuf_put_c(&s, units[unit]);
    hr_str value = hr_sbuf_end(&s);
    if (value.p == NULL)
        return HR_ENOMEM;
    remove_all(list, HR_STR("grpc-timeout"));
    return push(list, HR_STR("grpc-timeout"), value);
}

static int compute(hr_pair *out, const hr_pair *in, size_t n, const hr_format_context *context,
                   hr_scratch *scratch) {
    for (size_t i = 0; i < n; i++) {
        if (lowered_name(&out[i].name, scratch, in[i].name) != HR_OK)
            return HR_ENOMEM;
        out[i].value = hr_format(in[i].value, context, scratch);
        if (out[i].value.p == NULL)
            return HR_ENOMEM;
    }
    return HR_OK;
}

int hr_headers_apply(hr_header_list *list, const hr_header_ops *ops,
                     const hr_format_context *context, bool request) {
    for (size_t i = 0; i < ops->n_remove; i++)
        remove_all(list, ops->remove[i]);
    size_t n = ops->n_set + ops->n_add;
    hr_pair *values = hr_scratch_alloc(list->scratch, n * sizeof(*values));
    if (values == NULL || compute(values, ops->set, ops->n_set, context, list->scratch) != HR_OK ||
        compute(values + ops->n_set, ops->add, ops->n_add, context, list->scratch) != HR_OK)
        return HR_ENOMEM;
    for (size_t i = 0; i < n; i++) {
        if (values[i].value.len == 0) /* an empty value does nothing */
            continue;
        if (i < ops->n_set)
            remove_all(list, values[i].name);
        int error = i < ops->n_set ? push(list, values[i].name, values[i].value)
                                   : append_header(list, values[i].name, values[i].value, request);
        if (error != HR_OK)
            return error;
    }
    return HR_OK;
}
