/* Rules of a VirtualService as rules of HTTPRoutes: what the parts of a rule share. */
#ifndef HR_ROUTE_WRITER_H
#define HR_ROUTE_WRITER_H

#include "conversion.h"
#include "http_route.h"

/* A rule that is being written. */
typedef struct hr_route_writer {
    hr_conversion_state *s;
    const hr_mesh_http_route *entry;
    hr_str namespace_; /* of the HTTPRoute */
    bool mesh;         /* attached to Services: references need no ReferenceGrant */
} hr_route_writer;

/* What the path of a match became. */
typedef enum hr_path_form {
    HR_PATH_ANY,    /* no condition on the path */
    HR_PATH_PREFIX, /* PathPrefix */
    HR_PATH_WHOLE   /* Exact or RegularExpression: the whole path matched */
} hr_path_form;

/* Lists what cannot be expressed, each place and sentence once. `part` is below spec.http[i]. */
void hr_route_lost(hr_route_writer *w, hr_pos pos, const char *part, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
