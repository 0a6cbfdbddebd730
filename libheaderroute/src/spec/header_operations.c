/* Headers of networking.istio.io: what a route sets, adds and removes, read and checked. */
#include "header_operations.h"

#include <stddef.h>
#include <string.h>

#include "common_fields.h"
#include "format_command.h"
#include "name_rules.h"
#include "text.h"

/* ---- values: Envoy's header formats ---- */

/* The state of the parser in %NAME(ARGUMENTS)%. Arguments are a bare word or a JSON list of
 * strings. */
enum format_state {
    LITERAL,
    NAME,
    ARGUMENTS,
    LIST_ITEM,
    STRING,
    AFTER_ITEM,
    CLOSE_ARGUMENTS,
    CLOSE_COMMAND
};

static const char *header_value_mistake(hr_str value) {
    enum format_state state = LITERAL;
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.p[i];
        if ((c < 0x20 && c != '\t') || c == 0x7F)
            return "contains a control character";
    }
    for (size_t i = 0; i < value.len; i++) {
        char c = value.p[i];
        bool last = i + 1 == value.len;
        switch (state) {
        case LITERAL:
            if (c == '%' && last)
                return "ends with a single '%'; write %% for a percent sign";
            if (c == '%' && value.p[i + 1] == '%')
                i++;
            else if (c == '%')
                state = NAME;
            break;
        case NAME:
            state = c == '%' ? LITERAL : c == '(' ? ARGUMENTS : NAME;
            break;
        case ARGUMENTS:
            state = c == '[' ? LIST_ITEM : c == ' ' ? ARGUMENTS : STRING;
            break;
        case LIST_ITEM:
            if (c != '"' && c != ' ')
                return "lacks a '\"' in the list of a %COMMAND([...])%";
            state = c == '"' ? STRING : LIST_ITEM;
            break;
        case STRING:
            if (c == '\\' && last)
                return "ends with a backslash";
            if (c == '\\')
                i++;
            else
                state = c == ')' ? CLOSE_COMMAND : c == '"' ? AFTER_ITEM : STRING;
            break;
        case AFTER_ITEM:
            if (c != ',' && c != ']' && c != ' ')
                return "lacks a ',' or ']' in the list of a %COMMAND([...])%";
            state = c == ',' ? LIST_ITEM : c == ']' ? CLOSE_ARGUMENTS : AFTER_ITEM;
            break;
        case CLOSE_ARGUMENTS:
            if (c != ')' && c != ' ')
                return "lacks a ')' after the list of a %COMMAND([...])%";
            state = c == ')' ? CLOSE_COMMAND : CLOSE_ARGUMENTS;
            break;
        case CLOSE_COMMAND:
            if (c != '%' && c != ' ')
                return "lacks a '%' after %COMMAND(...)";
            state = c == '%' ? LITERAL : CLOSE_COMMAND;
            break;
        }
    }
    return state == LITERAL
               ? NULL
               : "contains a %COMMAND% without its closing '%'; write %% for a percent sign";
}

/* Envoy rejects the whole route table because of one command that it does not have. */
static void check_commands(hr_reader *r, const hr_node *value) {
    hr_str where, format = value->u.text;
    const char *mistake = hr_format_error(&where, format);
    if (mistake != NULL) {
        hr_reader_error(r, value, "\"%.*s\" %s; Envoy would reject the whole route table",
                        (int)where.len, where.p, mistake);
        return;
    }
    hr_str unknown = hr_format_unknown(format, r->serves);
    if (unknown.p == NULL)
        return;
    if (r->serves)
        hr_reader_error(r, value, "%%%.*s%% cannot be evaluated", (int)unknown.len, unknown.p);
    else
        hr_reader_warn(r, value, "%%%.*s%% is not evaluated; the header is reported without it",
                       (int)unknown.len, unknown.p);
}

void hr_check_header_format(hr_reader *r, const hr_node *value) {
    const char *mistake = header_value_mistake(value->u.text);
    if (mistake != NULL)
        hr_reader_error(r, value, "the header value %s", mistake);
    else
        check_commands(r, value);
}

