/*
 * Strict reading of requests. libh2o 2.2.5's parser accepts much that two parsers of a chain may
 * read differently (RFC 9112, section 11.2); here each such request is refused before a handler
 * sees it. Inside services/common only.
 *
 * How: libh2o-evloop calls picohttpparser's phr_parse_request and phr_decode_chunked through the
 * dynamic linker, so the functions of these names in strict.c take their place in every program
 * that links this library. tests/services holds a raw-socket test for each row; they fail should a
 * future libh2o no longer call through the linker, and so does every request, as on_request needs
 * what is made here.
 */
#ifndef HR_SERVICES_STRICT_H
#define HR_SERVICES_STRICT_H

#include "exchange.h"

/* Finds the original functions. 0, or -1 where they are not to be had. */
int hr_strict_init(void);

#endif
