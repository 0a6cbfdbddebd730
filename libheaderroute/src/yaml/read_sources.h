/* The files, folders and texts that YAML is read from. */
#ifndef HR_READ_SOURCES_H
#define HR_READ_SOURCES_H

#include <stdbool.h>

#include <headerroute/headerroute.h>

/* Reads the sources one after the other. Of a folder, its *.yaml, *.yml and *.json files are read
 * in the order of their names, without kustomization files and hidden files; with the option
 * `recursive` then its subfolders, without those that are symbolic links. A source that cannot be
 * read is reported to the diagnostics, and the others are read. HR_EIO: something could not be
 * read. HR_EINVAL: a source has neither path nor text. HR_ENOMEM; or what `fn` returned, if not
 * HR_OK. */
int hr_sources_each(const hr_source *sources, size_t n, const hr_load_options *options,
                    hr_diagnostics *d, hr_text_fn fn, void *ctx);

/* Whether a path is one of the names that kubectl accepts for a kustomization. */
bool hr_is_kustomization(hr_str path);
/* The folder of a file: what precedes its last '/', else ".". */
hr_str hr_folder_of(hr_str path);
/* Whether a folder contains a kustomization. */
bool hr_folder_is_kustomized(hr_str folder);

#endif
