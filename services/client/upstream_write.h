/* Sends requests of HTTP/1.1. Inside the client only. */
#ifndef SV_UPSTREAM_WRITE_H
#define SV_UPSTREAM_WRITE_H

#include "upstream_state.h"

/* On a connection that is ready. */
void sv_up_write_request(sv_up_exchange *exchange);

/* The wait of a body that comes in pieces. */
void sv_up_enter_upload_phase(sv_up_exchange *exchange);

#endif
