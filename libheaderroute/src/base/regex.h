/*
 * Regular expressions: RE2, which is Envoy's own engine, with the options that Envoy gives it (the
 * defaults, without logging). RE2 runs in time linear in its input, so no pattern can stall a request.
 * A compiled expression may be used by any number of threads at once; RE2 keeps caches of its own and
 * guards them by itself.
 */
#ifndef HR_REGEX_H
#define HR_REGEX_H

#include <headerroute/headerroute.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Istio refuses longer patterns (StringMatch.regex). */
#define HR_REGEX_MAX_PATTERN 1024

typedef struct hr_regex hr_regex;

/* Many patterns begin with a text of their own and go on alike ("/a/[0-9]+", "/b/[0-9]+"): the rest is compiled
 * once for all of them. HR_ENOMEM. Not for several threads at once; outlives the expressions made with it. */
typedef struct hr_regex_tails hr_regex_tails;
int hr_regex_tails_new(hr_regex_tails **out);
void hr_regex_tails_free(hr_regex_tails *tails); /* NULL is fine */
size_t hr_regex_tails_count(const hr_regex_tails *tails); /* how many were compiled */

/* Compiles; tails: NULL, or where the rest of the pattern is kept. HR_EINVAL: the pattern is not RE2's; `error`
 * (may be NULL) then has RE2's sentence, cut to `error_size` and zero-terminated. HR_ENOMEM. Free with
 * hr_regex_free. */
int hr_regex_new(hr_regex **out, hr_regex_tails *tails, hr_str pattern, char *error, size_t error_size);
void hr_regex_free(hr_regex *regex); /* NULL is fine */

/* 1 if the whole subject matches, as Envoy's safe_regex requires. */
int hr_regex_match(const hr_regex *regex, hr_str subject);

/* Compiles the pattern as a whole, where that has not been done; without that, hr_regex_replace_all replaces
 * nothing. HR_EINVAL, with a sentence: `rewrite` uses a group that the expression has not, or another escape than
 * \0..\9 and \\. HR_ENOMEM. */
int hr_regex_prepare_rewrite(hr_regex *regex, hr_str pattern, hr_str rewrite, char *error, size_t error_size);

/* Replaces every match in `subject`, as RE2::GlobalReplace does: \1 stands for the first group, \0 for
 * the whole match. Writes at most `size` bytes to `buf` (no terminating zero) and returns the full
 * length; where that exceeds `size`, call again with more room. buf must not overlap subject. With a
 * group that the expression does not have the subject is not changed; a wrong escape ends each
 * replacement where it stands. */
size_t hr_regex_replace_all(char *buf, size_t size, const hr_regex *regex, hr_str subject, hr_str rewrite);

/* The text that every match of an RE2 pattern begins with, if the whole subject has to match; "" where none is
 * certain. Writes to `buf`, which has pattern.len octets. rest: NULL, or *rest is where the pattern continues
 * behind the text, which then does not have what a '+' repeats. */
hr_str hr_regex_literal_prefix(hr_str pattern, char *buf, size_t *rest);

#ifdef __cplusplus
}
#endif

#endif
