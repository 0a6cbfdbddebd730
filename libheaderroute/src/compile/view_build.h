/* What the makers of a view share: the view under construction, the scope of a rule, what was left
 * out. */
#ifndef HR_VIEW_BUILD_H
#define HR_VIEW_BUILD_H

#include "table.h"
#include "view.h"

typedef struct hr_view_build {
    hr_arena *arena;
    hr_view *view;
    const hr_table *table;
    hr_map plans;               /* plain actions by destination and timeout: many rules share few */
    hr_arena *temp;             /* for what is needed only while the view is made */
    hr_map matchers;            /* by what is matched and the pattern; in temp */
    hr_map literals_by_subject; /* literal_filter.c; in temp */
    struct subject_literals *literals;
    const struct hr_sidecar_scope *scope; /* of the proxy's Sidecar, or NULL */
} hr_view_build;

/* For which proxy and port rules are compiled. */
typedef struct hr_compile_scope {
    hr_str gateway; /* "mesh" or "ns/name" */
    uint32_t port;  /* the service port called, or the server's port */
    bool tls;       /* the server terminates TLS */
    hr_str vs_namespace;
    bool gateway_api; /* rules of HTTPRoutes: without a cluster the answer is 500 instead of 503 */
} hr_compile_scope;

/* Notes that this view does not see a VirtualService, or one of its routes or matches (-1: all of
 * them). */
void hr_view_omit(hr_view_build *vb, hr_str virtual_service, hr_pos pos, int32_t route_index,
                  int32_t match_index, const char *reason);

/* In this order a proxy of a namespace takes VirtualServices: private ones of its namespace, those
 * that others export to it by name, public ones, of which those of the Gateway API in its namespace
 * come first; within each by age. */
typedef enum hr_vs_bucket {
    HR_VS_PRIVATE,
    HR_VS_EXPORTED,
    HR_VS_OWN, /* public ones of the Gateway API of its namespace, which come first among those */
    HR_VS_PUBLIC,
    HR_VS_HIDDEN /* not exported to the namespace */
} hr_vs_bucket;
hr_vs_bucket hr_virtual_service_bucket(const hr_mesh_virtual_service *vs, hr_str namespace_);

/* The VirtualServices that a proxy of the view's namespace sees on `gateway`, in Istio's order. */
typedef HR_LIST(const hr_mesh_virtual_service *) hr_mesh_virtual_service_list;
void hr_view_select(hr_view_build *vb, hr_mesh_virtual_service_list *out, hr_str gateway);
/* The same without noting those that it does not see. */
void hr_view_candidates(hr_view_build *vb, hr_mesh_virtual_service_list *out, hr_str gateway);

#endif
