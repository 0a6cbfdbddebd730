/* Reads sets of requests, which `forAll` of a test case writes like an HTTPMatchRequest. */
#define _GNU_SOURCE
#include "request_set.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

typedef struct reader {
    cli_request_set *out;
    char *wrong;
    size_t size;
} reader;

__attribute__((format(printf, 2, 3))) static bool refuse(reader *r, const char *format, ...) {
    va_list args;
    va_start(args, format);
    vsnprintf(r->wrong, r->size, format, args);
    va_end(args);
    return false;
}

static void put(cli_request_set *out, const hr_where *where) {
    if (out->n == out->capacity) {
        out->capacity = out->capacity == 0 ? 8 : out->capacity * 2;
        out->v = cli_realloc(out->v, out->capacity * sizeof(*out->v));
    }
    out->v[out->n++] = *where;
}

/* "headers[NAME]" */
static hr_str named_field(cli_request_set *out, const char *list, const char *name) {
    char *field;
    if (asprintf(&field, "%s[%s]", list, name) < 0)
        abort();
    out->fields = cli_realloc(out->fields, (out->n_fields + 1) * sizeof(*out->fields));
    out->fields[out->n_fields++] = field;
    return hr_str_from(field);
}

/* The operator of {exact: a}. */
static bool read_operator(reader *r, hr_where *where, const char *place, const json_t *value) {
    void *at = json_object_iter((json_t *)value);
    const char *key = json_object_iter_key(at);
    const json_t *text = json_object_iter_value(at);
    for (int op = HR_WHERE_EXACT; op <= HR_WHERE_REGEX; op++) {
        if (strcmp(key, hr_where_op_name((hr_where_op)op)) != 0)
            continue;
        if (!json_is_string(text))
            return refuse(r, "%s.%s: expected a string", place, key);
        if (op == HR_WHERE_SUFFIX && strcmp(place, "forAll.authority") != 0)
            return refuse(r, "%s.suffix: only authority has it; write a regex such as .*%s", place,
                          json_string_value(text));
        where->op = (hr_where_op)op;
        where->value = hr_str_from(json_string_value(text));
        return true;
    }
    return refuse(r, "%s.%s: expected exact, prefix or regex", place, key);
}

static bool read_condition(reader *r, hr_str field, const char *place, const json_t *value,
                           bool negated) {
    hr_where where = {.field = field, .op = HR_WHERE_EXACT, .negated = negated};
    if (json_is_string(value))
        where.value = hr_str_from(json_string_value(value));
    else if (json_is_object(value) && json_object_size(value) == 0)
        where.op = HR_WHERE_PRESENT;
    else if (!json_is_object(value) || json_object_size(value) > 1)
        return refuse(r, "%s: expected a text, or a map with one of exact, prefix and regex",
                      place);
    else if (!read_operator(r, &where, place, value))
        return false;
    put(r->out, &where);
    return true;
}

static bool read_named(reader *r, const char *key, const char *list, const json_t *map,
                       bool negated) {
    const char *name;
    json_t *value;
    if (!json_is_object(map))
        return refuse(r, "forAll.%s: expected a map of names to conditions", key);
    json_object_foreach((json_t *)map, name, value) {
        char place[256];
        snprintf(place, sizeof(place), "forAll.%s.%s", key, name);
        if (!read_condition(r, named_field(r->out, list, name), place, value, negated))
            return false;
    }
    return true;
}

static void note_authority(cli_request_set *out) {
    const hr_where *last = &out->v[out->n - 1];
    if (last->op == HR_WHERE_EXACT)
        out->authority = last->value;
}

static bool read_key(reader *r, const char *key, const json_t *value) {
    static const char *const plain[] = {"method", "scheme", "authority", "path"};
    static const struct {
        const char *key, *list;
        bool negated;
    } named[] = {{"headers", "headers", false},
                 {"withoutHeaders", "headers", true},
                 {"queryParams", "queryParams", false}};
    for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
        char place[32];
        snprintf(place, sizeof(place), "forAll.%s", plain[i]);
        if (strcmp(key, plain[i]) != 0)
            continue;
        if (!read_condition(r, hr_str_from(plain[i]), place, value, false))
            return false;
        if (strcmp(key, "authority") == 0)
            note_authority(r->out);
        return true;
    }
    for (size_t i = 0; i < sizeof(named) / sizeof(named[0]); i++)
        if (strcmp(key, named[i].key) == 0)
            return read_named(r, key, named[i].list, value, named[i].negated);
    return refuse(r,
                  "forAll.%s: unknown key: expected method, scheme, authority, path, headers, "
                  "withoutHeaders or queryParams",
                  key);
}

bool cli_request_set_read(cli_request_set *out, const json_t *json, char *wrong, size_t size) {
    reader r = {out, wrong, size};
    const char *key;
    json_t *value;
    *out = (cli_request_set){0};
    if (!json_is_object(json))
        return refuse(&r, "forAll: expected a map of conditions");
    json_object_foreach((json_t *)json, key, value) {
        if (!read_key(&r, key, value))
            return false;
    }
    return true;
}

void cli_request_set_without(cli_request_set *requests, const char *header, const char *value) {
    hr_where where = {.field = named_field(requests, "headers", header),
                      .op = HR_WHERE_EXACT,
                      .value = hr_str_from(value),
                      .negated = 1};
    put(requests, &where);
}

void cli_request_set_free(cli_request_set *requests) {
    for (size_t i = 0; i < requests->n_fields; i++)
        free(requests->fields[i]);
    free(requests->fields);
    free(requests->v);
    *requests = (cli_request_set){0};
}
