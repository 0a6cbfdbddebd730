/* Finds listeners whose certificates are in a Secret that is missing or lacks them. */
#ifndef HR_LINT_SECRETS_H
#define HR_LINT_SECRETS_H

#include "linter.h"

void hr_lint_secrets(hr_linter *l);

#endif
