/* Claims of a JSON web token, as --claim, lines of --batch and test cases state them. */
#ifndef HR_CLI_CLAIMS_H
#define HR_CLI_CLAIMS_H

#include <jansson.h>

#include "request.h"

/* "NAME=VALUE": NAME is "a.b", or "[a][b]" for names with dots. A list has a --claim for each of
 * its items. False: the text is not written so. */
bool cli_add_claim(cli_request *r, hr_str text);
/* The payload of a token: a map of claims, which may be texts, lists and maps. Numbers, booleans
 * and null are claims that no condition matches. Returns false if it is something else. */
bool cli_add_claims(cli_request *r, const json_t *payload);

#endif
