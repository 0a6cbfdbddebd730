/* Header lists and the operations on them, as Envoy carries them out. */
#ifndef HR_HEADERS_H
#define HR_HEADERS_H

#include "format.h"
#include "match.h"

/* The request's headers without what a proxy takes for itself; fields that Envoy keeps joined are
 * joined. HR_OK or HR_ENOMEM. */
int hr_headers_of_request(hr_header_list *out, const hr_request *request, hr_scratch *scratch);
int hr_headers_of_response(hr_header_list *out, const hr_pair *headers, size_t n,
                           hr_scratch *scratch);

/* Whether a content type is gRPC's. */
bool hr_is_grpc(hr_str content_type);
/* Sets the header grpc-timeout to the time that a gRPC upstream has, as Envoy does. */
int hr_headers_set_grpc_timeout(hr_header_list *list, int64_t ms);

/* All of remove, then the values are computed, then all of set, then all of add. */
int hr_headers_apply(hr_header_list *list, const hr_header_ops *ops,
                     const hr_format_context *context, bool request);

#endif
