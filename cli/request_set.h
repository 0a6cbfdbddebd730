/* Sets of requests as `forAll` of a test case writes them. */
#ifndef HR_CLI_REQUEST_SET_H
#define HR_CLI_REQUEST_SET_H

#include <jansson.h>

#include <stdbool.h>

#include <headerroute/headerroute.h>

typedef struct cli_request_set {
    hr_where *v;
    size_t n, capacity;
    char **fields; /* of headers and query parameters */
    size_t n_fields;
    hr_str authority; /* the only one; absent if there may be others */
} cli_request_set;

/* Returns true, or false with a sentence in `wrong`. Strings stay those of `json`. */
bool cli_request_set_read(cli_request_set *out, const json_t *json, char *wrong, size_t size);
/* Adds: the header has another value, or none. */
void cli_request_set_without(cli_request_set *requests, const char *header, const char *value);
void cli_request_set_free(cli_request_set *requests);

#endif
