/* Files that the build put into the program (cmake/HrEmbed.cmake). */
#ifndef HR_SERVICES_EMBED_H
#define HR_SERVICES_EMBED_H

#include <stddef.h>

typedef struct hr_embedded {
    const char *name; /* as given to hr_embed; NULL ends an array */
    const char *content_type;
    const unsigned char *bytes;
    size_t size;
} hr_embedded;

/* The file of that name, or NULL. */
const hr_embedded *hr_embedded_find(const hr_embedded *files, const char *name, size_t len);

#endif
