/* Servers of Istio's Gateways as listeners of Gateways of the Gateway API. */
#ifndef HR_GATEWAY_LISTENERS_H
#define HR_GATEWAY_LISTENERS_H

#include "conversion.h"

/* Converts each Gateway of Istio that has a server of HTTP or TLS termination. */
void hr_convert_gateways(hr_conversion_state *s);

#endif
