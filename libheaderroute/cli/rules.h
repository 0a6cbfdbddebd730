/* The YAML of the rules that were loaded, to compare what was written with what was expected. */
#ifndef HR_CLI_RULES_H
#define HR_CLI_RULES_H

#include <jansson.h>

#include "cli.h"

typedef struct cli_rules cli_rules;

/* Reads the sources once more. Returns NULL if one could not be read, which the load has reported
 * already. */
cli_rules *cli_rules_read(const hr_source *sources, size_t n);
void cli_rules_free(cli_rules *rules);

/* The entry of spec.http that a decision came from, as a new reference: `{}` if it came from none. A delegate's entry
 * also has what it takes over from the root's entry (mergeHTTPRoute of Istio). */
json_t *cli_rules_entry(const cli_rules *rules, const hr_decision *decision);
/* An entry of spec.http as it is written; `{}` if there is none. id: "namespace/name". */
json_t *cli_rules_at(const cli_rules *rules, hr_str id, int32_t index);

#endif
