/* Texts that every match of an RE2 pattern has. */
#ifndef HR_REGEX_LITERALS_H
#define HR_REGEX_LITERALS_H

#include <headerroute/headerroute.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Texts that every match has besides its prefix (hr_regex_literal_prefix): the longest one behind
 * it, and the one at its end; empty where none is certain. They are in `buf`, which has three times
 * pattern.len octets. */
void hr_regex_literals(hr_str pattern, char *buf, hr_str *inside, hr_str *suffix);

#ifdef __cplusplus
}
#endif

#endif
