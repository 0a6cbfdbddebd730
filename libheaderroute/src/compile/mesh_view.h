/* The view of a sidecar: the route tables of one service port in the mesh. */
#ifndef HR_MESH_VIEW_H
#define HR_MESH_VIEW_H

#include "view_build.h"

void hr_mesh_view_build(hr_view_build *vb);

#endif
