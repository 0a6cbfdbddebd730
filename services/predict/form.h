/*
 * multipart/form-data (RFC 7578, over RFC 2046, section 5.1): the parts of a body, where they
 * stand. Nothing is allocated or copied.
 */
#ifndef SV_PREDICT_FORM_H
#define SV_PREDICT_FORM_H

#include <stdbool.h>
#include <stddef.h>

#include "exchange.h"

#define SV_FORM_BOUNDARY 70 /* the longest boundary (RFC 2046, section 5.1.1) */
#define SV_FORM_PARTS 64    /* the most parts */

typedef struct sv_form {
    char delimiter[2 + 2 + SV_FORM_BOUNDARY + 1]; /* CR LF -- boundary */
    char *p, *end; /* behind the last delimiter; the end of the body */
    int parts;
    bool begun;
} sv_form;

typedef struct sv_form_part {
    hr_str name; /* of the field */
    sv_bytes content;
} sv_form_part;

/* The boundary of a Content-Type value, zero-terminated in `out`, which has SV_FORM_BOUNDARY + 1
 * bytes. False: there is none, or it is not one. */
bool sv_form_boundary(char *out, hr_str content_type);

void sv_form_init(sv_form *form, const char *boundary, sv_bytes body);

/* The next part: 1, 0 at the end, or -1 with a sentence in `why`. */
int sv_form_next(sv_form_part *part, sv_form *form, char *why, size_t why_size);

#endif
