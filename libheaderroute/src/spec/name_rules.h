/*
 * What names may look like: the rules of Istio's admission (pkg/config/validation, labels of
 * istio/istio), which differ here and there from the RFCs.
 */
#ifndef HR_NAME_RULES_H
#define HR_NAME_RULES_H

#include <stdbool.h>

#include <headerroute/headerroute.h>

/* A DNS-1123 label in either letter case, at most 63 bytes. */
bool hr_is_label(hr_str s);
/* A label, or `*`, or a label behind `*` or `*-`. */
bool hr_is_wildcard_label(hr_str s);
/* Key and value of a Kubernetes label. */
bool hr_is_label_key(hr_str s);
bool hr_is_label_value(hr_str s);

/* The longest domain name, in bytes. Istio counts a final dot. */
#define HR_DOMAIN_MAX 255
/* Returns NULL if the name is a domain name, else what is wrong with it. With `wildcard` the first
 * label may be one of hr_is_wildcard_label. The last label may be empty (a trailing dot), and must
 * not be a number. */
const char *hr_domain_mistake(hr_str name, bool wildcard);
/* An SNI name that Istio generates: outbound_.PORT_.SUBSET_.HOST */
bool hr_is_generated_sni(hr_str name);

/* ADDRESS or ADDRESS/BITS, as Go's netip reads them. */
bool hr_is_subnet(hr_str s);

/* A token of RFC 9110. */
bool hr_is_header_name(hr_str s);
/* Whether a claim's name as a caller writes it, "a.b" or "[a][b]", is `name`, which is written
 * "[a][b]". */
bool hr_is_claim_name(hr_str written, hr_str name);
/* The name of `@request.auth.claims.a.b` or `@request.auth.claims[a][b]` without the prefix:
 * ".a.b" or "[a][b]"; absent if the header is not written so. */
hr_str hr_claim_of_header(hr_str header);
/* `@request.auth.claims.a.b` or `@request.auth.claims[a][b]`: a claim of a validated JWT. */
bool hr_is_jwt_claim(hr_str header);
/* `:authority` or `host`. */
bool hr_is_authority_header(hr_str s);

#endif
