/* Findings in the formats that programs read: `--format json|github|sarif`. */
#ifndef HR_CLI_FINDINGS_REPORT_H
#define HR_CLI_FINDINGS_REPORT_H

#include <jansson.h>

#include <stdio.h>

#include "findings.h"

typedef enum cli_format { CLI_TEXT, CLI_JSON, CLI_GITHUB, CLI_SARIF } cli_format;

/* Reads the value of --format; NULL is text. CLI_OK, or CLI_USAGE after a line on stderr. */
int cli_format_parse(cli_format *out, const char *command, const char *name);

/* A list of objects: docs/findings.schema.json. */
json_t *cli_findings_json(const cli_findings *findings);
/* Workflow commands of GitHub Actions, which annotate lines. */
void cli_findings_github(FILE *out, const cli_findings *findings);
void cli_findings_sarif(FILE *out, const cli_findings *findings);

#endif
