/* An exchange with an endpoint: what its connections report to it. Inside the client only. */
#ifndef SV_UPSTREAM_EXCHANGE_H
#define SV_UPSTREAM_EXCHANGE_H

#include "upstream_state.h"

/* The current wait and its limit; 0: no limit. */
void sv_up_enter_phase(sv_up_exchange *exchange, sv_up_error error, uint32_t ms);
/* The connection has ended before the answer. */
void sv_up_broken(sv_up_exchange *exchange, sv_up_error error, const char *why);
/* Ends the exchange with an error, which is reported behind the content that has come. */
void sv_up_fail(sv_up_exchange *exchange, sv_up_error error, const char *why);
/* The same, where no callback may be called. */
void sv_up_fail_later(sv_up_exchange *exchange, sv_up_error error, const char *why);
/* Sends the request on another connection; false if that was done before, or if its body is no
 * longer held. */
bool sv_up_try_again(sv_up_exchange *exchange);
/* n bytes of trailers have come: false if the caller may not hold them. */
bool sv_up_charge_trailers(const sv_up_exchange *exchange, size_t n);
/* Reports what there is, if the consumer is ready for it. May free the exchange. */
void sv_up_show(sv_up_exchange *exchange);

/* `connected` 0: it cannot be reached. */
void sv_up_exchange_connected(sv_up_exchange *exchange, int connected);
/* The handshake failed; `why` may be on the caller's stack. */
void sv_up_exchange_tls_failed(sv_up_exchange *exchange, const char *why);
void sv_up_exchange_readable(sv_up_exchange *exchange);
/* The look-up is over; `why` NULL: the endpoint has its address. Takes the exchange off the list.
 */
void sv_up_exchange_resolved(sv_up_exchange *exchange, const char *why);

#endif
