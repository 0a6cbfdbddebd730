/* The limits and modes of one load: those of hr_load_options, or the defaults that its comments
 * document. */
#ifndef HR_LOAD_LIMITS_H
#define HR_LOAD_LIMITS_H

#include <stdbool.h>

#include "yaml_node.h"
#include "yaml_parse.h"

static inline size_t hr_limit_bytes(const hr_load_options *options) {
    return options == NULL || options->max_bytes == 0 ? (size_t)64 << 20 : options->max_bytes;
}

static inline bool hr_load_is_lenient(const hr_load_options *options) {
    return options != NULL && options->version >= 3 && options->lenient;
}

static inline bool hr_load_is_recursive(const hr_load_options *options) {
    return options != NULL && options->version >= 3 && options->recursive;
}

static inline hr_yaml_budget hr_limit_yaml(const hr_load_options *options) {
    hr_yaml_budget budget = {.max_depth = 64, .nodes = (size_t)16 << 20};
    if (options != NULL && options->max_depth != 0)
        budget.max_depth = options->max_depth;
    if (options != NULL && options->max_nodes != 0)
        budget.nodes = options->max_nodes;
    budget.lenient = hr_load_is_lenient(options);
    return budget;
}

/* True if this library knows the version of the options; NULL chooses the defaults. */
static inline int hr_load_options_known(const hr_load_options *options) {
    return options == NULL ||
           (options->version >= 1 && options->version <= HR_LOAD_OPTIONS_VERSION);
}

#endif
