/* A log of SARIF 2.1.0 (OASIS), which code review tools show beside the lines of a change. */
#ifndef HR_CLI_SARIF_H
#define HR_CLI_SARIF_H

#include <jansson.h>

#include <stdio.h>

#include "findings.h"

/* A rule: what findings of this name are about. The texts are static. */
typedef struct cli_sarif_rule {
    const char *name;
    const char *description; /* a sentence */
    const char *help;        /* what to do, a sentence; NULL: none */
} cli_sarif_rule;

typedef struct cli_sarif {
    json_t *rules, *results, *notifications;
    bool failed; /* an error without a place, so that the run as a whole did not succeed */
} cli_sarif;

void cli_sarif_init(cli_sarif *sarif);
/* Adds a finding, and its rule if it is the first one of it. One without a file becomes a
 * notification: code review tools refuse results without a place. */
void cli_sarif_add(cli_sarif *sarif, const cli_finding *finding, const cli_sarif_rule *rule);
/* Prints the log and frees it. */
void cli_sarif_write(FILE *out, cli_sarif *sarif);

#endif
