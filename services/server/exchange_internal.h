/* What conn.c, exchange.c, answer.c and server.c share. */
#ifndef SV_EXCHANGE_INTERNAL_H
#define SV_EXCHANGE_INTERNAL_H

#include <sys/uio.h>

#include "exchange.h"

/* Heads up to this size are not taken from the upload budget. */
#define SV_LARGE_HEAD ((size_t)8 << 10)

/* Begins the exchange of a request whose head has just been read; the fields of `request` are
 * copied. */
sv_exchange *sv_exchange_begin(struct sv_conn *conn, const sv_carrier *carrier, void *stream,
                               const sv_http1_request *request);
/* Refuses a request by what its head says: its version, expectation or length. */
void sv_exchange_check_limits(sv_exchange *ex);
/* The request may be handled: calls the handler, or refuses. `beside` is the memory in bytes that
 * the carrier holds for it. */
void sv_exchange_dispatch(sv_exchange *ex, size_t beside);
/* A write is done; false: nothing can be sent any more. */
void sv_exchange_sent(sv_exchange *ex, bool ok);
/* The exchange ends at the end of the loop's turn. */
void sv_exchange_over(sv_exchange *ex);
/* The client has gone, or its connection is closed: the exchange is over. */
void sv_exchange_break(sv_exchange *ex);
/* Ends the exchanges that are over. True: more are. */
bool sv_exchange_end_turn(sv_server_loop *loop);
/* Counts, logs and frees it. */
void sv_exchange_end(sv_exchange *ex);

/* Notes that the server refuses; the first reason stays. */
void sv_exchange_refuse(sv_exchange *ex, int status, const char *detail, int retry_after_s);
/* The same, with 503, as the upload budget is used up. */
void sv_exchange_refuse_busy(sv_exchange *ex);

/* Is called when a connection or a request has been added to the loop: a crowd that comes and
 * leaves between two ticks counts, too. */
void sv_server_note_load(sv_server_loop *loop);

#endif
