/* Whether a route's conditions hold for a request. */
#ifndef HR_MATCH_H
#define HR_MATCH_H

#include "header_kinds.h"
#include "octets.h"
#include "scratch.h"

/* The request as conditions see it. */
typedef struct hr_subject {
    const hr_request *request;
    hr_scratch *scratch;
    hr_str method, scheme, authority;
    hr_str full_path;           /* normalised, with query */
    hr_str path;                /* without query */
    const hr_name_table *names; /* the view's; which of them the request has is in the scratch */
    const hr_view *view;        /* NULL in what only hashes a request */
    bool te_known;
    hr_str te;      /* once it is known: what stripped_value returns for `te` */
    bool no_memory; /* a joined header did not fit: nothing that follows can be trusted */
} hr_subject;

/* Fills *s for a request to the view, after the scratch was started over: HR_OK, HR_ENOMEM, or
 * HR_EREQUEST with its sentence in the scratch. */
int hr_subject_prepare(hr_subject *s, const hr_view *view, const hr_request *request,
                       hr_scratch *scratch);

/* Links another header to those of its number that came before. */
void hr_subject_note_again(hr_subject *s, uint32_t number, uint32_t header);

/* Numbers the request's headers by the view's names. */
static inline void hr_subject_note(hr_subject *s, uint32_t number, size_t header) {
    hr_scratch *scratch = s->scratch;
    hr_seen *seen = &scratch->seen[number];
    if (seen->round == scratch->round) {
        hr_subject_note_again(s, number, (uint32_t)header);
        return;
    }
    *seen = (hr_seen){scratch->round, (uint32_t)header, NULL};
    scratch->touched[scratch->n_touched++] = number;
}

/* Two names of one length, the second in lower case; that is common on the wire too, so it is tried
 * first. */
bool hr_same_name(const char *name, const char *lower, size_t len);

static inline bool hr_is_named(hr_str name, hr_str lower) {
    return name.len == lower.len && ((name.p[0] ^ lower.p[0]) & 0xDF) == 0 &&
           hr_same_name(name.p, lower.p, name.len);
}

/* The number of a name in any letter case among many. UINT32_MAX: no rule asks for it. */
uint32_t hr_name_lookup(const hr_name_table *names, hr_str name);

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
/* The first value of a query parameter; absent where there is none. Looks at the whole query. */
hr_str hr_query_value(hr_str full_path, size_t path_len, hr_str name);
/* The same for the number of its name in the view. The query is read once a request. */
hr_str hr_param_value(hr_subject *subject, uint32_t number);
/* Reads the query, if that has not been done: touched_params then has the parameters that rules ask
 * for. */
void hr_query_read(hr_subject *subject);
/* The verdict of a regex about its subject in this request, found once. */
bool hr_matcher_matches(const hr_matcher *matcher, hr_scratch *scratch, hr_str subject);
/* literal_scan.c: true once a request, if so many matchers of the filter were asked that its
 * subject's values must be noted now. */
bool hr_literals_begin(const hr_literal_filter *filter, hr_scratch *scratch);
void hr_literals_note(const hr_literal_filter *filter, hr_scratch *scratch, hr_str value);
/* Whether the values were noted, after hr_literals_begin in this request, and lack the text that
 * the matcher requires. */
bool hr_literal_is_missing(const hr_matcher *matcher, const hr_scratch *scratch);
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
/* Runs a regex, within the limit of the scratch; false beyond it, or if `regex` is NULL. *free is
 * HR_REGEX_FREE + HR_REGEX_RUN at first, and what is left of it for the regex's next value. */
bool hr_regex_matches(const hr_regex *regex, hr_scratch *scratch, hr_str value, size_t *free);

#endif
