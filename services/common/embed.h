/* Files that the build put into the program (cmake/HrEmbed.cmake), and the documentation among
 * them. */
#ifndef HR_SERVICES_EMBED_H
#define HR_SERVICES_EMBED_H

#include <stdbool.h>
#include <stddef.h>

typedef struct hr_embedded {
    const char *name; /* as given to hr_embed; NULL ends an array */
    const char *content_type;
    const unsigned char *bytes;
    size_t size;
} hr_embedded;

struct hr_exchange;

/* The file of that name, or NULL. */
const hr_embedded *hr_embedded_find(const hr_embedded *files, const char *name, size_t len);

/* Answers with the file, and with a Content-Security-Policy under which a page loads from its own
 * origin only. Answers 405 to any method but GET and HEAD. */
void hr_answer_embedded(struct hr_exchange *ex, const hr_embedded *file);

/* /openapi.json and /docs, the same for proxy and predict. True: it was such a call and is
 * answered. */
bool hr_answer_docs(struct hr_exchange *ex);

#endif
