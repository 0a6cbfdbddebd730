/* Tables out of resources. */
#ifndef HR_TABLE_BUILD_H
#define HR_TABLE_BUILD_H

#include "table.h"

/* A table over resources that were read and validated already; takes the arena they live in, also
 * on failure. One reference. */
int hr_table_build(hr_table **out, hr_arena *arena, hr_resources *resources,
                   const hr_load_options *options);

#endif
