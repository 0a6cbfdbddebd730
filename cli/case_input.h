/* What a test case asks: the keys it may have, the view, and the random draws of its request. */
#ifndef HR_CLI_CASE_INPUT_H
#define HR_CLI_CASE_INPUT_H

#include <jansson.h>

#include "request.h"

/* Each returns true, or false with a sentence in `wrong`. */

/* Checks the keys of a case and of its request, and the types of their plain values. */
bool cli_case_check(const json_t *root, char *wrong, size_t size);
/* Adds the keys of `json`, the `view` of a case or of its file, to `view`; NULL changes nothing.
 * Strings stay those of `json`. */
bool cli_case_view(cli_view *view, const json_t *json, char *wrong, size_t size);
/* Reads `random` and `draws` of a request; draws it does not name are 0. */
bool cli_case_draws(hr_draws *out, const json_t *request, char *wrong, size_t size);

#endif
