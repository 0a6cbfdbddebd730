/* ReferenceGrant of the Kubernetes Gateway API: which references from other namespaces are allowed.
 */
#ifndef HR_REFERENCE_GRANT_H
#define HR_REFERENCE_GRANT_H

#include "gwapi_reference.h"
#include "meta.h"

typedef struct hr_spec_reference_grant {
    hr_meta meta;
    hr_spec_gwapi_reference *from; /* group, kind, namespace_ */
    size_t n_from;
    hr_spec_gwapi_reference *to; /* group, kind; name: absent for all of the kind */
    size_t n_to;
    hr_pos pos;
} hr_spec_reference_grant;

/* `resource` is the whole document; `meta` is its metadata, with the default namespace filled in.
 */
void hr_read_reference_grant(hr_reader *r, const hr_node *resource, const hr_meta *meta);

/* Whether the grant allows a resource of `from_kind` (of the Gateway API's group) in the namespace
 * `from` to refer to `name` of the core kind `to_kind` in the grant's own namespace. */
bool hr_reference_grant_allows(const hr_spec_reference_grant *grant, hr_str from_kind, hr_str from,
                               hr_str to_group, hr_str to_kind, hr_str name);

#endif
