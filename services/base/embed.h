/* Files that the build put into the program (cmake/HrEmbed.cmake). */
#ifndef SV_EMBED_H
#define SV_EMBED_H

#include <stddef.h>

typedef struct sv_embedded {
    const char *name; /* as given to sv_embed; NULL ends an array */
    const char *content_type;
    const unsigned char *bytes;
    size_t size;
} sv_embedded;

/* The file of that name, or NULL. */
const sv_embedded *sv_embedded_find(const sv_embedded *files, const char *name, size_t len);

#endif
