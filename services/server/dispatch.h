/* Hands a request to its handler. For carriers. */
#ifndef SV_DISPATCH_H
#define SV_DISPATCH_H

#include "exchange.h"

/* The request may be handled: calls the handler, or refuses. `beside` is the memory in bytes that
 * the carrier holds for it. */
void sv_exchange_dispatch(sv_exchange *ex, size_t beside);

#endif
