/*
 * Differences: what a change of the rules changes, for all requests.
 *
 *     hr_diff *diff;
 *     hr_diff_region region = HR_DIFF_REGION_INIT;
 *     hr_diff_new(&diff, before, after, NULL);   // two tables; all views that either defines
 *     for (size_t i = 0; i < hr_diff_region_count(diff); i++)
 *         hr_diff_region_get(&region, diff, i);
 *     hr_diff_free(diff);
 *
 * A region is a set of requests that one rule decides before and another, or a changed one, decides
 * after. Each region has a witness: a request that hr_route() decides differently on the two sides.
 * If hr_diff_complete() returns 1, no request outside of the regions is decided differently.
 * share/doc/headerroute/diff.md says for which requests that holds and what counts as a difference.
 *
 * Include <headerroute/headerroute.h>, which includes this file.
 */
#ifndef HEADERROUTE_DIFF_H
#define HEADERROUTE_DIFF_H

#include <headerroute/load.h>
#include <headerroute/route.h>
#include <headerroute/types.h>
#include <headerroute/view.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What about a decision differs: bits of a set. */
typedef enum hr_change {
    HR_CHANGE_DESTINATION = 1 << 0, /* Action, cluster, host, subset, port, and the answer if no
                                     * endpoint is left. */
    HR_CHANGE_WEIGHTS = 1 << 1,
    HR_CHANGE_REDIRECT = 1 << 2,
    HR_CHANGE_REWRITE = 1 << 3, /* Path and authority. */
    HR_CHANGE_DIRECT_RESPONSE = 1 << 4,
    HR_CHANGE_TIMEOUT = 1 << 5,
    HR_CHANGE_RETRIES = 1 << 6,
    HR_CHANGE_MIRRORS = 1 << 7,
    HR_CHANGE_FAULT = 1 << 8,
    HR_CHANGE_CORS = 1 << 9,
    HR_CHANGE_HEADERS = 1 << 10,        /* Operations on request and response headers. */
    HR_CHANGE_LOAD_BALANCER = 1 << 11,  /* With its hash policy and ring sizes. */
    HR_CHANGE_ENDPOINTS = 1 << 12,      /* Labels of the subset, and endpoints of the cluster. */
    HR_CHANGE_TRAFFIC_POLICY = 1 << 13, /* Connection pool, outlier detection, TLS; compared only if
                                         * the options name it. */
    HR_CHANGE_VIEW = 1 << 14            /* One side has no such Gateway or server. */
} hr_change;
#define HR_CHANGE_COUNT 15
/* What hr_diff_new() compares by default: all of what a decision shows. */
#define HR_CHANGE_DEFAULT (((1u << HR_CHANGE_COUNT) - 1) & ~(unsigned)HR_CHANGE_TRAFFIC_POLICY)

/* Returns the name of the change 1 << `bit`, "destination" for example, or NULL from
 * HR_CHANGE_COUNT on. */
HR_API const char *hr_change_name(size_t bit);

/* How to compare. Start from HR_DIFF_OPTIONS_INIT; 0 and NULL choose the defaults. */
typedef struct hr_diff_options {
    unsigned version;            /* HR_DIFF_OPTIONS_VERSION */
    unsigned only;               /* hr_change bits to compare (default: HR_CHANGE_DEFAULT) */
    const hr_view_options *view; /* The one view to compare (default: all views of either table) */
    const hr_view_options *base; /* outbound_policy, repeated_headers and path_normalization of all
                                  * views; ignored if `view` is set. */
    uint64_t max_work;  /* Automaton steps after which a view is undecided (default: 200 million) */
    unsigned max_steps; /* Refinements after which a region is undecided (default: 20000) */
} hr_diff_options;
#define HR_DIFF_OPTIONS_VERSION 1
#define HR_DIFF_OPTIONS_INIT                                                                       \
    { HR_DIFF_OPTIONS_VERSION, 0, NULL, NULL, 0, 0 }

/* The differences of two tables. Immutable: any number of threads may read it. */
typedef struct hr_diff hr_diff;

/* Compares two tables, which may be the same. `*out` holds references to both and is freed with
 * hr_diff_free(). `options` may be NULL.
 *
 * Returns HR_OK, HR_ENOENT if neither side has the view of the options, HR_EINVAL or HR_ENOMEM. */
HR_API int hr_diff_new(hr_diff **out, hr_table *before, hr_table *after,
                       const hr_diff_options *options);

/* Frees the differences and all that is reached through them. Does nothing for NULL. */
HR_API void hr_diff_free(hr_diff *diff);

/* The `namespace_` of a mesh view that is compared for all namespaces that the two tables treat
 * alike, where `default` is not one of them. No namespace of Kubernetes has a blank; should a file
 * have the name all the same, full stops follow it. */
#define HR_DIFF_OTHER_NAMESPACE "any other namespace"

/* A view that was compared. Start from HR_DIFF_VIEW_INIT; pointers live as long as the diff. */
typedef struct hr_diff_view {
    unsigned version; /* HR_DIFF_VIEW_VERSION */
    hr_str gateway;   /* "mesh" or "namespace/name" */
    uint16_t port;
    hr_str namespace_;
    const hr_pair *source_labels;
    size_t n_source_labels;
    size_t regions;                /* All regions that were compared. */
    size_t changed;                /* Those with different decisions. */
    size_t undecided;              /* Places that were not decided. */
    const hr_view *before, *after; /* NULL if that side lacks the view or nothing differs. */
} hr_diff_view;
#define HR_DIFF_VIEW_VERSION 1
#define HR_DIFF_VIEW_INIT                                                                          \
    { HR_DIFF_VIEW_VERSION, {NULL, 0}, 0, {NULL, 0}, NULL, 0, 0, 0, 0, NULL, NULL }

