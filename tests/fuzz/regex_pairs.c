/* regex-pairs [PAIRS [SEED]]: compares prove/'s regexes with RE2 on random pairs of a pattern and a
 * text. */
#include <stdio.h>
#include <stdlib.h>

#include "regex_pair.h"

int main(int argc, char **argv) {
    uint64_t pairs = argc > 1 ? strtoull(argv[1], NULL, 10) : 10000000;
    uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    regex_tally tally = {0};
    bool ok = regex_pairs_run(seed, pairs, &tally);
    printf("seed %llu: %llu patterns (%llu refused, %llu not covered), %llu pairs, %llu of them "
           "match: %s\n",
           (unsigned long long)seed, (unsigned long long)tally.patterns,
           (unsigned long long)tally.refused, (unsigned long long)tally.uncovered,
           (unsigned long long)tally.pairs, (unsigned long long)tally.matches,
           ok ? "no difference" : "a difference");
    return ok ? 0 : 1;
}
