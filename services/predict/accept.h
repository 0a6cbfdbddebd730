/* Chooses the form of an answer by the Accept header (RFC 9110, section 12.5.1). */
#ifndef SV_PREDICT_ACCEPT_H
#define SV_PREDICT_ACCEPT_H

#include <stddef.h>

typedef enum sv_answer_form {
    SV_FORM_JSON, /* the default, also where Accept names nothing that is served */
    SV_FORM_PNG,
    SV_FORM_WEBP,
    SV_FORM_JPEG,
    SV_FORMS
} sv_answer_form;

/* The media type of each form. */
extern const char *const sv_form_types[SV_FORMS];

/* The form of the highest weight. Among equal weights the type that is named more precisely wins,
 * then the first of the enum. `accept` need not be zero-terminated; len 0 means that there is none.
 */
sv_answer_form sv_accept_form(const char *accept, size_t len);

#endif
