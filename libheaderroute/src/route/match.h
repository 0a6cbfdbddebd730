/* Whether a route's conditions hold for a request. */
#ifndef HR_MATCH_H
#define HR_MATCH_H

#include "http_match.h"
#include "subject.h"
#include "view.h"

bool hr_route_matches(const hr_view_route *route, hr_subject *subject);

/* The parts, for the trace. */
bool hr_route_path_matches(const hr_view_route *route, const hr_subject *subject);
bool hr_cond_holds(const hr_cond *cond, hr_subject *subject);
/* What the condition looks at; absent where the request has none. Several values come joined. */
hr_str hr_cond_actual(const hr_cond *cond, hr_subject *subject);

/* A request header by its lower-case name: absent, its value, or its values joined with ','
 * (cookie:
 * "; "). */
hr_str hr_header_value(hr_subject *subject, hr_str name);
/* What rules match of a header that comes more than once, unless they match it value by value. */
hr_str hr_repeat_joined(hr_subject *subject, uint32_t number);
/* The verdict of a regex about its subject in this request, found once. */
bool hr_matcher_matches(const hr_matcher *matcher, hr_scratch *scratch, hr_str subject);
/* An exact or a prefix match; kinds without a text take every value. Looks at no more of the value
 * than the pattern has. */
static inline bool hr_text_matches(uint8_t kind, hr_str pattern, hr_str value) {
    switch (kind) {
    case HR_SM_EXACT:
        return value.len == pattern.len && hr_octets_equal(value.p, pattern.p, pattern.len);
    case HR_SM_PREFIX:
        return value.len >= pattern.len && hr_octets_equal(value.p, pattern.p, pattern.len);
    default:
        return true;
    }
}
/* Runs a regex, within the limit of the scratch; false beyond it, or if `regex` is NULL. *half is
 * HR_REGEX_HALF at first, and what is left of it for the regex's next value. */
bool hr_regex_matches(const hr_regex *regex, hr_scratch *scratch, hr_str value, size_t *half);

#endif
