/* What a request's body says about its headers: --body and --body-header of `route` and `explain`.
 */
#ifndef HR_CLI_BODY_H
#define HR_CLI_BODY_H

#include "body_header.h"
#include "cli.h"
#include "request.h"

typedef struct cli_body {
    const char *file; /* --body; NULL: none; "-": standard input */
    cli_list texts;   /* --body-header */
    sv_body_rule *rules;
    sv_body_reader *reader;
    char *bytes;
    char model[SV_BODY_MAX_VALUE];
} cli_body;

/* Does to the request's headers what a gateway with these flags does: the request's own headers of
 * those names are removed, and the values that the body has are set. CLI_OK, or what went wrong,
 * after a line on stderr. */
int cli_body_apply(const char *command, cli_body *body, cli_request *request);
void cli_body_free(cli_body *body);

#endif
