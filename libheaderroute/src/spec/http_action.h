/* HTTPRedirect, HTTPDirectResponse and HTTPRewrite: what a route answers itself, and what it
 * changes in the request. */
#ifndef HR_HTTP_ACTION_H
#define HR_HTTP_ACTION_H

#include "reader.h"

typedef struct hr_spec_redirect {
    hr_str uri, prefix_rewrite, authority, scheme; /* absent where unset */
    uint32_t port;                                 /* 0: unset */
    int derive_port;        /* 0 unset, 1 FROM_PROTOCOL_DEFAULT, 2 FROM_REQUEST_PORT */
    uint32_t redirect_code; /* 0: unset */
    hr_pos pos;
} hr_spec_redirect;

typedef struct hr_spec_direct_response {
    uint32_t status;
    hr_str body; /* decoded; absent where none */
    hr_pos pos;
} hr_spec_direct_response;

typedef struct hr_spec_rewrite {
    hr_str uri, authority, regex_match, regex_rewrite; /* absent where unset */
    hr_pos pos;
} hr_spec_rewrite;

extern const hr_schema hr_redirect_schema;
extern const hr_schema hr_direct_response_schema;
extern const hr_schema hr_rewrite_schema;

#endif
