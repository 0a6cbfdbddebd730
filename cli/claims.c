/* Claims of a JSON web token, as --claim, lines of --batch and test cases state them. */
#define _GNU_SOURCE
#include "claims.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool cli_add_claim(cli_request *r, hr_str text) {
    const char *close = text.len > 0 && text.p[0] == '[' ? memrchr(text.p, ']', text.len) : NULL;
    const char *from = close == NULL ? text.p : close;
    const char *equals =
        text.len == 0 ? NULL : memchr(from, '=', text.len - (size_t)(from - text.p));
    if (equals == NULL || equals == text.p)
        return false;
    size_t name = (size_t)(equals - text.p);
    cli_put_claim(r, (hr_str){text.p, name}, (hr_str){equals + 1, text.len - name - 1});
    return true;
}

static void add_claim_value(cli_request *r, const char *name, const json_t *value);

/* A key that is written "[a][b]" is the name of a claim in a claim, as `diff` prints them. */
static void add_claim_members(cli_request *r, const char *outer, const json_t *map) {
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)map, key, value) {
        size_t len = strlen(key);
        bool whole = outer[0] == '\0' && len > 2 && key[0] == '[' && key[len - 1] == ']';
        char *name;
        if (asprintf(&name, whole ? "%s%s" : "%s[%s]", outer, key) < 0)
            abort();
        add_claim_value(r, name, value);
        free(name);
    }
}

static void add_claim_value(cli_request *r, const char *name, const json_t *value) {
    if (json_is_string(value))
        cli_put_claim(r, cli_keep_text(r, name),
                      (hr_str){json_string_value(value), json_string_length(value)});
    else if (json_is_object(value))
        add_claim_members(r, name, value);
    for (size_t i = 0; i < json_array_size(value); i++)
        if (json_is_string(json_array_get(value, i)))
            add_claim_value(r, name, json_array_get(value, i));
}

bool cli_add_claims(cli_request *r, const json_t *payload) {
    if (!json_is_object(payload))
        return false;
    add_claim_members(r, "", payload);
    return true;
}
