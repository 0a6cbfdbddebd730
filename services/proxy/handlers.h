/* The routes of the proxy. */
#ifndef SV_PROXY_HANDLERS_H
#define SV_PROXY_HANDLERS_H

#include "proxy.h"

/* Answers one request. */
void proxy_on_request(sv_exchange *ex);

#endif
