/* The text that the matches of an RE2 pattern begin with, and where the parts of a pattern end. */
#ifndef HR_REGEX_PREFIX_H
#define HR_REGEX_PREFIX_H

#include <stdbool.h>

#include <headerroute/headerroute.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The text that every match of an RE2 pattern begins with, if the whole subject has to match; "" if
 * none is certain. Writes to `buf`, which has pattern.len octets. `rest` is NULL, or *rest is set
 * to where the pattern continues after the text. The text does not include what a '+' repeats. */
hr_str hr_regex_literal_prefix(hr_str pattern, char *buf, size_t *rest);

/* Behind the character class, or the group, that begins at `at`; beyond the pattern (of a group: 0)
 * if it does not end. */
size_t hr_regex_class_end(hr_str pattern, size_t at);
/* *alternatives: whether a '|' outside of inner groups divides the group. */
size_t hr_regex_group_end(hr_str pattern, size_t at, bool *alternatives);
/* Whether a '|' outside of groups divides the pattern. True also if quoting (\Q) leaves that open.
 */
bool hr_regex_has_alternatives(hr_str pattern);

#ifdef __cplusplus
}
#endif

#endif
