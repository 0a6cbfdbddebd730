/* The files, folders and texts that YAML is read from. */
#ifndef HR_READ_SOURCES_H
#define HR_READ_SOURCES_H

#include <headerroute/headerroute.h>

/* Called with each text and its name, in order; both are valid during the call. */
typedef int (*hr_source_fn)(void *ctx, hr_str name, hr_str text);

/* Reads the sources one after the other. Of a folder, its *.yaml and *.yml files are read in the
 * order of their names, without subfolders, kustomization files and hidden files. A source that
 * cannot be read is reported to the diagnostics, and the others are read. HR_EIO: something could
 * not be read. HR_EINVAL: a source has neither path nor text. HR_ENOMEM; or what `fn` returned, if
 * not HR_OK. */
int hr_sources_each(const hr_source *sources, size_t n, size_t max_bytes, hr_diagnostics *d,
                    hr_source_fn fn, void *ctx);

#endif
