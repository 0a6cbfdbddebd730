/* YAML documents as JSON values, and their comparison. */
#ifndef HR_CLI_DOCUMENT_JSON_H
#define HR_CLI_DOCUMENT_JSON_H

#include <jansson.h>

#include <stdbool.h>

#include <headerroute/headerroute.h>

/* Returns a new reference: the whole document, null if it cannot be expressed. */
json_t *cli_document_json(const hr_document *document, hr_scratch *scratch);
/* A string of JSON; bytes that are no UTF-8 are read as Latin-1. */
json_t *cli_json_text(hr_str s);
/* Removes keys without a value, which mean nothing in a resource, at every depth. */
void cli_json_drop_nulls(json_t *json);

/* The first difference of two values. */
typedef struct cli_json_difference {
    char where[256];    /* its path, for example ".redirect.code"; cut if it is longer */
    const json_t *have; /* in the values that were compared; NULL if the key is missing */
    const json_t *want;
} cli_json_difference;

/* Returns whether `actual` has everything that `expected` has: objects may have more keys, lists
 * not more items. Returns false with the first difference otherwise. */
bool cli_json_covers(const json_t *actual, const json_t *expected, cli_json_difference *first);

#endif
