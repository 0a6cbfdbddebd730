/* The YAML of the rules that were loaded, to compare what was written with what was expected. */
#ifndef HR_CLI_RULES_H
#define HR_CLI_RULES_H

#include <jansson.h>

#include <stdbool.h>

#include "input.h"

typedef struct cli_rules cli_rules;

/* Reads the sources once more. Returns NULL if one could not be read, which the load has reported
 * already. */
cli_rules *cli_rules_read(const cli_input *input);
void cli_rules_free(cli_rules *rules);

/* The entry of spec.http that a decision came from, as a new reference: `{}` if it came from none.
 * A delegate's entry also has what it takes over from the root's entry (mergeHTTPRoute of Istio).
 */
json_t *cli_rules_entry(const cli_rules *rules, const hr_decision *decision);
/* An entry of spec.http as it is written, as a new reference; `{}` if there is none. id:
 * "namespace/name". */
json_t *cli_rules_at(const cli_rules *rules, hr_str id, int32_t index);
/* Whether a VirtualService is among the rules. */
bool cli_rules_have(const cli_rules *rules, const char *namespace_, const char *name);

/* Calls `fn` with a resource if it is a VirtualService, and with those of a list (`kubectl get -o
 * yaml`), whose items may leave out the kind that the list names. `implied` is the kind of a
 * resource that states none. */
typedef void (*cli_resource_fn)(void *ctx, json_t *resource);
void cli_each_virtual_service(json_t *resource, const char *implied, cli_resource_fn fn, void *ctx);

#endif
