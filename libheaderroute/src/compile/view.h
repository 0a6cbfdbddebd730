/*
 * The compiled form: what one proxy on one port does with a request. A view has one or more route
 * tables; a table has virtual hosts; a virtual host has routes in order; a route has conditions and
 * an action. Everything is immutable once made and lives in the view's arena.
 */
#ifndef HR_VIEW_H
#define HR_VIEW_H

#include <stdatomic.h>
#include <stddef.h>

#include "map.h"
#include "messages.h"
#include "pos.h"

typedef struct hr_regex hr_regex;                               /* base/regex.h */
typedef struct hr_mesh_virtual_service hr_mesh_virtual_service; /* mesh/table.h */

/* ---- conditions ---- */

typedef struct hr_literal_filter hr_literal_filter;

/* A regex and what it is matched against: rules that share both share the verdict about a request.
 */
typedef struct hr_matcher {
    const hr_regex *regex; /* NULL: never matches */
    hr_str pattern;
    uint32_t number;  /* in the view */
    uint32_t literal; /* the number of a text that every match has, if there is a filter */
    const hr_literal_filter *filter; /* of the subject; NULL: none */
} hr_matcher;

/* Where values are short they lie behind the conditions of their route, so that a look at both is
 * one. */
typedef struct hr_cond {
    uint8_t kind;  /* hr_cond_kind */
    uint8_t match; /* hr_sm_kind: EXACT, PREFIX, REGEX or PRESENCE */
    bool invert; /* of withoutHeaders; a missing header then counts as empty, except for PRESENCE */
    uint32_t slot; /* of a header or a query parameter: the number of its name in the view;
                      STRIPPED: 1 for `te` */
    hr_str name;   /* lower case for headers */
    hr_str value;
    const hr_matcher *regex;
} hr_cond;

/* ---- actions ---- */

/* One destination, with everything that a decision says about it filled in beforehand. */
typedef struct hr_target {
    hr_decision decision;
    uint64_t weight_end; /* of its interval in the sum of weights */
    hr_str authority;    /* rewrites Host; absent: as the client sent it */
} hr_target;

typedef struct hr_view_redirect {
    hr_str path, prefix_rewrite, host, scheme; /* absent where unset */
    bool path_has_query;
    uint16_t port; /* 0: none */
    bool https;    /* httpsRedirect of a Gateway server */
} hr_view_redirect;

typedef struct hr_view_action {
    hr_action kind;
    hr_target *targets; /* one where the action is not a weighted route */
    size_t n_targets;
    uint64_t total_weight;
    /* rewrite */
    hr_str prefix_rewrite;
    const hr_regex *regex;
    hr_str pattern; /* of regex */
    hr_str substitution;
    hr_view_redirect redirect;
    /* fault */
    uint32_t delay_parts, abort_parts; /* per million */
    const hr_origin_match *cors_origins;
    const hr_regex **cors_regexes; /* one an origin; NULL if it is not a regex */
    bool needs_request; /* grpc-timeout, CORS, fault or mirrors: the decision depends on the request
                         */
    int64_t timeout_ms;
} hr_view_action;

/* ---- routes ---- */

typedef struct hr_index hr_index;

/* The resource that wrote routes, and all that they have in common: among many routes the one found
 * is in no cache, and what is shared by others may be. What a decision always reads is in the first
 * 64 bytes. */
typedef struct hr_origin {
    bool written;   /* false: a service's default route and the like */
    bool delegated; /* the members of the delegate below are set */
    hr_str kind;    /* of the resource: VirtualService, HTTPRoute, GRPCRoute */
    hr_str id;      /* "namespace/name" of it; of a delegated rule: of the root */
    hr_str file;
    const struct hr_mesh_author *author; /* the HTTPRoute or GRPCRoute; NULL: a VirtualService */
    const hr_mesh_virtual_service *vs;   /* NULL: not written */
    hr_str delegate;                     /* "namespace/name"; absent: the rule is not delegated */
    int32_t root_index;                  /* in spec.http of vs */
    hr_pos root_pos;                     /* of that rule, if it is delegated */
} hr_origin;
_Static_assert(offsetof(hr_origin, author) + sizeof(void *) <= 64, "one cache line");

/* One cache line: among many routes, one found is in no cache. Hence the lengths of 32 bits. */
typedef struct hr_view_route {
    uint8_t path_kind; /* hr_sm_kind: NONE (any path), EXACT, PREFIX, PATH_PREFIX, REGEX */
    bool ignore_case : 1;
    bool catch_all : 1;
    bool has_matcher : 1; /* path_kind is REGEX */
    uint16_t n_conds;
    int line;
    const hr_cond *conds;
    union {
        const char *text;
        const hr_matcher *matcher; /* if has_matcher */
    } path;
    const char *name; /* NULL: none */
    uint32_t path_len, name_len;
    const hr_view_action *action;
    const hr_origin *origin;
    int32_t route_index, match_index;
} hr_view_route;
_Static_assert(sizeof(hr_view_route) <= 64, "a route is one cache line");

