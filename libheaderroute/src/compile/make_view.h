/* Which proxy a view is of. */
#ifndef HR_MAKE_VIEW_H
#define HR_MAKE_VIEW_H

#include "view_build.h"

/* Sets which proxy the view is of: the gateway, or a sidecar where `gateway` is NULL; its
 * namespace, labels and locality. */
void hr_view_identify(hr_view *view, const hr_view_options *o, const hr_mesh_gateway *gateway);

#endif
