/* Warnings about resources that Istio accepts but that are probably mistakes. */
#ifndef HR_LINT_H
#define HR_LINT_H

#include "arena.h"
#include "kinds.h"
#include "map.h"
#include "regex.h"
#include "registry.h"

/* Adds the warnings about `resources` to `d`. HR_OK or HR_ENOMEM. */
int hr_resources_lint(const hr_resources *resources, hr_diagnostics *d,
                      const hr_load_options *options);

typedef struct hr_linter {
    const hr_resources *resources;
    hr_diagnostics *d;
    hr_arena *arena;
    hr_str domain;
    hr_registry registry;
} hr_linter;

/* ---- lint_cover.c: rules that an earlier rule of the same VirtualService leaves nothing to ----
 */

void hr_lint_unreachable(hr_linter *l, const hr_spec_virtual_service *vs);
/* Returns 1 if every request that matches `later` matches `earlier`, too. NULL: no conditions. */
int hr_match_covers(hr_linter *l, const hr_match_request *earlier, const hr_match_request *later);

/* ---- lint_names.c: hosts, ports, subsets, Gateways and delegates that lead nowhere ---- */

void hr_lint_names(hr_linter *l);

/* The subject of a warning: "spec.http[2].route[0]" and so on, built in the linter's arena. */
#define HR_LINT_FIELD(l, ...) hr_lint_text(hr_arena_printf((l)->arena, __VA_ARGS__))

/* A text of the linter's arena as a C string; "" if the arena has failed. */
static inline const char *hr_lint_text(hr_str s) {
    return s.p == NULL ? "" : s.p;
}

#endif
