/* All kinds of resources, and the checks of a load as a whole. */
#ifndef HR_KINDS_H
#define HR_KINDS_H

#include "backend_tls_policy.h"
#include "destination_rule.h"
#include "endpoint_slice.h"
#include "gateway.h"
#include "gwapi_gateway.h"
#include "gwapi_route.h"
#include "reference_grant.h"
#include "resources.h"
#include "service.h"
#include "service_entry.h"
#include "sidecar.h"
#include "virtual_service.h"
#include "workload.h"
#include "workload_entry.h"

/* Istio's admission checks of whole resources. The checks of one message run while it is read.
 * HR_OK or HR_ENOMEM. */
int hr_resources_validate(const hr_resources *resources, hr_diagnostics *d);

#endif
