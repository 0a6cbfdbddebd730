/* Selects the VirtualServices that a view sees, and records what it leaves out and why. */
#include "view_build.h"

#include "text.h"
#include "virtual_service.h"

void hr_view_omit(hr_view_build *vb, hr_str virtual_service, hr_pos pos, int32_t route_index,
                  int32_t match_index, const char *reason) {
    hr_omitted omitted = {
        .virtual_service = virtual_service,
        .file = pos.file,
        .line = pos.line,
        .route_index = route_index,
        .match_index = match_index,
        .reason = hr_str_from(reason),
    };
    HR_PUSH(vb->arena, &vb->view->omitted, omitted);
}

/* ---- which VirtualServices ---- */

static bool bound_to(const hr_mesh_virtual_service *vs, hr_str gateway) {
    for (size_t i = 0; i < vs->n_gateways; i++)
        if (hr_str_eq(vs->gateways[i], gateway))
            return true;
    return false;
}

hr_vs_bucket hr_virtual_service_bucket(const hr_mesh_virtual_service *vs, hr_str namespace_) {
    if (vs->public_)
        return vs->gateway_api && hr_str_eq(vs->resource->meta.namespace_, namespace_)
                   ? HR_VS_OWN
                   : HR_VS_PUBLIC;
    for (size_t i = 0; i < vs->n_export_to; i++)
        if (hr_str_eq(vs->export_to[i], namespace_))
            return hr_str_eq(vs->resource->meta.namespace_, namespace_) ? HR_VS_PRIVATE
                                                                        : HR_VS_EXPORTED;
    return HR_VS_HIDDEN;
}

static void select_rules(hr_view_build *vb, hr_mesh_virtual_service_list *out, hr_str gateway,
                         bool notes) {
    const hr_table *table = vb->table;
    for (int b = HR_VS_PRIVATE; b <= HR_VS_HIDDEN; b++)
        for (size_t i = 0; i < table->n_all_rules; i++) {
            const hr_mesh_virtual_service *vs = table->all_rules[i];
            if ((int)hr_virtual_service_bucket(vs, vb->view->namespace_) != b)
                continue;
            const char *reason = !bound_to(vs, gateway) ? "its gateways do not include this one"
                                 : b == HR_VS_HIDDEN    ? "it is not exported to this namespace"
                                                        : NULL;
            if (reason == NULL)
                HR_PUSH(vb->arena, out, vs);
            else if (notes && !vs->gateway_api)
                hr_view_omit(vb, vs->id, vs->resource->pos, -1, -1, reason);
        }
}

void hr_view_select(hr_view_build *vb, hr_mesh_virtual_service_list *out, hr_str gateway) {
    select_rules(vb, out, gateway, true);
}

void hr_view_candidates(hr_view_build *vb, hr_mesh_virtual_service_list *out, hr_str gateway) {
    select_rules(vb, out, gateway, false);
}
