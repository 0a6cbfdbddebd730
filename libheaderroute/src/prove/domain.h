/*
 * Which values an attribute of a request can have at all, after the evaluator prepared the request:
 * what the differences of rules are quantified over.
 */
#ifndef HR_DOMAIN_H
#define HR_DOMAIN_H

#include <headerroute/headerroute.h>

#include "text.h"

typedef enum hr_domain_kind {
    HR_DOMAIN_TOKEN = 0,  /* names of headers: no space, no control character, not empty */
    HR_DOMAIN_METHOD,     /* the methods that Envoy accepts in HTTP/1 */
    HR_DOMAIN_SCHEME,     /* http or https */
    HR_DOMAIN_AUTHORITY,  /* HOST or HOST:PORT, an IPv6 address in brackets */
    HR_DOMAIN_TEXT,       /* the value of a header, perhaps of several that were joined */
    HR_DOMAIN_VALUE,      /* the value of one header: no blanks around it */
    HR_DOMAIN_SOME_VALUE, /* the same, but not empty: of a header that the proxy otherwise sets */
    HR_DOMAIN_QUERY,      /* the value of a query parameter */
    HR_DOMAIN_PATH_NONE,  /* a path that normalisation makes, by option */
    HR_DOMAIN_PATH_BASE,
    HR_DOMAIN_PATH_MERGE,
    HR_DOMAIN_PATH_DECODE,
    HR_DOMAIN_TRAILERS,   /* the values of `te` that are left to match */
    HR_DOMAIN_REQUEST_ID, /* the x-request-id of a Gateway's proxies, where no fresh one is given */
    HR_DOMAIN_NOTHING     /* a header that a proxy always removes */
} hr_domain_kind;

hr_domain_kind hr_domain_of_path(hr_path_normalization option);

/* Writes a path of the domain so that normalisation makes it, and returns the length. `out` has
 * room for three times the path. */
size_t hr_domain_write_path(char *out, hr_domain_kind kind, hr_str path);

/* Returns the values of a small domain, terminated by NULL. Returns NULL for a large domain, which
 * the functions below describe. */
const char *const *hr_domain_values(hr_domain_kind kind);
/* Whether a value is in a domain, of either sort. */
bool hr_domain_has(hr_domain_kind kind, hr_str value);

/* As an automaton; state 0 accepts nothing and is never left. */
uint32_t hr_domain_start(hr_domain_kind kind);
uint32_t hr_domain_step(hr_domain_kind kind, uint32_t state, uint8_t byte);
bool hr_domain_accepts(hr_domain_kind kind, uint32_t state);
/* Sets cut[c] where bytes c - 1 and c differ for the domain; cut has 257 items. */
void hr_domain_cuts(hr_domain_kind kind, bool *cut);

#endif
