/*
 * Regular expressions: RE2, which is Envoy's own engine, with the options that Envoy sets (the
 * defaults, without logging). RE2 runs in time linear in its input, so no pattern can stall a
 * request. Several threads may use a compiled expression at once; RE2 guards its own caches.
 */
#ifndef HR_REGEX_H
#define HR_REGEX_H

#include <headerroute/headerroute.h>

#include "octets_equal.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Istio rejects longer patterns (StringMatch.regex). */
#define HR_REGEX_MAX_PATTERN 1024

typedef struct hr_regex {
    hr_str prefix, suffix; /* what every match begins and ends with; they do not overlap */
} hr_regex;

/* Many patterns begin with a literal text of their own and go on alike ("/a/[0-9]+", "/b/[0-9]+"):
 * the common rest is compiled once for all of them. Returns HR_OK or HR_ENOMEM. Not thread-safe;
 * must outlive the expressions made with it. */
typedef struct hr_regex_tails hr_regex_tails;
int hr_regex_tails_new(hr_regex_tails **out);
void hr_regex_tails_free(hr_regex_tails *tails);          /* NULL is ignored */
size_t hr_regex_tails_count(const hr_regex_tails *tails); /* how many were compiled */

/* Compiles a pattern. `tails` keeps the rests of patterns, or is NULL. HR_EINVAL: the pattern is
 * not valid for RE2; `error` (may be NULL) is then RE2's message, cut to `error_size` and zero-
 * terminated. HR_ENOMEM. Free the result with hr_regex_free. */
int hr_regex_new(hr_regex **out, hr_regex_tails *tails, hr_str pattern, char *error,
                 size_t error_size);
void hr_regex_free(hr_regex *regex); /* NULL is ignored */

/* False if the subject does not begin and end with the texts that every match begins and ends with:
 * hr_regex_match is then 0 as well, and this costs no more than comparing the texts. */
static inline bool hr_regex_may_match(const hr_regex *regex, hr_str subject) {
    hr_str prefix = regex->prefix, suffix = regex->suffix;
    return subject.len >= prefix.len + suffix.len &&
           hr_octets_equal(prefix.p, subject.p, prefix.len) &&
           (suffix.len == 0 ||
            hr_octets_equal(suffix.p, subject.p + subject.len - suffix.len, suffix.len));
}
/* Returns 1 if the whole subject matches, as Envoy's safe_regex requires. */
int hr_regex_match(const hr_regex *regex, hr_str subject);
/* The same for a load, which reports HR_ENOMEM if RE2 runs out of memory. */
int hr_regex_test(int *matches, const hr_regex *regex, hr_str subject);
/* The same for a subject for which hr_regex_may_match is true. */
int hr_regex_run(const hr_regex *regex, hr_str subject);

/* Compiles the pattern as a whole, unless that has been done. Without that, hr_regex_replace_all
 * replaces nothing. HR_EINVAL, with a message: `rewrite` uses a group that the expression does not
 * have, or an escape other than \0..\9 and \\. HR_ENOMEM. */
int hr_regex_prepare_rewrite(hr_regex *regex, hr_str pattern, hr_str rewrite, char *error,
                             size_t error_size);

/* Replaces every match in `subject`, as RE2::GlobalReplace does: \1 is the first group, \0 the
 * whole match. Writes at most `size` bytes to `buf` (no terminating zero) and returns the full
 * length; if that exceeds `size`, call again with a larger buffer. buf must not overlap subject. If
 * the rewrite uses a group that the expression does not have, the subject is unchanged; a wrong
 * escape ends each replacement. */
size_t hr_regex_replace_all(char *buf, size_t size, const hr_regex *regex, hr_str subject,
                            hr_str rewrite);

#ifdef __cplusplus
}
#endif

#endif
