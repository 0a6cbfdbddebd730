/* Test cases that say what the rules decide today. */
#ifndef HR_CLI_GENERATE_H
#define HR_CLI_GENERATE_H

#include "flags.h"

/* Prints a case for each rule of the files that a request reaches, in the format of `headerroute
 * test`, and a comment for each that is not. Looks at the view of the flags; without one, at the
 * mesh on each service port and at each Gateway. Returns an exit code. */
int cli_generate(const cli_flags *flags);

#endif
