/* Which virtual host an authority belongs to, as Envoy looks it up: exact, then the longest
 * wildcard, then `*`. */
#ifndef HR_HOST_INDEX_H
#define HR_HOST_INDEX_H

#include "view.h"

/* Indexes the domains of the table's virtual hosts. */
void hr_host_index_build(hr_arena *arena, hr_route_table *table);

/* The virtual host of an authority (NULL: none). buf has room for authority.len bytes; it may be
 * NULL where there are `few` domains and none begins with '*'. */
const hr_view_virtual_host *hr_host_find(const hr_host_index *index, hr_str authority, char *buf);

/* The authority without its port. */
hr_str hr_authority_host(hr_str authority);

#endif
