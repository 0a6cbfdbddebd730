/* The conditions of a region as a reader would apply them to a request. */
#ifndef HR_PROVE_WHERE_H
#define HR_PROVE_WHERE_H

#include <stdbool.h>

#include <headerroute/diff.h>

typedef struct where_reader {
    hr_path_normalization normalization;
    bool each; /* headers that come more than once are matched value by value */
    hr_scratch *scratch;
    struct where_regex *regexes; /* that were compiled, by their condition */
    size_t n_regexes;
} where_reader;

/* Whether a request, as rules see it, meets all of `where` and none of `except`. */
bool where_has(where_reader *w, const hr_diff_region *region, const hr_request *request);
void where_free(where_reader *w);

#endif
