/* The body of a request on its way upstream. */
#ifndef SV_GATEWAY_UPLOAD_H
#define SV_GATEWAY_UPLOAD_H

#include "request.h"

/* Gives r->out its body, whole or in pieces. False: the request is over, as the body is malformed
 * or too large. */
bool gw_upload(gw_request *r);

#endif
