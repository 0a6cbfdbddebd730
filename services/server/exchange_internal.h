/* What the carriers of exchanges call on the way of a request. Inside services/server only. */
#ifndef SV_EXCHANGE_INTERNAL_H
#define SV_EXCHANGE_INTERNAL_H

#include <sys/uio.h>

#include "exchange.h"

/* Heads up to this size are not taken from the upload budget. */
#define SV_LARGE_HEAD ((size_t)8 << 10)

/* Refuses a request by what its head says: its version, expectation or length. */
void sv_exchange_check_limits(sv_exchange *ex);
/* A write is done; false: nothing can be sent any more. */
void sv_exchange_sent(sv_exchange *ex, bool ok);
/* The exchange ends at the end of the loop's turn. */
void sv_exchange_over(sv_exchange *ex);
/* The client has gone, or its connection is closed: the exchange is over. */
void sv_exchange_break(sv_exchange *ex);

/* Notes that the server refuses; the first reason stays. */
void sv_exchange_refuse(sv_exchange *ex, int status, const char *detail, int retry_after_s);
/* The same, with 503, as the upload budget is used up. */
void sv_exchange_refuse_busy(sv_exchange *ex);

#endif
