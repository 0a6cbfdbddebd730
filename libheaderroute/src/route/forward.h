/* Final forms: what the upstream or the client will see of a decision. */
#ifndef HR_FORWARD_H
#define HR_FORWARD_H

#include "match.h"

/* The Location of a redirect (or of a direct response that has one). Absent: no memory. */
hr_str hr_redirect_location(const hr_chosen *chosen, const hr_request *request,
                            hr_scratch *scratch);

#endif
