/* The rules of Istio in the language of the Gateway API. */
#ifndef HR_TO_GATEWAY_API_H
#define HR_TO_GATEWAY_API_H

#include "conversion.h"

/* Writes all resources of the table that have rules of the other language. */
void hr_convert_to_gateway_api(hr_conversion_state *s);

#endif
