/* Loaded texts in which the resources of a candidate replace those of the same kind, namespace and
 * name. */
#ifndef SV_GATEWAY_OVERLAY_H
#define SV_GATEWAY_OVERLAY_H

#include "texts.h"

/* One resource of the candidate. */
typedef struct gw_pasted {
    char *key;   /* group, kind, namespace and name, one a line */
    char *words; /* "VirtualService default/shop" */
    bool replaced;
} gw_pasted;

typedef struct gw_overlay {
    gw_pasted *v; /* by key */
    size_t n;
    hr_source *sources; /* the loaded texts, and the candidate */
    size_t n_sources;
    const char *why; /* what is wrong with the candidate, where `found` alone does not say it */
    bool failed;     /* a callback found no memory */
} gw_overlay;

/* Reads which resources the candidate has. `out` is to be freed, whatever is returned: HR_OK,
 * HR_ENOMEM, or another error where the candidate cannot be read. */
int gw_overlay_make(gw_overlay *out, hr_diagnostics **found, const gw_mapped *loaded,
                    const hr_source *candidate);
/* Makes a load of `sources` leave out what the candidate replaces, and mark it in `v`. The texts
 * are unchanged, so that all else keeps its place. */
void gw_overlay_apply(gw_overlay *overlay, hr_load_options *options);
void gw_overlay_free(gw_overlay *overlay);

#endif
