/*
 * The pictures of --ui-samples: read once, before the gateway listens, and sent to any number of
 * clients from the same memory. Immutable; any thread.
 */
#ifndef HR_SERVICES_GATEWAY_SAMPLES_H
#define HR_SERVICES_GATEWAY_SAMPLES_H

#include <h2o.h>

/* What is left out beyond these is reported on stderr. */
#define GW_MAX_SAMPLES 256
#define GW_MAX_SAMPLE_BYTES ((size_t)32 << 20) /* of all together */

typedef struct gw_samples gw_samples;

typedef struct gw_sample {
    char *name;
    const char *content_type;
    h2o_iovec_t bytes;
} gw_sample;

/* Reads the regular files of the folder whose names end as pictures' do; not those that begin with a
 * dot, and no links. NULL: out of memory. */
gw_samples *gw_samples_load(const char *folder);
void gw_samples_free(gw_samples *samples);

/* The JSON list of all names, in order. NULL samples have none. */
h2o_iovec_t gw_samples_list(const gw_samples *samples);
/* The sample of that name, or NULL. */
const gw_sample *gw_samples_find(const gw_samples *samples, h2o_iovec_t name);

#endif
