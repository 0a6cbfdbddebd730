/* The names of resources in warnings, and the rules that were reported. */
#include "linter.h"

#include "meta.h"

const char *hr_lint_name(hr_linter *l, const hr_meta *meta, hr_pos pos) {
    return hr_lint_text(hr_arena_printf(l->arena, "%.*s/%.*s (%.*s:%d)",
                                        HR_LINT_STR(meta->namespace_), HR_LINT_STR(meta->name),
                                        HR_LINT_STR(pos.file), pos.line));
}

static hr_str unreached_name(hr_linter *l, const hr_meta *vs, int32_t route, int32_t match) {
    return hr_arena_printf(l->arena, "%.*s/%.*s %d %d", HR_LINT_STR(vs->namespace_),
                           HR_LINT_STR(vs->name), (int)route, (int)match);
}

void hr_lint_note_unreached(hr_linter *l, const hr_meta *vs, int32_t route, int32_t match) {
    hr_map_add(l->arena, &l->unreached, unreached_name(l, vs, route, match), l);
}

bool hr_lint_is_unreached(hr_linter *l, const hr_meta *vs, int32_t route, int32_t match) {
    return hr_map_get(&l->unreached, unreached_name(l, vs, route, match)) != NULL;
}
