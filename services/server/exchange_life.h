/* The first and the last step of an exchange. For carriers and loops. */
#ifndef SV_EXCHANGE_LIFE_H
#define SV_EXCHANGE_LIFE_H

#include "exchange.h"

/* Begins the exchange of a request whose head has just been read; the fields of `request` are
 * copied. */
sv_exchange *sv_exchange_begin(struct sv_conn *conn, const sv_carrier *carrier, void *stream,
                               const sv_http1_request *request);
/* Ends the exchanges that are over. True: more are. */
bool sv_exchange_end_turn(sv_server_loop *loop);
/* Counts, logs and frees it. */
void sv_exchange_end(sv_exchange *ex);

#endif
