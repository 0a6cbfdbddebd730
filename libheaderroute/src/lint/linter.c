/* The names of resources in warnings. */
#include "linter.h"

#include "meta.h"

const char *hr_lint_name(hr_linter *l, const hr_meta *meta, hr_pos pos) {
    return hr_lint_text(hr_arena_printf(l->arena, "%.*s/%.*s (%.*s:%d)",
                                        HR_LINT_STR(meta->namespace_), HR_LINT_STR(meta->name),
                                        HR_LINT_STR(pos.file), pos.line));
}
