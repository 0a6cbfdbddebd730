/* Names of hosts and Gateways as the control plane resolves them, and Istio's algebra of wildcard
 * hosts. */
#ifndef HR_HOST_NAMES_H
#define HR_HOST_NAMES_H

#include <stdbool.h>

#include "arena.h"

/* A host as the control plane sees it: a name without a dot becomes HOST.NAMESPACE.svc.DOMAIN; `*`,
 * IP literals and names with a dot are left unchanged. */
hr_str hr_resolve_host(hr_arena *arena, hr_str host, hr_str namespace_, hr_str domain);
/* `g`, `./g`, `ns/g` and `g.ns[.svc...]` become "ns/g"; `mesh` is left unchanged. */
hr_str hr_resolve_gateway(hr_arena *arena, hr_str name, hr_str namespace_);

/* An IPv4 or IPv6 literal (without brackets). */
bool hr_is_ip(hr_str s);

/* Istio's host algebra: a leading '*' is a wildcard, which also covers the empty string. */
bool hr_host_is_wild(hr_str host);
bool hr_host_overlaps(hr_str a, hr_str b);  /* one covers the other */
bool hr_host_subset_of(hr_str a, hr_str b); /* a is covered by b */

#endif
