/*
 * What a change to the rules changes, for all requests.
 *
 *     hr_diff *diff;
 *     hr_diff_new(&diff, before, after, NULL);          // two tables, all views that either
 * defines for (size_t i = 0; i < hr_diff_region_count(diff); i++) { ... } hr_diff_free(diff);
 *
 * A region is a set of requests that one rule decides before and another (or a changed one) decides
 * after. Each region has a witness: a request that hr_route was asked about on both sides. If
 * hr_diff_complete returns 1, no request outside of the regions is decided differently;
 * docs/diff.md says for which requests that holds and what counts as a difference.
 */
#ifndef HEADERROUTE_DIFF_H
#define HEADERROUTE_DIFF_H

#include <headerroute/headerroute.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What about a decision differs. */
typedef enum hr_change {
    HR_CHANGE_DESTINATION =
        1 << 0, /* action, cluster, host, subset, port, and the answer without an endpoint */
    HR_CHANGE_WEIGHTS = 1 << 1,
    HR_CHANGE_REDIRECT = 1 << 2,
    HR_CHANGE_REWRITE = 1 << 3, /* path and authority */
    HR_CHANGE_DIRECT_RESPONSE = 1 << 4,
    HR_CHANGE_TIMEOUT = 1 << 5,
    HR_CHANGE_RETRIES = 1 << 6,
    HR_CHANGE_MIRRORS = 1 << 7,
    HR_CHANGE_FAULT = 1 << 8,
    HR_CHANGE_CORS = 1 << 9,
    HR_CHANGE_HEADERS = 1 << 10,       /* operations on request and response headers */
    HR_CHANGE_LOAD_BALANCER = 1 << 11, /* with its hash policy and ring sizes */
    HR_CHANGE_ENDPOINTS = 1 << 12,     /* the subset's labels and the endpoints of the cluster */
    HR_CHANGE_TRAFFIC_POLICY =
        1 << 13,             /* connection pool, outlier detection, TLS: only if asked for */
    HR_CHANGE_VIEW = 1 << 14 /* one side has no such Gateway or server */
} hr_change;
#define HR_CHANGE_COUNT 15
/* All of what a decision shows; what hr_diff compares unless told otherwise. */
#define HR_CHANGE_DEFAULT (((1u << HR_CHANGE_COUNT) - 1) & ~(unsigned)HR_CHANGE_TRAFFIC_POLICY)
/* "destination", "weights", ...: the names of --only and of the JSON; NULL beyond HR_CHANGE_COUNT.
 */
HR_API const char *hr_change_name(size_t bit);

typedef struct hr_diff_options {
    unsigned version; /* HR_DIFF_OPTIONS_VERSION */
    unsigned only;    /* hr_change bits to compare; 0: HR_CHANGE_DEFAULT */
    /* The one view to compare; NULL: all views that either table defines. */
    const hr_view_options *view;
    /* For all views: outbound_policy, repeated_headers and path_normalization; NULL: the defaults.
     * Ignored if `view` is set. */
    const hr_view_options *base;
    uint64_t max_work;  /* automaton steps of one view before it is undecided; 0: 200 million */
    unsigned max_steps; /* refinements of one region before it is undecided; 0: 20000 */
} hr_diff_options;
#define HR_DIFF_OPTIONS_VERSION 1
#define HR_DIFF_OPTIONS_INIT                                                                       \
    { HR_DIFF_OPTIONS_VERSION, 0, 0, 0, 0, 0 }

typedef struct hr_diff hr_diff;

/* Compares two tables, which may be the same. Holds both until it is freed. options may be NULL.
 * HR_EINVAL, HR_ENOMEM, HR_ENOENT (the view of the options exists on neither side). */
HR_API int hr_diff_new(hr_diff **out, hr_table *before, hr_table *after,
                       const hr_diff_options *options);
HR_API void hr_diff_free(hr_diff *diff);

