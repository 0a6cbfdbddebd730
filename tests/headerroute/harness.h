/* What the tests in C that route share: rules from text or from a file. Tests of single decisions
 * are in routing/. */
#ifndef HR_TESTS_HARNESS_H
#define HR_TESTS_HARNESS_H

#include <headerroute/headerroute.h>

/* Both fail the test if the rules are not accepted. The second loads
 * tests/headerroute/fixtures/NAME. */
hr_table *hrt_load(const char *yaml);
hr_table *hrt_load_file(const char *name);

/* The text of routing/mesh/mesh.yaml: services reviews (80), ratings (9080), cart (80, 8080) in
 * `default`, shop in `prod`, and the subsets v1, v2 and v3 of reviews with one pod each. Freed by
 * the caller. */
char *hrt_mesh(void);

#endif
