/* The routes of the proxy. */
#ifndef HR_SERVICES_PROXY_HANDLERS_H
#define HR_SERVICES_PROXY_HANDLERS_H

#include "proxy.h"

/* Answers one request. */
void proxy_on_request(hr_exchange *ex);

#endif
