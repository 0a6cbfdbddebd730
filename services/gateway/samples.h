/*
 * The pictures of --ui-samples: read once, before the gateway listens, and sent to any number of
 * clients from the same memory. Immutable; any thread.
 */
#ifndef SV_GATEWAY_SAMPLES_H
#define SV_GATEWAY_SAMPLES_H

#include <headerroute/headerroute.h>

/* What is left out beyond these is reported on stderr. */
#define GW_MAX_SAMPLES 256
#define GW_MAX_SAMPLE_BYTES ((size_t)32 << 20) /* of all together */

typedef struct gw_samples gw_samples;

typedef struct gw_sample {
    char *name;
    const char *content_type;
    hr_str bytes;
} gw_sample;

/* Reads the regular files of the folder whose names end as pictures' do; not those that begin with
 * a dot, and no links. NULL: out of memory. */
gw_samples *gw_samples_load(const char *folder);
void gw_samples_free(gw_samples *samples);

/* The JSON list of all names, in order. NULL samples have none. */
hr_str gw_samples_list(const gw_samples *samples);
/* The sample of that name, or NULL. */
const gw_sample *gw_samples_find(const gw_samples *samples, hr_str name);

#endif
