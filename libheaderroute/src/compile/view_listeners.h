/* What a view says of the listeners on its port. */
#ifndef HR_VIEW_LISTENERS_H
#define HR_VIEW_LISTENERS_H

#include "view_build.h"

/* The server name of a host "[ns/]host" of a server, in lower case. */
hr_str hr_view_server_name(hr_arena *arena, hr_str host);
/* Fills `out` from a server of a Gateway. `listener`: the one that it was made of, of the Gateway
 * API; NULL: a server of an Istio Gateway. */
void hr_view_listener_fill(hr_view_build *vb, hr_listener *out, const hr_mesh_gateway *gateway,
                           const hr_spec_server *server, const struct hr_mesh_listener *listener);

#endif
