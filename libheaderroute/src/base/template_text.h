/* Texts that a template engine or a shell was meant to replace: {{ .Values.host }}, ${HOST},
 * $(HOST), <HOST>. */
#ifndef HR_TEMPLATE_TEXT_H
#define HR_TEMPLATE_TEXT_H

#include <stdbool.h>

#include <headerroute/headerroute.h>

/* The end of a message about a text that was not rendered, as a format that takes length and text.
 */
#define HR_TEMPLATE_HINT                                                                           \
    "%.*s is a variable that was not replaced: run `kustomize build`, `envsubst` or "              \
    "`helm template` first"

/* Returns the first variable or template action in the text, which points into it, or an absent
 * string. */
hr_str hr_template_find(hr_str text);
/* Whether it is an action of Helm's templates, {{ ... }}. */
bool hr_template_is_helm(hr_str found);
/* Whether a file contains actions of Helm's templates outside of comments. */
bool hr_text_is_template(hr_str text);

#endif
