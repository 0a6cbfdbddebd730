/*
 * Which values an attribute of a request can have at all, after the evaluator prepared the request: what the
 * differences of rules are quantified over.
 */
#ifndef HR_DOMAIN_H
#define HR_DOMAIN_H

#include <headerroute/headerroute.h>

#include "text.h"

typedef enum hr_domain_kind {
    HR_DOMAIN_TOKEN = 0, /* method, scheme: no space, no control character, not empty */
    HR_DOMAIN_AUTHORITY, /* HOST or HOST:PORT, an IPv6 address in brackets */
    HR_DOMAIN_TEXT,      /* the value of a header */
    HR_DOMAIN_QUERY,     /* the value of a query parameter */
    HR_DOMAIN_PATH_NONE, /* a path that normalisation leaves unchanged, by option */
    HR_DOMAIN_PATH_BASE,
    HR_DOMAIN_PATH_MERGE,
    HR_DOMAIN_PATH_DECODE,
    HR_DOMAIN_TRAILERS, /* the one value of `te` that is left to match */
    HR_DOMAIN_NOTHING   /* a header that a proxy always removes */
} hr_domain_kind;

hr_domain_kind hr_domain_of_path(hr_path_normalization option);

/* As an automaton; state 0 accepts nothing and is never left. */
uint32_t hr_domain_start(hr_domain_kind kind);
uint32_t hr_domain_step(hr_domain_kind kind, uint32_t state, uint8_t byte);
bool hr_domain_accepts(hr_domain_kind kind, uint32_t state);
bool hr_domain_has(hr_domain_kind kind, hr_str value);
/* Sets cut[c] where bytes c - 1 and c differ for the domain; cut has 257 items. */
void hr_domain_cuts(hr_domain_kind kind, bool *cut);

#endif
