/* Faults: delays and aborts. */
#ifndef SV_GATEWAY_FAULTS_H
#define SV_GATEWAY_FAULTS_H

#include "request.h"

/* Applies the faults of the decision, then calls gw_act. */
void gw_apply_faults(gw_request *r);

#endif
