/* What conn.c, exchange.c, answer.c and server.c share. */
#ifndef HR_SERVICES_EXCHANGE_INTERNAL_H
#define HR_SERVICES_EXCHANGE_INTERNAL_H

#include <sys/uio.h>

#include "exchange.h"

/* Heads up to this size are not taken from the upload budget. */
#define HR_LARGE_HEAD ((size_t)8 << 10)

/* Begins the exchange of a request whose head has just been read; the fields of `request` are
 * copied. */
hr_exchange *hr_exchange_begin(struct hr_conn *conn, const hr_carrier *carrier, void *stream,
                               const sv_http1_request *request);
/* Refuses a request by what its head says: its version, expectation or length. */
void hr_exchange_check_limits(hr_exchange *ex);
/* The request may be handled: calls the handler, or refuses. `beside` is the memory in bytes that
 * the carrier holds for it. */
void hr_exchange_dispatch(hr_exchange *ex, size_t beside);
/* A write is done; false: nothing can be sent any more. */
void hr_exchange_sent(hr_exchange *ex, bool ok);
/* The exchange ends at the end of the loop's turn. */
void hr_exchange_over(hr_exchange *ex);
/* The client has gone, or its connection is closed: the exchange is over. */
void hr_exchange_break(hr_exchange *ex);
/* Ends the exchanges that are over. True: more are. */
bool hr_exchange_end_turn(hr_loop *loop);
/* Counts, logs and frees it. */
void hr_exchange_end(hr_exchange *ex);

/* Notes that the server refuses; the first reason stays. */
void hr_exchange_refuse(hr_exchange *ex, int status, const char *detail, int retry_after_s);
/* The same, with 503, as the upload budget is used up. */
void hr_exchange_refuse_busy(hr_exchange *ex);

/* Takes `bytes` from the upload budget until the exchange ends. */
bool hr_exchange_reserve(hr_exchange *ex, size_t bytes);

/* Is called when a connection or a request has been added to the loop: a crowd that comes and
 * leaves between two ticks counts, too. */
void hr_loop_note_load(hr_loop *loop);

#endif
