/* Secret of Kubernetes: certificates and keys for the listeners of Gateways. */
#ifndef HR_SPEC_SECRET_H
#define HR_SPEC_SECRET_H

#include <headerroute/headerroute.h>

#include "meta.h"

typedef struct hr_spec_secret {
    hr_secret out;
    hr_pos pos;
} hr_spec_secret;

/* `resource` is the whole document; `meta` is its metadata, with the default namespace filled in.
 * Values are in no message, and variables in them are not quoted. Those of the nodes and of the
 * result are overwritten when their arenas are freed. */
void hr_read_secret(hr_reader *r, const hr_node *resource, const hr_meta *meta);

#endif
