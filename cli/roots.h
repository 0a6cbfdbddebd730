/* Which rule of a root VirtualService takes a request, whatever its delegate does with it. */
#ifndef HR_CLI_ROOTS_H
#define HR_CLI_ROOTS_H

#include <stdbool.h>

#include "input.h"

/* A table of the sources in which each rule with a delegate answers itself, so that a decision
 * names the rule. Returns NULL if it does not load. */
hr_table *cli_roots_load(const cli_input *input);

/* Whether rules of the delegate that rule `index` of the VirtualService `id` names are among the
 * compiled ones. */
bool cli_delegate_takes_part(const hr_table *table, hr_str id, int32_t index);

#endif
