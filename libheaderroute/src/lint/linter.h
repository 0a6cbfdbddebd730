/* What all checks of the linter share. */
#ifndef HR_LINTER_H
#define HR_LINTER_H

#include "view_build.h"

/* A proxy as the linter takes it: the sidecars of a namespace, or the pods of a Gateway in the
 * Gateway's namespace, as `route` does. */
typedef struct hr_lint_caller {
    hr_view_build vb;
    const hr_mesh_gateway *gateway;     /* NULL: sidecars */
    hr_mesh_virtual_service_list bound; /* of a Gateway, in the order of its view */
} hr_lint_caller;

typedef struct hr_linter {
    hr_table *table;
    const hr_resources *resources;
    hr_diagnostics *d;
    hr_arena *arena;
    hr_lint_caller *gateways; /* one for each Gateway of the table */
    hr_map gateways_by_id;    /* -> hr_lint_caller */
    hr_lint_caller *sidecars; /* one for each namespace that calls others */
    size_t n_sidecars;
    hr_map sidecars_by_namespace; /* -> hr_lint_caller */
    hr_map unreached;             /* rules that were reported as such */
} hr_linter;

/* Notes that a rule was reported as unreached, so that it is reported once; match -1: it has none.
 */
void hr_lint_note_unreached(hr_linter *l, const hr_meta *vs, int32_t route, int32_t match);
bool hr_lint_is_unreached(hr_linter *l, const hr_meta *vs, int32_t route, int32_t match);

/* "ns/name (file:line)" of a resource. */
const char *hr_lint_name(hr_linter *l, const hr_meta *meta, hr_pos pos);
/* The arguments of "%.*s". */
#define HR_LINT_STR(s) (int)(s).len, (s).p == NULL ? "" : (s).p

/* The subject of a warning: "spec.http[2].route[0]" and so on, built in the linter's arena. */
#define HR_LINT_FIELD(l, ...) hr_lint_text(hr_arena_printf((l)->arena, __VA_ARGS__))

/* A text of the linter's arena as a C string; "" if the arena has failed. */
static inline const char *hr_lint_text(hr_str s) {
    return s.p == NULL ? "" : s.p;
}

#endif
