/* How many processors this process may use. */
#ifndef GRABCUT_CLI_PROCESSORS_H
#define GRABCUT_CLI_PROCESSORS_H

/* At least 1. */
int cut_processors(void);

#endif
