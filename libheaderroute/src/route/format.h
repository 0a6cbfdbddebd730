/* Header values with formatter commands: %REQ(x)%, %DOWNSTREAM_REMOTE_ADDRESS%, %% and the like. */
#ifndef HR_FORMAT_H
#define HR_FORMAT_H

#include "header_list.h"

typedef struct hr_format_context {
    const hr_request *request;
    const hr_chosen *chosen; /* NULL: no route was chosen */
    const hr_decision *decision;
    const hr_header_list *headers; /* the request's as they are by now; NULL: as they came */
    hr_str path;                   /* as it is sent; absent: not rewritten yet */
    const hr_header_list *answer;  /* its headers as they are by now; NULL: none yet */
    const hr_response *response;   /* NULL: none yet */
} hr_format_context;

/* The value with its commands replaced; absent: no memory. What is not known is replaced by
 * nothing. */
hr_str hr_format(hr_str format, const hr_format_context *context, hr_scratch *scratch);

#endif
