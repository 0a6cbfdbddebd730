/* One regex and texts: what prove/'s automaton says of them against what RE2 says. */
#ifndef HR_REGEX_PAIR_H
#define HR_REGEX_PAIR_H

#include <stdbool.h>
#include <stdint.h>

#include <headerroute/headerroute.h>

/* Numbers from a seed, or, where there are bytes, from them until they end. */
typedef struct regex_source {
    uint64_t state;
    const uint8_t *data;
    size_t size;
} regex_source;
unsigned regex_number(regex_source *s, unsigned below);

/* A pattern out of RE2's syntax, now and then broken, and a text that has to do with it. */
size_t regex_make_pattern(regex_source *s, char *buf, size_t size);
size_t regex_make_text(regex_source *s, hr_str pattern, char *buf, size_t size);

typedef struct regex_tally {
    uint64_t patterns, refused, uncovered, pairs, matches;
} regex_tally;

/* Compares parser and RE2 on the pattern, then automaton and RE2 on the texts. false: they differ,
 * which is printed. */
bool regex_pair_agrees(hr_str pattern, const hr_str *texts, size_t n, regex_tally *tally);

/* `pairs` pairs from a seed. false: one differed. */
bool regex_pairs_run(uint64_t seed, uint64_t pairs, regex_tally *tally);

#endif
