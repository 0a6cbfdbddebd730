/* Request headers that Envoy treats apart: kept as one field, or removed before routes are looked
 * at. */
#ifndef HR_HEADER_KINDS_H
#define HR_HEADER_KINDS_H

#include <stdbool.h>

#include <headerroute/headerroute.h>

/* Whether Envoy keeps this header (lower case) as one field, joining what comes more than once. */
bool hr_header_is_inline(hr_str name);
/* Such a header's number, from 0; -1: it is none of them. */
#define HR_INLINE_HEADERS 32
int hr_header_inline_number(hr_str name);
/* Whether a proxy takes this request header (lower case) for itself before routes are looked at, so
 * that neither a rule nor the upstream sees it. (`te` too, unless it says "trailers".) */
bool hr_header_is_stripped(hr_str name);

#endif
