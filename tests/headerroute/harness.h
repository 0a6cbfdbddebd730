/*
 * What the routing tests share: YAML in, a request in the form of a --batch line in, and the parts of the
 * decision that matter out. A failure prints the whole decision.
 */
#ifndef HR_TESTS_HARNESS_H
#define HR_TESTS_HARNESS_H

#include <stdbool.h>

#include <headerroute/headerroute.h>

/* A mesh to route in: services reviews (80), ratings (9080), cart (80, 8080) and others in `default`,
 * reviews' subsets v1, v2 and v3 with one pod each. */
extern const char hrt_mesh[];

/* The decision of `line` over `yaml` has everything that `expected` (JSON) has: objects may have more
 * keys, lists may not have more items. */
void hrt_expect(const char *yaml, const char *line, const char *expected);
/* The same over hrt_mesh and `yaml`. */
void hrt_expect_in_mesh(const char *yaml, const char *line, const char *expected);

/* A VirtualService of host `reviews`: `match` (YAML of one HTTPMatchRequest in flow style) leads to subset
 * v1, anything else to v2. Whether `line` takes v1. */
bool hrt_matches(const char *match, const char *line);

/* Loading hrt_mesh and `yaml` fails, and one error has `fragment`. */
void hrt_refused(const char *yaml, const char *fragment);

/* Loads text; the test fails where that fails. */
hr_table *hrt_load(const char *yaml);

#endif
