/* Which proxies a resource of a kind that is not evaluated selects. */
#ifndef HR_SELECTION_H
#define HR_SELECTION_H

#include "unread.h"
#include "view.h"

/* Whether pods that have these labels, and maybe more unless all are known, can be selected. */
bool hr_unread_can_select(const hr_spec_unread *u, const hr_pair *labels, size_t n, bool all_known);
/* Whether the resource is in a namespace that counts for workloads of `namespace_`. */
bool hr_unread_counts_in(const hr_spec_unread *u, const hr_view *view, hr_str namespace_);
/* Whether the proxy of the view can be selected. Of a sidecar without stated labels, and of a
 * gateway without a pod in the table, not all labels are known. */
bool hr_unread_selects_proxy(const hr_spec_unread *u, const hr_view *view);

#endif
