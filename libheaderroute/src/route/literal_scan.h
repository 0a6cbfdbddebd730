/* The texts that regexes require, looked for in one pass over their subject. */
#ifndef HR_LITERAL_SCAN_H
#define HR_LITERAL_SCAN_H

#include "literal_filter.h"
#include "scratch.h"

/* True once a request, if the filter was asked for enough matchers that its
 * subject's values must be noted now. */
bool hr_literals_begin(const hr_literal_filter *filter, hr_scratch *scratch);
void hr_literals_note(const hr_literal_filter *filter, hr_scratch *scratch, hr_str value);
/* Whether the values were noted, after hr_literals_begin in this request, and lack the text that
 * the matcher requires. */
bool hr_literal_is_missing(const hr_matcher *matcher, const hr_scratch *scratch);

#endif
