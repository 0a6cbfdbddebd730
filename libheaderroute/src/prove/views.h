/* Which views two tables define: whose decisions a change can reach. */
#ifndef HR_VIEWS_H
#define HR_VIEWS_H

#include "table.h"
#include "text.h"

typedef struct hr_view_list {
    HR_LIST(hr_view_options) v;
    bool labels_left_out; /* there are more combinations of source labels than are listed */
} hr_view_list;

/*
 * Each port of each Gateway; and the mesh on each port of a service (and on 80), for each namespace
 * that a rule lies in or that an exportTo or a rule names, those of services whose pods can see
 * something of their own, one for all others, and each set of source labels that rules name, alone
 * and together. The rest of the options is `base`'s.
 */
void hr_views_collect(hr_arena *b, hr_view_list *out, const hr_table *const tables[2],
                      const hr_view_options *base);

#endif
