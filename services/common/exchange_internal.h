/* What strict.c, conn.c, answer.c and server.c share about exchanges. Inside services/common only.
 */
#ifndef HR_SERVICES_EXCHANGE_INTERNAL_H
#define HR_SERVICES_EXCHANGE_INTERNAL_H

#include "exchange.h"

/* Begins the exchange of a request whose head has just been read. */
hr_exchange *hr_exchange_begin(h2o_req_t *req);

/* Notes that the server refuses; the first reason stays. */
void hr_exchange_refuse(hr_exchange *ex, int status, const char *detail, int retry_after_s);

/* Takes `bytes` from the upload budget until the exchange ends. */
bool hr_exchange_reserve(hr_exchange *ex, size_t bytes);

/* Registers handler and filter of a listener with its host. */
void hr_exchange_register(h2o_hostconf_t *host, const struct hr_listener *listener);

#endif
