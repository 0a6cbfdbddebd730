/* Envoy's format strings in header values: %REQ(x)%, %% and the like. */
#ifndef HR_FORMAT_H
#define HR_FORMAT_H

#include "scratch.h"

typedef struct hr_header_list hr_header_list;

typedef struct hr_format_context {
    const hr_request *request;
    const hr_chosen *chosen; /* NULL: the request met no route */
    const hr_decision *decision;
    const hr_header_list *headers;  /* the request's as they are by now; NULL: as they came */
    const hr_header_list *response; /* for %RESP(x)%; NULL: none yet */
    int status;                            /* for %RESPONSE_CODE%; 0: none yet */
} hr_format_context;

/* The value with its operators expanded; absent: no memory. What the request does not have expands to
 * nothing. */
hr_str hr_format(hr_str format, const hr_format_context *context, hr_scratch *scratch);

/* NULL where the format is one this library expands; else what is wrong with it, in a few words. */
const char *hr_format_error(hr_str format);

#endif