/* One view that was compared. Everything in it lives as long as the diff. */
typedef struct hr_diff_view {
    hr_str gateway; /* "mesh" or "namespace/name" */
    uint16_t port;
    hr_str namespace_;
    const hr_pair *source_labels;
    size_t n_source_labels;
    size_t regions;   /* that were told apart: the M of "N of M regions change" */
    size_t changed;   /* of them with different decisions */
    size_t undecided; /* places that were not decided */
    /* Borrowed; NULL: that side has no such view, or nothing differs. */
    const hr_view *before, *after;
} hr_diff_view;
/* The views that were compared, in order. HR_ENOENT beyond the last, HR_EINVAL. */
HR_API size_t hr_diff_view_count(const hr_diff *diff);
HR_API int hr_diff_view_get(hr_diff_view *out, const hr_diff *diff, size_t index);

typedef enum hr_where_op {
    HR_WHERE_EXACT = 0,
    HR_WHERE_PREFIX,
    HR_WHERE_SUFFIX,
    HR_WHERE_REGEX,
    HR_WHERE_PRESENT
} hr_where_op;

/* One condition of a region. For `authority`, exact and suffix compare as virtual hosts do (letter
 * case and a port are ignored), and a regex sees it as it is sent. A condition on a header or query
 * parameter that is absent does not hold (with `negated`: holds). */
typedef struct hr_where {
    /* "method", "scheme", "authority", "path", "headers[NAME]" or "queryParams[NAME]". */
    hr_str field;
    hr_where_op op;
    hr_str value; /* absent for HR_WHERE_PRESENT */
    int negated;
    /* A regex that the library made, as text for people: "a.com or one of 3 other names"; else
     * absent. */
    hr_str words;
} hr_where;

/* Conditions that hold together. */
typedef struct hr_where_list {
    const hr_where *v;
    size_t n;
} hr_where_list;

/* The rule that decides on one side. */
typedef struct hr_diff_rule {
    hr_str virtual_service; /* absent: no rule, or a service's default */
    int32_t route_index, match_index;
    hr_str file; /* absent where none */
    int line;
} hr_diff_rule;

/* A region is what meets all of `where` and none of `except`. */
typedef struct hr_diff_region {
    size_t view; /* index of its hr_diff_view */
    hr_where_list where;
    const hr_where_list *except;
    size_t n_except;
    unsigned changed; /* hr_change bits */
    hr_diff_rule before, after;
    const hr_request *witness; /* as a client sends it: give it to hr_edge_request first. Its draws
                                * make the difference visible where that takes one */
} hr_diff_region;
/* The regions with different decisions, view by view. HR_ENOENT beyond the last, HR_EINVAL. */
HR_API size_t hr_diff_region_count(const hr_diff *diff);
HR_API int hr_diff_region_get(hr_diff_region *out, const hr_diff *diff, size_t index);

/* Something that was not decided: why, and at which rules. */
typedef struct hr_diff_undecided {
    size_t view;
    hr_str reason;
    hr_diff_rule before, after;
} hr_diff_undecided;
/* What was not decided, view by view. HR_ENOENT beyond the last, HR_EINVAL. */
HR_API size_t hr_diff_undecided_count(const hr_diff *diff);
HR_API int hr_diff_undecided_get(hr_diff_undecided *out, const hr_diff *diff, size_t index);

/* 1: everything was decided, so that no request outside of the regions is decided differently. */
HR_API int hr_diff_complete(const hr_diff *diff);

/* The region that a request to a view lies in. The request is as a client sends it; what
 * hr_edge_request does is done here. HR_ENOENT: in none. HR_EREQUEST: no HTTP parser would pass the
 * request. HR_EINVAL (also for a request with `connect_to`), HR_ENOMEM. `scratch` is used for both
 * sides. */
HR_API int hr_diff_locate(size_t *out, const hr_diff *diff, size_t view, const hr_request *request,
                          hr_scratch *scratch);

#ifdef __cplusplus
}
#endif
#endif
