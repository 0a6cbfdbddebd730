/* The embedded pages of documentation, and the headers that protect a page. */
#ifndef SV_DOCS_H
#define SV_DOCS_H

#include <stdbool.h>

#include "embed.h"

struct sv_exchange;

/* Adds the headers of a page's files: among them a Content-Security-Policy under which a page loads
 * from its own origin only, and no other site may frame it or submit its forms. */
void sv_answer_page_headers(struct sv_exchange *ex);

/* Answers /openapi.json and /docs, which proxy and predict share. True: it was such a call and is
 * answered. */
bool sv_answer_docs(struct sv_exchange *ex);

#endif
