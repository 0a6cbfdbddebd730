/* Requests of many bytes to a view of many rules: what the tests of limits share. */
#ifndef HR_TESTS_LARGE_REQUESTS_H
#define HR_TESTS_LARGE_REQUESTS_H

#include <headerroute/headerroute.h>

/* Rules of a view; bytes of a request; lines in which a header repeats. */
enum { RULES = 1000, BYTES = 57000, LINES = 90 };

/* RULES rules, each with `match` (YAML), in which '#' stands for a number; then one that takes
 * every request. */
hr_view *large_view(const char *match, hr_repeated_headers repeated);

/* Requests that have `part` again and again: BYTES bytes of it in `lines` headers of one name, as a
 * query, as a path. They share memory: one is valid until the next one is made. */
hr_request large_headers(const char *name, const char *part, size_t lines);
hr_request large_query(const char *part);
hr_request large_path(const char *part);
hr_request small_request(const char *path);

#endif
