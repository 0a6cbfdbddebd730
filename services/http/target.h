/* Request targets and authorities. Inside services/http only. */
#ifndef SV_HTTP_TARGET_H
#define SV_HTTP_TARGET_H

#include "http1.h"

/* True for uri-host [ ":" port ] of RFC 3986 section 3.2; an empty one is allowed, as Host may be
 * empty (RFC 9112 section 3.2). Userinfo is not (RFC 9110 section 4.2.4). */
bool sv_is_authority(hr_str s);

/* Sets path and authority from request->target. */
sv_http1_result sv_target_settle(sv_http1_request *request, bool secure, const char **why);

#endif
