/* Answers with embedded files, and the pages of documentation among them. */
#ifndef HR_SERVICES_DOCS_H
#define HR_SERVICES_DOCS_H

#include <stdbool.h>

#include "embed.h"

struct hr_exchange;

/* Answers with the file, and with a Content-Security-Policy under which a page loads from its own
 * origin only. Answers 405 to any method but GET and HEAD. */
void hr_answer_embedded(struct hr_exchange *ex, const hr_embedded *file);

/* Answers /openapi.json and /docs, which proxy and predict share. True: it was such a call and is
 * answered. */
bool hr_answer_docs(struct hr_exchange *ex);

#endif
