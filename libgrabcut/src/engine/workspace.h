/* The one block of memory of a run. */
#ifndef GRABCUT_ENGINE_WORKSPACE_H
#define GRABCUT_ENGINE_WORKSPACE_H

#include <grabcut/grabcut.h>

struct grabcut_workspace {
    void *memory;
    size_t bytes;
};

/* Provides at least `bytes` of memory, aligned to 64; contents are undefined. Returns 0 if out of
 * memory. */
int gc_workspace_grow(grabcut_workspace *workspace, size_t bytes);

/* Frees the memory, not the struct. */
void gc_workspace_drop(grabcut_workspace *workspace);

#endif
