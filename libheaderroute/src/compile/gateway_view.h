/* The view of a gateway's proxies on one port of one Gateway. */
#ifndef HR_GATEWAY_VIEW_H
#define HR_GATEWAY_VIEW_H

#include "view_build.h"

/* HR_ENOENT: the Gateway has no HTTP server on the view's port. */
int hr_gateway_view_build(hr_view_build *vb, const hr_mesh_gateway *gateway);

#endif