/* The text or pattern that the path is compared with. */
static inline hr_str hr_view_route_path(const hr_view_route *route) {
    if (route->has_matcher)
        return route->path.matcher->pattern;
    return (hr_str){route->path.text, route->path_len};
}

static inline hr_str hr_view_route_name(const hr_view_route *route) {
    return (hr_str){route->name, route->name_len};
}

/* Routes of one or several VirtualServices in the order they are tried. */
typedef struct hr_route_list {
    hr_view_route *v;
    size_t n;
    const hr_index *index; /* NULL: walk */
} hr_route_list;

typedef struct hr_view_virtual_host {
    hr_str name;
    hr_str *domains;
    size_t n_domains;
    const hr_route_list *routes;
    bool require_tls; /* every request not of https is redirected */
} hr_view_virtual_host;

typedef struct hr_domain {
    hr_str name;
    const hr_view_virtual_host *vhost;
} hr_domain;

typedef struct hr_host_index {
    hr_map exact;   /* domain -> hr_view_virtual_host */
    hr_domain *few; /* the same where there are so few that comparing beats hashing; else NULL */
    size_t n_few;
    hr_map suffixes;        /* what follows the '*' of a wildcard domain -> hr_view_virtual_host */
    size_t *suffix_lengths; /* that occur, longest first */
    size_t n_suffix_lengths;
    const hr_view_virtual_host *any; /* domain `*`; NULL: none */
} hr_host_index;

typedef struct hr_route_table {
    hr_str *sni_hosts; /* of a TLS-terminating server; NULL: any request on the port */
    size_t n_sni_hosts;
    hr_view_virtual_host *vhosts;
    size_t n_vhosts;
    hr_host_index hosts;
    const hr_view_virtual_host
        *only; /* the one virtual host that every authority leads to; NULL: there are several */
} hr_route_table;

/* What this view does not see, and why: for explain. */
typedef struct hr_omitted {
    hr_str virtual_service, file;
    int line;
    int32_t route_index, match_index; /* -1: the whole VirtualService (or route) */
    hr_str reason;
} hr_omitted;

/* Up to this many names are compared one by one, those of one length. */
#define HR_FEW_NAMES 24

/* Names of headers (or of query parameters) that rules of the view ask for; a request's headers are
 * numbered by them once. */
typedef struct hr_name_table {
    hr_str *v; /* of headers: lower case */
    size_t n, capacity;
    hr_map numbers;   /* name -> number + 1 */
    uint64_t lengths; /* bit n: some name's length is n modulo 64 */
    /* Number + 1 of the first name whose length is n modulo 64, and of the next one behind a name:
     * for names of the first numbers. */
    uint8_t first[64], next[HR_FEW_NAMES];
} hr_name_table;

struct hr_view {
    atomic_size_t references;
    hr_table *table;
    hr_arena *arena;
    bool gateway;
    hr_str gateway_id;
    const hr_spec_server *server; /* of the Gateway; NULL: the mesh's view */
    hr_listener *served;          /* the listeners on its port */
    size_t n_served;
    uint16_t port;
    hr_str namespace_;
    hr_pair *labels;
    size_t n_labels;
    size_t n_stated_labels; /* the first of them; Istio adds the others */
    bool labels_known;      /* the proxy has no labels but these */
    hr_str locality;        /* "region/zone/subzone"; empty: unknown */
    hr_outbound_policy outbound_policy;
    hr_str
        sidecar; /* "namespace/name" of the Sidecar that narrows what the proxy sees; or absent */
    hr_repeated_headers repeated_headers;
    hr_path_normalization path_normalization;
    hr_resolve_fn resolve; /* while the view is made */
    void *resolve_ctx;
    hr_route_table *tables;
    size_t n_tables;
    /* Of the mesh: virtual hosts whose domains are what a client connects to, before any table is
     * looked at. NULL: no service on the port has a listener at its own address. */
    hr_route_table *listeners;
    hr_route_table *unplaced; /* those of them whose addresses no resource states: any address may
                                 be theirs; or NULL */
    const hr_cluster **clusters;
    size_t n_clusters, clusters_capacity;
    hr_map clusters_by_name;
    hr_name_table names;    /* of headers */
    hr_name_table params;   /* of query parameters */
    size_t n_verdicts;      /* numbers that matchers and filters have */
    size_t n_literal_words; /* of 64 bits: texts that regexes require, a bit each */
    HR_LIST(hr_omitted) omitted;
};

#endif
