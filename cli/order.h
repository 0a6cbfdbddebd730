/* `headerroute explain --order`: which neighbouring rules can be swapped without any change. */
#ifndef HR_CLI_ORDER_H
#define HR_CLI_ORDER_H

#include "flags.h"

/* CLI_OK, or what is wrong with the flags as a whole. */
int cli_order_check(const cli_flags *flags);
/* Prints every pair. Returns the exit code. */
int cli_order_run(const cli_flags *flags, hr_table *table);

#endif
