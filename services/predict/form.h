/*
 * multipart/form-data (RFC 7578, over RFC 2046, section 5.1): the parts of a body, where they
 * stand. Nothing is allocated or copied.
 */
#ifndef HR_PREDICT_FORM_H
#define HR_PREDICT_FORM_H

#include <stdbool.h>
#include <stddef.h>

#include "exchange.h"

#define HR_FORM_BOUNDARY 70 /* the longest boundary (RFC 2046, section 5.1.1) */
#define HR_FORM_PARTS 64    /* the most parts */

typedef struct hr_form {
    char delimiter[2 + 2 + HR_FORM_BOUNDARY + 1]; /* CR LF -- boundary */
    char *p, *end; /* behind the last delimiter; the end of the body */
    int parts;
    bool begun;
} hr_form;

typedef struct hr_form_part {
    hr_str name; /* of the field */
    hr_bytes content;
} hr_form_part;

/* The boundary of a Content-Type value, zero-terminated in `out`, which has HR_FORM_BOUNDARY + 1
 * bytes. False: there is none, or it is not one. */
bool hr_form_boundary(char *out, hr_str content_type);

void hr_form_init(hr_form *form, const char *boundary, hr_bytes body);

/* The next part: 1, 0 at the end, or -1 with a sentence in `why`. */
int hr_form_next(hr_form_part *part, hr_form *form, char *why, size_t why_size);

#endif
