/* Kinds of former versions of Istio, each with what replaces it. */
#ifndef HR_REMOVED_H
#define HR_REMOVED_H

#include "text.h"

/* Returns what to use instead of the kind, or NULL if Istio never had or still has it. */
const char *hr_removed_kind(hr_str group, hr_str kind);

#endif
