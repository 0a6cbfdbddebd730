/* What a Destination of a rule means to the proxy for which it is compiled. */
#ifndef HR_DESTINATION_H
#define HR_DESTINATION_H

#include "view_build.h"

typedef struct hr_view_destination {
    hr_str host, subset;
    uint32_t port;
} hr_view_destination;

/* Fills in what the destination leaves out, and follows ExternalNames. */
hr_view_destination hr_destination_resolve(hr_view_build *vb, const hr_spec_destination *in,
                                           const hr_compile_scope *scope);

#endif
