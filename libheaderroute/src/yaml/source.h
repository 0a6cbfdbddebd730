/* Where YAML comes from: files, folders, texts. */
#ifndef HR_SOURCE_H
#define HR_SOURCE_H

#include <headerroute/headerroute.h>

/* Reads the sources one after the other. A folder is not walked into deeper: its *.yaml and *.yml by name,
 * without kustomization files and hidden ones. What cannot be read is told to the diagnostics; the rest
 * is read all the same. HR_EIO: something could not be read. HR_EINVAL: a source has neither path nor
 * text. HR_ENOMEM; or what `fn` returned, if not HR_OK. */
int hr_sources_each(const hr_source *sources, size_t n, size_t max_bytes, hr_diagnostics *d, hr_text_fn fn,
                    void *ctx);

#endif
