/* Texts that a template engine or a shell was meant to replace: {{ .Values.host }}, ${HOST},
 * $(HOST), <HOST>. */
#ifndef HR_PLACEHOLDER_H
#define HR_PLACEHOLDER_H

#include <stdbool.h>

#include <headerroute/headerroute.h>

/* The end of a message about a text with a placeholder, as a format that takes length and text. */
#define HR_PLACEHOLDER_HINT                                                                        \
    "%.*s is a variable that was not replaced: run `kustomize build`, `envsubst` or "              \
    "`helm template` first"

/* Returns the first placeholder in the text, which points into it, or an absent string. */
hr_str hr_placeholder_find(hr_str text);
/* Whether a placeholder is an action of Helm's templates, {{ ... }}. */
bool hr_placeholder_is_helm(hr_str placeholder);
/* Whether a file contains actions of Helm's templates outside of comments. */
bool hr_text_is_template(hr_str text);

#endif
