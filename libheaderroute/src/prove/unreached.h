/*
 * Rules of a view that no request reaches, whatever stands in front of the proxy: any method, any
 * value of the headers that proxies set, any Host header in the mesh, headers that come more than
 * once. A rule that is proven to be unreached here is unreached for every option of a view, but for
 * paths that are not normalised at all.
 */
#ifndef HR_UNREACHED_H
#define HR_UNREACHED_H

#include "view.h"

typedef struct hr_unreached_question {
    /* Whether to look for requests that reach this route. */
    bool (*asks)(void *ctx, const hr_view_route *route);
    /* Called for each such route, once for each virtual host that has it. `never`: no request
     * reaches it, because the `n` earlier routes take them all first, or because its own conditions
     * exclude each other (n is 0). */
    void (*answers)(void *ctx, const hr_view_route *route, bool never,
                    const hr_view_route *const *earlier, size_t n);
    void *ctx;
} hr_unreached_question;

/* Sets the options of views that are suited to the question. */
void hr_unreached_options(hr_view_options *options);

/* Answers for one view, which was made with those options. `work` is the number of automaton steps
 * that are left, and is reduced; a rule is taken to be reached when none is left. Returns HR_OK or
 * HR_ENOMEM. */
int hr_unreached_find(hr_view *view, const hr_unreached_question *question, uint64_t *work);

#endif
