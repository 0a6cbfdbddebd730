/* Claims of a request as JSON. */
#ifndef HR_CLI_CLAIMS_JSON_H
#define HR_CLI_CLAIMS_JSON_H

#include <headerroute/headerroute.h>
#include <jansson.h>

/* Sets the member "claims" of a request that is printed, with a list for each name, if there are
 * any. */
void cli_set_claims(json_t *out, const hr_request *request);

#endif
