/* Named texts in a file without a name (memfd_create): what the configuration in force was loaded
 * from, and what a process of ui_diff.c is asked. Another process maps them. */
#ifndef SV_GATEWAY_TEXTS_H
#define SV_GATEWAY_TEXTS_H

#include <stdbool.h>
#include <stddef.h>

#include <headerroute/headerroute.h>

typedef struct gw_texts gw_texts;

/* No texts yet. NULL: the system has no such files, or no memory. */
gw_texts *gw_texts_new(void);
/* Adds one. False: no memory; the texts are not to be used any more. */
bool gw_texts_add(gw_texts *texts, hr_str name, hr_str text);
int gw_texts_fd(const gw_texts *texts);
gw_texts *gw_texts_ref(gw_texts *texts);
void gw_texts_unref(gw_texts *texts); /* NULL allowed */

/* The texts of a descriptor, for as long as the process maps them. */
typedef struct gw_mapped {
    hr_source *v; /* names are zero-terminated */
    size_t n;
    void *memory;
    size_t size;
} gw_mapped;

bool gw_texts_map(gw_mapped *out, int fd);
void gw_texts_unmap(gw_mapped *mapped);

/* Loads a table as hr_table_load_paths does. `*texts` receives the unchanged
 * sources, or NULL if reading them or keeping a copy failed. */
int gw_texts_load(hr_table **out, hr_diagnostics **findings, gw_texts **texts,
                  const char *const *paths, size_t n, const hr_load_options *options);

#endif
