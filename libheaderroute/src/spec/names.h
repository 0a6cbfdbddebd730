/* Host and gateway names as Istio reads them, and the order of creation. */
#ifndef HR_NAMES_H
#define HR_NAMES_H

#include "arena.h"
#include "resource.h"

/* A host as the control plane sees it: one without a dot becomes HOST.NAMESPACE.svc.DOMAIN; `*`, IP
 * literals and anything with a dot stay. */
hr_str hr_resolve_host(hr_arena *arena, hr_str host, hr_str namespace_, hr_str domain);
/* `g`, `./g`, `ns/g`, `g.ns[.svc...]` -> "ns/g"; `mesh` stays. */
hr_str hr_resolve_gateway(hr_arena *arena, hr_str name, hr_str namespace_);
/* ASCII lower case; the string itself where it is in lower case already. */
hr_str hr_arena_lower(hr_arena *arena, hr_str s);

/* An IPv4 or IPv6 literal (without brackets). */
bool hr_is_ip(hr_str s);

/* Istio's host algebra: a leading '*' is a wildcard, and covers the empty string too. */
bool hr_host_is_wild(hr_str host);
bool hr_host_overlaps(hr_str a, hr_str b);  /* one covers the other */
bool hr_host_subset_of(hr_str a, hr_str b); /* a is covered by b */

/* Nanoseconds since 1970 of an RFC 3339 time; INT64_MIN where absent or unreadable: oldest. */
int64_t hr_creation_time(hr_str rfc3339);
/* Age first, then name, then namespace: Istio's order wherever it says "oldest". */
int hr_meta_cmp(const hr_meta *a, const hr_meta *b);

#endif
