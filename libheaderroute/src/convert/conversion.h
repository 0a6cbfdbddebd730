/* A conversion while it is made: the resources that are written, and what could not be expressed.
 */
#ifndef HR_CONVERSION_H
#define HR_CONVERSION_H

#include <headerroute/convert.h>

#include "diag.h"
#include "meta.h"
#include "route_destination.h"
#include "table.h"
#include "yaml_text.h"

/* A Service that stands in the Gateway API for a subset of another one. */
typedef struct hr_subset_service {
    hr_str host, subset; /* as a VirtualService names them, the host in full */
    hr_str name, namespace_;
    hr_str new_host; /* in full */
} hr_subset_service;

typedef struct hr_conversion_state {
    hr_arena *arena; /* of the result */
    const hr_table *table;
    hr_diagnostics *found;
    HR_LIST(hr_converted) out;
    HR_LIST(hr_subset_service) subsets;
    hr_map names; /* "kind/namespace/name" of `out` */
    hr_map
        removed; /* the same of the resources that it replaces; Istio's Gateway is Gateway.istio */
    hr_map grants; /* "from to": ReferenceGrants that are written */
    hr_map lost;   /* what is listed already */
} hr_conversion_state;

#define HR_S(str) (int)(str).len, (str).p == NULL ? "" : (str).p

/* "kind/namespace/name". */
hr_str hr_conversion_key(hr_arena *arena, const char *kind, hr_str namespace_, hr_str name);

/* A text to write a resource into, which begins with its apiVersion, kind and metadata. */
hr_yaml_text hr_conversion_begin(hr_conversion_state *s, const char *api_version, const char *kind,
                                 hr_str namespace_, hr_str name);
/* Adds the resource. */
void hr_conversion_add(hr_conversion_state *s, const char *kind, hr_str namespace_, hr_str name,
                       const hr_yaml_text *text);
/* Whether the result or the sources have a resource of this name in the language that is written.
 */
bool hr_conversion_has(const hr_conversion_state *s, const char *kind, hr_str namespace_,
                       hr_str name);
/* `name`, or with a number behind it that no resource of the kind has yet. */
hr_str hr_conversion_name(hr_conversion_state *s, const char *kind, hr_str namespace_, hr_str name);

/* Lists what cannot be expressed, each place and sentence once. */
void hr_conversion_lost(hr_conversion_state *s, hr_pos pos, const char *field,
                        const char *sentence);

/* Notes that the result replaces a resource. */
void hr_conversion_remove(hr_conversion_state *s, const char *kind, const hr_meta *meta);

/* Writes a duration of nanoseconds as "1h2m3s4ms", rounded up to milliseconds. */
void hr_conversion_put_duration(hr_yaml_text *t, int64_t ns);

#endif
