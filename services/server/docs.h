/* Answers with embedded files, and the pages of documentation among them. */
#ifndef SV_DOCS_H
#define SV_DOCS_H

#include <stdbool.h>

#include "embed.h"

struct sv_exchange;

/* Answers with the file, and with a Content-Security-Policy under which a page loads from its own
 * origin only. Answers 405 to any method but GET and HEAD. */
void sv_answer_embedded(struct sv_exchange *ex, const sv_embedded *file);

/* Answers /openapi.json and /docs, which proxy and predict share. True: it was such a call and is
 * answered. */
bool sv_answer_docs(struct sv_exchange *ex);

#endif
