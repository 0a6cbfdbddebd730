/* VirtualServices with their names resolved. */
#ifndef HR_VIRTUAL_SERVICES_H
#define HR_VIRTUAL_SERVICES_H

#include "table.h"

/* Resolves names in place, merges delegates, sorts. */
void hr_virtual_services_build(hr_arena *arena, hr_table *table);

#endif
