/* "What would this change?": YAML that a reviewer pastes against what is loaded, as JSON. */
#ifndef SV_GATEWAY_UI_DIFF_H
#define SV_GATEWAY_UI_DIFF_H

#include "gateway.h"

/* POST with resources as YAML, of the type application/yaml: those of the same kind, namespace and
 * name as loaded ones replace them, others are added. A process of its own compares, so that what a
 * client asks is bounded in memory and CPU time, whatever it is. candidate.h has the answer. */
void gw_ui_diff(sv_exchange *ex);

#endif
