/* WebSockets: the upgrade and its tunnel. */
#ifndef SV_GATEWAY_UPGRADE_H
#define SV_GATEWAY_UPGRADE_H

#include "request.h"

#define GW_UPGRADE_FIELDS 2

/* Sets r->upgrade if a WebSocket is asked for. 1: it is refused and answered. */
int gw_upgrade_refused(gw_request *r);
/* Appends a Sec-WebSocket-Key to a request that came over HTTP/2 without one; room for one field.
 * The new count. */
size_t gw_upgrade_key(gw_request *r, hr_pair *fields, size_t n);
/* The answer cannot be passed to a client that asked for a WebSocket over HTTP/2. */
bool gw_upgrade_is_malformed(const gw_request *r, const sv_up_exchange *up);
/* Appends what asks for the upgrade; room for GW_UPGRADE_FIELDS. The new count. */
size_t gw_upgrade_fields(hr_pair *fields, size_t n);
/* The upstream has agreed: answers 101 with these fields and opens the tunnel. */
void gw_upgrade(gw_request *r, const hr_pair *fields, size_t n);
/* However it ends. */
void gw_upgrade_end(gw_request *r);

#endif
