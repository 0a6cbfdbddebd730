/* What conn.c, exchange.c, answer.c and server.c share. Inside services/common only. */
#ifndef HR_SERVICES_EXCHANGE_INTERNAL_H
#define HR_SERVICES_EXCHANGE_INTERNAL_H

#include <sys/uio.h>

#include "exchange.h"

/* Begins the exchange of a request whose head has just been read; the fields of `request` are
 * copied. */
hr_exchange *hr_exchange_begin(struct hr_conn *conn, const sv_http1_request *request);
/* The request is there with its whole body: calls the handler, or refuses. */
void hr_exchange_dispatch(hr_exchange *ex);
/* Counts, logs and frees it. */
void hr_exchange_end(hr_exchange *ex);

/* Notes that the server refuses; the first reason stays. */
void hr_exchange_refuse(hr_exchange *ex, int status, const char *detail, int retry_after_s);

/* Takes `bytes` from the upload budget until the exchange ends. */
bool hr_exchange_reserve(hr_exchange *ex, size_t bytes);

/* Is called when a connection or a request has been added to the loop: a crowd that comes and
 * leaves between two ticks counts, too. */
void hr_loop_note_load(hr_loop *loop);

#endif
