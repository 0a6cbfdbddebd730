/* The parser of RE2's syntax. */
#ifndef HR_RE_PARSE_H
#define HR_RE_PARSE_H

#include "syntax_tree.h"

/* Parses a pattern as RE2 does with its default options. *why is set to a fixed phrase unless
 * HR_RE_OK. */
hr_re_status hr_re_parse(hr_arena *b, const hr_re **out, hr_str pattern, const char **why);

#endif
