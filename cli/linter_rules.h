/* The linter's warnings with their descriptions, made from the tables of docs/linter.md. */
#ifndef HR_CLI_LINTER_RULES_H
#define HR_CLI_LINTER_RULES_H

#include "sarif.h"

extern const cli_sarif_rule cli_linter_rules[]; /* ends with a name that is NULL */

#endif
