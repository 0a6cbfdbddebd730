/* The rules of the Gateway API in the language of Istio. */
#ifndef HR_TO_ISTIO_H
#define HR_TO_ISTIO_H

#include "conversion.h"

/* Writes all resources of the table that have rules of the other language. */
void hr_convert_to_istio(hr_conversion_state *s);

#endif