/* ---- HeaderOperations ---- */

static void check_operation_name(hr_reader *r, const hr_node *node, int authority_allowed) {
    hr_str name = node->u.text;
    if (name.len == 0)
        hr_reader_error(r, node, "the header name must not be empty");
    else if (hr_is_authority_header(name) && !authority_allowed)
        hr_reader_error(r, node, "\"%.*s\" can only be set on or added to requests", (int)name.len,
                        name.p);
    else if (name.p[0] == ':' && !hr_is_authority_header(name))
        hr_reader_error(r, node, "\"%.*s\" cannot be changed by header operations", (int)name.len,
                        name.p);
}

static void check_values(hr_reader *r, const hr_node *operations, const char *field,
                         int authority_allowed) {
    const hr_node *map = hr_field_get(operations, field);
    hr_path name = {.up = r->path, .name = hr_str_from(field)}, step;
    if (map == NULL)
        return;
    r->path = &name;
    for (const hr_node *key = hr_keys_begin(r, &step, map); key != NULL;
         key = hr_keys_next(r, &step, key)) {
        check_operation_name(r, key, authority_allowed);
        if (key->value->kind != HR_NODE_STRING)
            continue;
        bool literal = hr_is_authority_header(key->u.text); /* Envoy expands no command in it */
        const char *mistake = literal ? header_value_mistake(key->value->u.text) : NULL;
        if (mistake != NULL)
            hr_reader_error(r, key->value, "the header value %s", mistake);
        else if (!literal)
            hr_check_header_format(r, key->value);
    }
    r->path = name.up;
}

static void check_operations(hr_reader *r, const hr_node *operations, int authority_allowed) {
    const hr_node *list = hr_field_get(operations, "remove");
    hr_path name = {.up = r->path, .name = HR_STR("remove")}, step;
    check_values(r, operations, "set", authority_allowed);
    check_values(r, operations, "add", authority_allowed);
    r->path = &name;
    for (const hr_node *item = hr_items_begin(r, &step, list); item != NULL;
         item = hr_items_next(r, &step, item))
        if (item->kind == HR_NODE_STRING)
            check_operation_name(r, item, 0);
    r->path = name.up;
}

static void check_request_headers(hr_reader *r, const hr_node *node, void *out) {
    (void)out;
    check_operations(r, node, 1);
}

static void check_response_headers(hr_reader *r, const hr_node *node, void *out) {
    (void)out;
    check_operations(r, node, 0);
}

#define O(member) offsetof(hr_spec_header_operations, member)

void hr_read_header_removals(hr_reader *r, const hr_node *node, void *base, const hr_field *field) {
    hr_str_list list = {0};
    hr_spec_header_operations *out = base;
    (void)field;
    hr_read_strings(r, node, &list, &(hr_field){0});
    out->remove = list.v;
    out->n_remove = list.n;
}

static const hr_field operations_fields[] = {
    {"set", hr_read_pairs, O(set), O(n_set), NULL, 0},
    {"add", hr_read_pairs, O(add), O(n_add), NULL, 0},
    {"remove", hr_read_header_removals, 0, 0, NULL, 0},
};
#undef O

#define OPERATIONS(check)                                                                          \
    {                                                                                              \
        "HeaderOperations", HR_FIELDS(operations_fields), sizeof(hr_spec_header_operations),       \
            offsetof(hr_spec_header_operations, pos), -1, 0, NULL, (check)                         \
    }

static const hr_schema request_schema = OPERATIONS(check_request_headers);

static const hr_schema response_schema = OPERATIONS(check_response_headers);

static const hr_field headers_fields[] = {
    {"request", hr_read_message, offsetof(hr_spec_headers, request), 0, &request_schema, 0},
    {"response", hr_read_message, offsetof(hr_spec_headers, response), 0, &response_schema, 0},
};

const hr_schema hr_headers_schema =
    HR_SCHEMA_AT("Headers", headers_fields, hr_spec_headers, offsetof(hr_spec_headers, pos),
                 offsetof(hr_spec_headers, present), NULL, NULL);
