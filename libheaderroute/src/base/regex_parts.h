/* Where the parts of an RE2 pattern end. */
#ifndef HR_REGEX_PARTS_H
#define HR_REGEX_PARTS_H

#include <stdbool.h>

#include <headerroute/headerroute.h>

/* Behind the character class, or the group, that begins at `at`; beyond the pattern (of a group: 0)
 * if it does not end. */
size_t hr_regex_class_end(hr_str pattern, size_t at);
/* *alternatives: whether a '|' outside of inner groups divides the group. */
size_t hr_regex_group_end(hr_str pattern, size_t at, bool *alternatives);
/* Whether a '|' outside of groups divides the pattern. True also if quoting (\Q) leaves that open.
 */
bool hr_regex_has_alternatives(hr_str pattern);

#endif
