/* Finds embedded files by their names. */
#include "embed.h"

#include <string.h>

const sv_embedded *sv_embedded_find(const sv_embedded *files, const char *name, size_t len) {
    for (; files->name != NULL; ++files)
        if (strlen(files->name) == len && memcmp(files->name, name, len) == 0)
            return files;
    return NULL;
}
