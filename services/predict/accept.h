/* Chooses the form of an answer by the Accept header (RFC 9110, section 12.5.1). */
#ifndef HR_PREDICT_ACCEPT_H
#define HR_PREDICT_ACCEPT_H

#include <stddef.h>

typedef enum hr_answer_form {
    HR_FORM_JSON, /* the default, also where Accept names nothing that is served */
    HR_FORM_PNG,
    HR_FORM_WEBP,
    HR_FORM_JPEG,
    HR_FORMS
} hr_answer_form;

/* The media type of each form. */
extern const char *const hr_form_types[HR_FORMS];

/* The form of the highest weight. Among equal weights the type that is named more precisely wins,
 * then the first of the enum. `accept` need not be zero-terminated; len 0 means that there is none.
 */
hr_answer_form hr_accept_form(const char *accept, size_t len);

#endif
