/* Documents of YAML into resources: which kind each document is of, and which resources are given
 * twice. */
#ifndef HR_DOCUMENTS_H
#define HR_DOCUMENTS_H

#include "resources.h"

/* Reads sources into typed resources and adds findings to `d`. Returns HR_OK even if there are
 * findings of severity error, so the caller checks `d`. HR_EIO: a file or folder could not be read
 * (the others were). HR_EINVAL, HR_ENOMEM. */
int hr_resources_read(hr_resources **out, hr_arena *arena, hr_diagnostics *d,
                      const hr_source *sources, size_t n, const hr_load_options *options);

#endif
