/*
 * Reach: which rules of a view decide requests, for all requests.
 *
 *     hr_reach *reach;
 *     hr_reached rule = HR_REACHED_INIT;
 *     hr_reach_new(&reach, view, NULL);
 *     for (size_t i = 0; hr_reach_get(&rule, reach, i) == HR_OK; i++)
 *         if (rule.state == HR_REACH_NEVER)
 *             ...    // proven: no request gets to rule.place
 *     hr_reach_free(reach);
 *
 * Each rule that is reached comes with a witness: a request that hr_route() decides by that rule.
 * The requests that are looked at may be narrowed down by conditions, so that "every request with
 * these headers goes to v1" is a loop over the rules that are reached.
 * share/doc/headerroute/diff.md says for which requests the proofs hold.
 *
 * Include <headerroute/headerroute.h>, which includes this file.
 */
#ifndef HEADERROUTE_REACH_H
#define HEADERROUTE_REACH_H

#include <headerroute/diff.h>
#include <headerroute/route.h>
#include <headerroute/types.h>
#include <headerroute/view.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum hr_reach_state {
    HR_REACH_NEVER = 0, /* Proven: the rule decides no request. */
    HR_REACH_SOME,      /* The witness is a request that it decides. */
    HR_REACH_UNDECIDED  /* Neither was found within the limits. */
} hr_reach_state;

/* Returns "never", "some" or "undecided", or NULL if the value is unknown. */
HR_API const char *hr_reach_state_name(hr_reach_state state);

/* Start from HR_REACH_OPTIONS_INIT; 0 and NULL choose the defaults. */
typedef struct hr_reach_options {
    unsigned version;       /* HR_REACH_OPTIONS_VERSION */
    const hr_where *within; /* Only requests for which all of these hold (default: all requests).
                             * `field` and `op` are those of a region; `words` is ignored. */
    size_t n_within;
    uint64_t max_work;  /* Automaton steps after which rules are undecided (default: 200 million) */
    unsigned max_steps; /* Refinements after which a rule is undecided (default: 20000) */
} hr_reach_options;
#define HR_REACH_OPTIONS_VERSION 1
#define HR_REACH_OPTIONS_INIT                                                                      \
    { HR_REACH_OPTIONS_VERSION, NULL, 0, 0, 0 }

/* What the rules of one view decide. Immutable: any number of threads may read it. */
typedef struct hr_reach hr_reach;

/* Looks for a request for each rule of a view. `*out` holds a reference to the view and is freed
 * with hr_reach_free(). `options` may be NULL.
 *
 * Returns HR_OK, HR_EINVAL (also for a condition with an unknown field, with HR_WHERE_SUFFIX on
 * another field than `authority`, or with a regex that RE2 does not accept) or HR_ENOMEM. */
HR_API int hr_reach_new(hr_reach **out, hr_view *view, const hr_reach_options *options);

/* Frees the answers and all that is reached through them. Does nothing for NULL. */
HR_API void hr_reach_free(hr_reach *reach);

/* One rule for the authorities of one virtual host, or the answer to requests that no rule takes.
 * Start from HR_REACHED_INIT; pointers live as long as the hr_reach. */
typedef struct hr_reached {
    unsigned version;   /* HR_REACHED_VERSION */
    hr_str host;        /* The first of its authorities: "a.com", "*.a.com", or "*" for others. */
    hr_diff_rule place; /* `virtual_service` is absent for a default route and for no route. */
    hr_reach_state state;
    const hr_request *witness; /* As a client sends it; NULL unless `state` is HR_REACH_SOME. */
    const hr_draws *draws; /* For the witness: one for each outcome that its rule has configured, by
                            * weights and by the percentages of faults and mirrors. */
    size_t n_draws;
    const hr_diff_rule *earlier; /* HR_REACH_NEVER: the rules that together take all of its requests
                                  * first; none if its own conditions exclude each other. */
    size_t n_earlier;
    hr_str reason; /* Why it is undecided; else absent. */
} hr_reached;
#define HR_REACHED_VERSION 1
#define HR_REACHED_INIT                                                                            \
    {                                                                                              \
        HR_REACHED_VERSION, {NULL, 0}, {{NULL, 0}, 0, 0, {NULL, 0}, 0}, HR_REACH_NEVER, NULL,      \
            NULL, 0, NULL, 0, {                                                                    \
            NULL, 0                                                                                \
        }                                                                                          \
    }

/* Returns the number of entries, 0 for NULL. */
HR_API size_t hr_reach_count(const hr_reach *reach);

/* Describes the entry at `index`: virtual host by virtual host, rules in their order. Returns
 * HR_OK, HR_ENOENT beyond the last one, or HR_EINVAL. */
HR_API int hr_reach_get(hr_reached *out, const hr_reach *reach, size_t index);

#ifdef __cplusplus
}
#endif
#endif
