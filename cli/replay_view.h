/* The views that the lines of a log need. */
#ifndef HR_CLI_REPLAY_VIEW_H
#define HR_CLI_REPLAY_VIEW_H

#include "replay_state.h"

/* The view of a request, made on first use. NULL after `*error` was set. Call it
 * with the lock held. */
replay_view *replay_view_of(replay *r, hr_str authority, bool https, int *error);
void replay_views_free(replay *r);

#endif
