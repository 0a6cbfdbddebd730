/* Memory that calls use one after the other. */
#include "workspace.h"

#include <stdlib.h>

int grabcut_workspace_new(grabcut_workspace **out) {
    if (!out)
        return GRABCUT_EINVAL;
    *out = calloc(1, sizeof **out);
    return *out ? GRABCUT_OK : GRABCUT_ENOMEM;
}

void grabcut_workspace_free(grabcut_workspace *workspace) {
    if (!workspace)
        return;
    gc_workspace_drop(workspace);
    free(workspace);
}

void gc_workspace_drop(grabcut_workspace *workspace) {
    free(workspace->memory);
    *workspace = (grabcut_workspace){NULL, 0};
}

size_t grabcut_workspace_bytes(const grabcut_workspace *workspace) {
    return workspace ? workspace->bytes : 0;
}

int gc_workspace_grow(grabcut_workspace *workspace, size_t bytes) {
    if (bytes <= workspace->bytes)
        return 1;
    if (bytes > SIZE_MAX - 63)
        return 0;
    bytes = (bytes + 63) / 64 * 64;
    free(workspace->memory); /* first, so that old and new memory are never held together */
    workspace->memory = aligned_alloc(64, bytes);
    workspace->bytes = workspace->memory ? bytes : 0;
    return workspace->memory != NULL;
}