/* Returns the number of views that were compared, 0 for NULL. */
HR_API size_t hr_diff_view_count(const hr_diff *diff);

/* Describes the view at `index`. Returns HR_OK, HR_ENOENT beyond the last one, or HR_EINVAL. */
HR_API int hr_diff_view_get(hr_diff_view *out, const hr_diff *diff, size_t index);

typedef enum hr_where_op {
    HR_WHERE_EXACT = 0,
    HR_WHERE_PREFIX,
    HR_WHERE_SUFFIX,
    HR_WHERE_REGEX,
    HR_WHERE_PRESENT
} hr_where_op;

/* Returns "exact", "prefix", "suffix", "regex" or "present", or NULL if the value is unknown. */
HR_API const char *hr_where_op_name(hr_where_op op);

/* One condition of a region. For `authority`, exact and suffix compare as virtual hosts do: letter
 * case and a port are ignored. A regex sees the authority as it is sent. A condition on a header
 * or query parameter that a request lacks does not hold, and holds if it is `negated`. Its layout
 * is fixed. */
typedef struct hr_where {
    hr_str
        field; /* "method", "scheme", "authority", "path", "headers[NAME]" or "queryParams[NAME]" */
    hr_where_op op;
    hr_str value; /* Absent for HR_WHERE_PRESENT. */
    int negated;
    hr_str words; /* For a regex that the library made, text for people: "a.com or one of 3 other
                   * names"; else absent. */
} hr_where;

/* Conditions that hold together. Its layout is fixed. */
typedef struct hr_where_list {
    const hr_where *v;
    size_t n;
} hr_where_list;

/* The rule that decides on one side. Its layout is fixed. */
typedef struct hr_diff_rule {
    hr_str virtual_service; /* "namespace/name", or "HTTPRoute namespace/name" and the like: the
                             * resource with the rule. Absent: no rule, or the default route of a
                             * service. */
    int32_t route_index, match_index;
    hr_str file; /* Absent if there is none. */
    int line;
} hr_diff_rule;

/* A region with different decisions: the requests for which all of `where` and none of `except`
 * holds. Start from HR_DIFF_REGION_INIT; pointers live as long as the diff. */
typedef struct hr_diff_region {
    unsigned version; /* HR_DIFF_REGION_VERSION */
    size_t view;      /* Index of its hr_diff_view. */
    hr_where_list where;
    const hr_where_list *except;
    size_t n_except;
    unsigned changed; /* hr_change bits */
    hr_diff_rule before, after;
    const hr_request *witness; /* An example, as a client sends it: pass it to hr_edge_request()
                                * first. Its draws are chosen so that the difference shows. */
} hr_diff_region;
#define HR_DIFF_REGION_VERSION 1
#define HR_DIFF_REGION_INIT                                                                        \
    {                                                                                              \
        HR_DIFF_REGION_VERSION, 0, {NULL, 0}, NULL, 0, 0, {{NULL, 0}, 0, 0, {NULL, 0}, 0},         \
            {{NULL, 0}, 0, 0, {NULL, 0}, 0}, NULL                                                  \
    }

/* Returns the number of regions with different decisions, 0 for NULL. */
HR_API size_t hr_diff_region_count(const hr_diff *diff);

/* Describes the region at `index`, view by view. Returns HR_OK, HR_ENOENT beyond the last one, or
 * HR_EINVAL. */
HR_API int hr_diff_region_get(hr_diff_region *out, const hr_diff *diff, size_t index);

/* Something that was not decided. Start from HR_DIFF_UNDECIDED_INIT; strings live as long as the
 * diff. */
typedef struct hr_diff_undecided {
    unsigned version; /* HR_DIFF_UNDECIDED_VERSION */
    size_t view;      /* Index of its hr_diff_view. */
    hr_str reason;
    hr_diff_rule before, after; /* The rules at which it was not decided. */
} hr_diff_undecided;
#define HR_DIFF_UNDECIDED_VERSION 1
#define HR_DIFF_UNDECIDED_INIT                                                                     \
    {                                                                                              \
        HR_DIFF_UNDECIDED_VERSION, 0, {NULL, 0}, {{NULL, 0}, 0, 0, {NULL, 0}, 0}, {                \
            {NULL, 0}, 0, 0, {NULL, 0}, 0                                                          \
        }                                                                                          \
    }

/* Returns the number of places that were not decided, 0 for NULL. */
HR_API size_t hr_diff_undecided_count(const hr_diff *diff);

/* Describes what was not decided at `index`, view by view. Returns HR_OK, HR_ENOENT beyond the
 * last one, or HR_EINVAL. */
HR_API int hr_diff_undecided_get(hr_diff_undecided *out, const hr_diff *diff, size_t index);

/* Returns 1 if everything was decided, so that no request outside of the regions is decided
 * differently; else 0. */
HR_API int hr_diff_complete(const hr_diff *diff);

/* Finds the region that a request to the view at index `view` lies in; `*out` receives its index.
 * The request is as a client sends it; hr_edge_request() is applied here. `scratch` is used for
 * both sides.
 *
 * Returns HR_OK, HR_ENOENT if it is in no region, HR_EREQUEST if no HTTP parser would pass the
 * request, HR_EINVAL (also for a request with `connect_to`) or HR_ENOMEM. */
HR_API int hr_diff_locate(size_t *out, const hr_diff *diff, size_t view, const hr_request *request,
                          hr_scratch *scratch);

#ifdef __cplusplus
}
#endif
#endif
