/* TLS of the listeners of a Gateway: certificates from Secrets and files that they name. */
#ifndef SV_GATEWAY_LISTENER_TLS_H
#define SV_GATEWAY_LISTENER_TLS_H

#include "gateway.h"

/* Makes listener->tls, with which the listeners on the port of its view accept; leaves it NULL if
 * they are plain. 0, or -1 after a sentence with the place of each mistake. */
int gw_listener_tls(gw_listener *listener, const hr_table *table);
/* Returns why this gateway does not serve a listener with --map, or NULL if it serves it. */
const char *gw_listener_refusal(const hr_listener *listener);

#endif
