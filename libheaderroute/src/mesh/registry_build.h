/* The making of the registry: services of all kinds with their endpoints, oldest first. */
#ifndef HR_REGISTRY_BUILD_H
#define HR_REGISTRY_BUILD_H

#include "registry.h"

void hr_registry_build(hr_arena *arena, hr_registry *out, const hr_resources *resources,
                       hr_str domain);

#endif
