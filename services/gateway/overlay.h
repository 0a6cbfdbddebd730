/* Loaded texts in which the resources of a candidate replace those of the same kind, namespace and
 * name. */
#ifndef SV_GATEWAY_OVERLAY_H
#define SV_GATEWAY_OVERLAY_H

#include "texts.h"

/* One resource of the candidate. */
typedef struct gw_pasted {
    char *key;   /* group, kind, namespace and name as JSON, one a line */
    char *words; /* "VirtualService default/shop" */
    bool replaced;
} gw_pasted;

typedef struct gw_overlay {
    gw_pasted *v;
    size_t n;
    hr_source *sources; /* the loaded texts without what is replaced, and the candidate */
    size_t n_sources;
    char **copies;   /* of the texts that differ, as in `sources`; NULL: borrowed */
    const char *why; /* what is wrong with the candidate, where `found` does not say it */
} gw_overlay;

/* The lines of replaced resources become empty, so that all else keeps its place. `out` is to be
 * freed, whatever is returned: HR_OK, HR_ENOMEM, or another error where the candidate cannot be
 * read. */
int gw_overlay_make(gw_overlay *out, hr_diagnostics **found, const gw_mapped *loaded,
                    const hr_source *candidate);
void gw_overlay_free(gw_overlay *overlay);

#endif
