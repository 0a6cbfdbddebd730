/*
 * Routing: from a request to a decision, and from a decision to what is sent.
 *
 * Include <headerroute/headerroute.h>, which includes this file.
 */
#ifndef HEADERROUTE_ROUTE_H
#define HEADERROUTE_ROUTE_H

#include <headerroute/types.h>
#include <headerroute/view.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- requests ----------------------------------------------------------------------------- */

/* The random numbers of one request, each in [0, 1). `weight` chooses the destination whose
 * interval holds floor(weight * sum of weights). A percentage p fires if floor(draw * 1000000) is
 * less than trunc(p * 10000). Its layout is fixed. */
typedef struct hr_draws {
    double weight, delay, abort, mirror;
} hr_draws;

/* What the caller knows of the connection of a request. Start from HR_CONNECTION_INIT; members
 * that stay absent or 0 are unknown. hr_edge_request() and header values with formatter commands
 * (share/doc/headerroute/routing.md lists them) read it. The library itself reads no clock, draws
 * no random number and uses no socket. */
typedef struct hr_connection {
    unsigned version;     /* HR_CONNECTION_VERSION */
    hr_str peer_address;  /* IP literal of the other end. */
    hr_str local_address; /* IP literal of this end. */
    uint16_t peer_port, local_port;
    hr_str client_address;        /* The client as trusted proxies name it; absent: the peer.
                                   * hr_edge_request() sets it. */
    unsigned trusted_proxies;     /* numTrustedProxies: how many proxies in front, which append to
                                   * x-forwarded-for, are trusted. */
    hr_str request_id;            /* A fresh x-request-id for a request that gets one. */
    hr_str forwarded_client_cert; /* x-forwarded-client-cert of a verified client certificate, as
                                   * SANITIZE_SET writes it; absent: the client sent none. */
    hr_str protocol;              /* Default: "HTTP/1.1". */
    hr_str server_name;    /* SNI, empty if the client sent none. It chooses among TLS servers
                            * of a port. Absent: not known; the host of `authority` is used. */
    int64_t start_time_us; /* When the first byte of the request arrived, in microseconds since
                            * 1970-01-01 UTC. */
    const hr_pair *facts;  /* Values of other commands, by the command's text without '%':
                            * {"HOSTNAME", "gw-1"}, {"DOWNSTREAM_TLS_VERSION", "TLSv1.3"},
                            * {"ENVIRONMENT(POD)", "gw-1"}. */
    size_t n_facts;
} hr_connection;
#define HR_CONNECTION_VERSION 1
#define HR_CONNECTION_INIT                                                                         \
    {                                                                                              \
        HR_CONNECTION_VERSION, {NULL, 0}, {NULL, 0}, 0, 0, {NULL, 0}, 0, {NULL, 0}, {NULL, 0},     \
            {NULL, 0}, {NULL, 0}, 0, NULL, 0                                                       \
    }

/* An HTTP request. Start from HR_REQUEST_INIT. */
typedef struct hr_request {
    unsigned version;       /* HR_REQUEST_VERSION */
    hr_str method;          /* Default: "GET". */
    hr_str scheme;          /* Default: "http". */
    hr_str authority;       /* Host, with the port if the client sent one. */
    hr_str path;            /* With the query; begins with '/'. */
    const hr_pair *headers; /* In order, in any letter case, without pseudo headers and Host. Values
                             * have no blanks around them (RFC 9110 section 5.5). */
    size_t n_headers;
    hr_draws draws;
    int headers_checked; /* 1 if an HTTP parser has refused empty names, pseudo headers and control
                          * characters already; hr_route() then does not check for them again. */
    const hr_connection *connection; /* NULL: unknown. */
    size_t n_proxy_headers; /* How many of the last `headers` hr_edge_request() has set; else 0. */
    hr_str connect_to; /* In the mesh: the host name or IP literal that the client connects to, with
                        * or without a port. Istio binds listeners to the addresses of services
                        * whose port is not declared as HTTP; there the address decides, not Host.
                        * Absent: the authority. An address that no resource states is taken for
                        * that of a service without a known address, if the authority names it. */
    const hr_pair *claims; /* Claims of the JSON web token that a RequestAuthentication has
                            * validated, for conditions on claims behind a Gateway.
                            * The name of the claim c in the claim b is "b.c" or "[b][c]"; a list
                            * has an item for each of its strings. */
    size_t n_claims;
} hr_request;
#define HR_REQUEST_VERSION 1
#define HR_REQUEST_INIT                                                                            \
    {                                                                                              \
        HR_REQUEST_VERSION, {NULL, 0}, {NULL, 0}, {NULL, 0}, {NULL, 0}, NULL, 0, {0, 0, 0, 0}, 0,  \
            NULL, 0, {NULL, 0}, NULL, 0                                                            \
    }

/* Sets and removes the headers that a proxy of this view sets and removes before it chooses a
 * route, as Envoy does with Istio's settings. `*out` receives the request as the rules see it, in
 * the version of `request`; pass it to all later calls. A Gateway's proxies use the remote address
 * and trust `connection->trusted_proxies` others; a sidecar passes on what its application sends.
 * share/doc/headerroute/routing.md lists the headers.
 *
 * `request->connection` may be NULL. `request->scheme` says whether the connection is encrypted
 * ("https"). Without a fresh request id, x-request-id becomes
 * 00000000-0000-4000-8000-000000000000.
 *
 * `memory` has `*size` bytes, is aligned like malloc()'s, and may be NULL if `*size` is 0. `*out`
 * points into it, into the request and into its connection.
 *
 * Returns HR_OK, HR_ENOSPC with the size that suffices in `*size`, or HR_EINVAL. */
HR_API int hr_edge_request(hr_request *out, const hr_view *view, const hr_request *request,
                           void *memory, size_t *size);

/* Returns `value` without the spaces and tabs around it, which are not part of a header's value
 * (RFC 9110 section 5.5). For callers that parse messages. */
HR_API hr_str hr_trim_blanks(hr_str value);

/* ---- parts of a decision ------------------------------------------------------------------ */

/* The library makes the structs of this section. Those that a decision has a pointer to may grow
 * at their end in later versions. Those that come in arrays or inside another struct are fixed:
 * hr_mirror, hr_origin_match, hr_hash_policy and hr_local_reply. */

typedef enum hr_action {
    HR_ACTION_ROUTE = 0,
    HR_ACTION_REDIRECT,
    HR_ACTION_DIRECT_RESPONSE,
    HR_ACTION_NO_ROUTE,   /* No rule matches; the proxy answers 404. */
    HR_ACTION_PASSTHROUGH /* A host outside of the mesh, under HR_ALLOW_ANY. */
} hr_action;

/* Returns "route", "redirect", "direct_response", "no_route" or "passthrough", or NULL if the
 * value is unknown. */
HR_API const char *hr_action_name(hr_action action);

/* HTTPRetry of Istio, with its defaults filled in. */
typedef struct hr_retry_policy {
    int32_t attempts; /* In addition to the first one; 0: no retry. */
    const hr_str *retry_on;
    size_t n_retry_on;
    const uint16_t *status_codes;
    size_t n_status_codes;
    int64_t per_try_timeout_ms; /* -1: unset */
    int64_t backoff_ms;         /* Base interval. */
    int remote_localities;
    int ignore_previous_hosts;
} hr_retry_policy;

/* The header operations of one level, in the order in which Envoy applies them: remove, set, add.
 * Values are Envoy format strings. */
typedef struct hr_header_ops {
    const hr_str *remove;
    size_t n_remove;
    const hr_pair *set;
    size_t n_set;
    const hr_pair *add;
    size_t n_add;
} hr_header_ops;

typedef enum hr_string_match_kind {
    HR_MATCH_EXACT,
    HR_MATCH_PREFIX,
    HR_MATCH_REGEX
} hr_string_match_kind;

/* Returns "exact", "prefix" or "regex", or NULL if the value is unknown. */
HR_API const char *hr_string_match_kind_name(hr_string_match_kind kind);

typedef struct hr_origin_match {
    hr_string_match_kind kind;
    hr_str value;
} hr_origin_match;

/* CorsPolicy of Istio. */
typedef struct hr_cors_policy {
    const hr_origin_match *allow_origins;
    size_t n_allow_origins;
    const hr_str *allow_methods, *allow_headers, *expose_headers;
    size_t n_allow_methods, n_allow_headers, n_expose_headers;
    int64_t max_age_s;     /* -1: unset */
    int allow_credentials; /* -1: unset */
    int forward_unmatched_preflights;
} hr_cors_policy;

typedef enum hr_hash_kind {
    HR_HASH_HEADER,
    HR_HASH_COOKIE,
    HR_HASH_SOURCE_IP,
    HR_HASH_QUERY_PARAMETER
} hr_hash_kind;

/* Returns "header", "cookie", "source_ip" or "query_parameter", or NULL if the value is unknown. */
HR_API const char *hr_hash_kind_name(hr_hash_kind kind);

/* One key of consistentHash. */
typedef struct hr_hash_policy {
    hr_hash_kind kind;
    hr_str name;    /* Absent for the source IP. */
    int64_t ttl_ms; /* Of a cookie: -1 if unset, else a proxy makes a cookie that is missing. */
    hr_str path;    /* Of a cookie; absent if unset. */
} hr_hash_policy;

typedef struct hr_mirror {
    hr_str cluster_name;
    const hr_cluster *cluster; /* NULL: there is no such cluster, and no mirror is sent. */
    double percentage;
    int fires; /* 1: send this request to the mirror. */
} hr_mirror;

/* An answer by the proxy itself. */
typedef struct hr_local_reply {
    int status;  /* 0: none. */
    hr_str flag; /* Envoy's response flag: "NR", "NC", "UH", "FI"; absent if Envoy sets none. */
    hr_str body;
} hr_local_reply;

/* ---- decisions ---------------------------------------------------------------------------- */

/* What to do with one request. Start from HR_DECISION_INIT; it may be used again. Everything that
 * it points to is valid until the scratch is used for the next request, the view is released, or
 * the request changes. */
typedef struct hr_decision {
    unsigned version; /* HR_DECISION_VERSION */
    hr_action action;
    hr_str virtual_service; /* "namespace/name"; absent for a service's default route, and for the
                             * rules of other kinds of resources: see `rule_kind`. */
    hr_str route_name;
    int32_t route_index; /* In spec.http of the VirtualService or delegate, in spec.rules of an
                          * HTTPRoute or GRPCRoute; -1: none. */
    int32_t match_index; /* In the list of matches of that entry; -1: none. */
    hr_str source_file;  /* Where the rule is written; absent if there is none. */
    int source_line;
    hr_str cluster_name;       /* Absent if there is none. */
    const hr_cluster *cluster; /* NULL: there is no such cluster. */
    hr_str destination_host, destination_subset;
    uint16_t destination_port;
    int64_t timeout_ms;             /* -1: none */
    const hr_retry_policy *retries; /* NULL: none */
    int redirect_code;              /* 0: none */
    hr_str redirect_location;   /* The value of `location`. Also set for a direct response of 201 or
                                 * 3xx, which names the URL of the request. */
    int direct_response_status; /* 0: none */
    hr_str direct_response_body;
    hr_local_reply local_reply;
    int closes_connection; /* 1: the connection is closed without an answer (HR_REGISTRY_ONLY, and
                            * no listener for HTTP takes the call); local_reply.status is 0. */
    const hr_header_ops *const *request_headers; /* One item a level, in order. */
    size_t n_request_headers;
    const hr_header_ops *const *response_headers;
    size_t n_response_headers;
    const hr_mirror *mirrors;
    size_t n_mirrors;
    int64_t delay_ms; /* fault.delay; -1: not configured */
    int delay_fires;
    int abort_status;         /* fault.abort; 0: not configured */
    hr_str abort_grpc_status; /* Absent: not configured */
    int abort_fires;
    const hr_cors_policy *cors;        /* NULL: none */
    int cors_origin_allowed;           /* 1: the request has an origin that `cors` allows. */
    int cors_preflight;                /* 1: a preflight that the proxy answers. */
    const hr_hash_policy *hash_policy; /* For hr_request_hash(). */
    size_t n_hash_policy;
    int has_lb; /* 1: `lb` is set. */
    hr_lb lb;
    const void *internal;     /* The library's own. */
    hr_str delegate;          /* "namespace/name" of the VirtualService that wrote the rule, if
                               * `virtual_service` delegates to it; else absent. */
    int32_t root_route_index; /* In spec.http of `virtual_service`; -1: none. */
    const hr_view *view;      /* That decided. */
    hr_str root_source_file;  /* Where the rule of `virtual_service` is that names the delegate;
                               * absent without a delegate. */
    int root_source_line;
    hr_str rule_kind; /* "VirtualService", "HTTPRoute" or "GRPCRoute": the kind of the resource that
                       * has the rule; absent for a service's default route. */
    hr_str rule_name; /* Its "namespace/name". */
} hr_decision;
#define HR_DECISION_VERSION 1
#define HR_DECISION_INIT                                                                           \
    {                                                                                              \
        HR_DECISION_VERSION, HR_ACTION_ROUTE, {NULL, 0}, {NULL, 0}, 0, 0, {NULL, 0}, 0, {NULL, 0}, \
            NULL, {NULL, 0}, {NULL, 0}, 0, 0, NULL, 0, {NULL, 0}, 0, {NULL, 0},                    \
            {0, {NULL, 0}, {NULL, 0}}, 0, NULL, 0, NULL, 0, NULL, 0, 0, 0, 0, {NULL, 0}, 0, NULL,  \
            0, 0, NULL, 0, 0, HR_LB_LEAST_REQUEST, NULL, {NULL, 0}, 0, NULL, {NULL, 0}, 0,         \
            {NULL, 0}, {                                                                           \
            NULL, 0                                                                                \
        }                                                                                          \
    }

/* Decides one request. The same view and the same request always give the same decision. Takes no
 * lock and allocates nothing once the scratch is warm. Any number of threads may use one view,
 * each with its own scratch.
 *
 * Returns HR_OK, HR_EREQUEST for a request that no HTTP parser would pass (a path with %00, an
 * empty authority, control characters), HR_EINVAL, or HR_ENOMEM while the scratch still grows. On
 * failure, the members of `*out` are 0. */
HR_API int hr_route(hr_decision *out, const hr_view *view, const hr_request *request,
                    hr_scratch *scratch);

/* Lists, as sentences, what the decision does not take into account: resources of kinds that are
 * not evaluated and can concern this request, by their namespace, selector, hosts or
 * VirtualService; and Services that the table lacks. Most decisions have none.
 *
 * The list and its strings live in the scratch, as the decision does. `decision` is that of the
 * last hr_route() with the scratch, and `request` the one that it decided.
 *
 * Returns HR_OK, HR_EINVAL or HR_ENOMEM. */
HR_API int hr_decision_caveats(const hr_str **caveats, size_t *n, const hr_decision *decision,
                               const hr_request *request, hr_scratch *scratch);

/* Returns 1 if a VirtualService of the mesh has the host that was called, and its rules do not
 * apply because the table lacks the Service: the decision is then one about an incomplete table,
 * and hr_decision_caveats() has a sentence on it. Returns 0 otherwise, and for NULL. */
HR_API int hr_decision_lacks_service(const hr_decision *decision, const hr_request *request);

/* Returns 1 if a finding of the load is about the rule of a VirtualService or delegate that made
 * the decision: about the whole rule, or about the match or destination that was taken. So is one
 * about the subset of the DestinationRule. Returns 0 otherwise, and for NULL. The findings are
 * those of the table's own load (`lint` in hr_load_options adds the linter's). */
HR_API int hr_decision_has_finding(const hr_decision *decision, const hr_diagnostic *finding);

/* ---- explaining --------------------------------------------------------------------------- */

typedef enum hr_trace_kind {
    HR_TRACE_VIRTUAL_HOST = 0, /* The authority chose a virtual host; ok = 0: it has none. */
    HR_TRACE_RULE,             /* A rule (one match of one entry) was tried; ok = 1: it matched. */
    HR_TRACE_CONDITION,        /* A condition was tested; comes before the event of its rule. */
    HR_TRACE_OMITTED /* This view does not see a rule or VirtualService; `detail` says why. */
} hr_trace_kind;

/* Returns "virtual_host", "rule", "condition" or "omitted", or NULL if the value is unknown. */
HR_API const char *hr_trace_kind_name(hr_trace_kind kind);

/* One step of a decision. Later versions may add members at the end. */
typedef struct hr_trace_event {
    hr_trace_kind kind;
    int ok;
    hr_str virtual_service; /* That wrote the rule: the delegate, if the rule is delegated. Another
                             * kind of resource has its kind in front: "HTTPRoute ns/name". */
    hr_str file;
    int line;
    int32_t route_index, match_index;
    hr_str field;    /* For example "headers[target]" or "uri". */
    hr_str expected; /* For example "exact: condition1". */
    hr_str actual;   /* The value in the request; absent if it has none. */
    hr_str detail;   /* A sentence. */
} hr_trace_event;

/* The most bytes of `expected` and `actual`. A longer text is cut to its first HR_TRACE_MAX_TEXT
 * bytes (up to 3 fewer, so that no UTF-8 character is split) and its length: "aaaa[... 57344
 * bytes]". The size of a trace thus depends on the rules and not on the request. */
#define HR_TRACE_MAX_TEXT 256

/* Receives one event. The event and its strings are valid until the function returns. */
typedef void (*hr_trace_fn)(void *ctx, const hr_trace_event *event);

/* Decides as hr_route() does and reports each step to `trace`: every rule is tried in order until
 * one matches. Takes time with the number of rules. Returns what hr_route() returns. */
HR_API int hr_explain(hr_decision *out, const hr_view *view, const hr_request *request,
                      hr_scratch *scratch, hr_trace_fn trace, void *ctx);

/* ---- what is sent ------------------------------------------------------------------------- */

/* The request as the upstream receives it. Start from HR_UPSTREAM_INIT; strings are those of the
 * scratch, the view and the request. */
typedef struct hr_upstream {
    unsigned version; /* HR_UPSTREAM_VERSION */
    hr_str path;      /* With the query, after normalization and rewrite. */
    hr_str authority;
    const hr_pair *headers; /* After all operations, names in lower case, without what a proxy adds
                             * after routing. */
    size_t n_headers;
    int path_rewritten; /* 1: a proxy then adds x-envoy-original-path. */
} hr_upstream;
#define HR_UPSTREAM_VERSION 1
#define HR_UPSTREAM_INIT                                                                           \
    { HR_UPSTREAM_VERSION, {NULL, 0}, {NULL, 0}, NULL, 0, 0 }

/* Builds the upstream request of a decision with HR_ACTION_ROUTE or HR_ACTION_PASSTHROUGH.
 *
 * Returns HR_OK, HR_EINVAL (also for other actions), or HR_ENOMEM while the scratch still grows. */
HR_API int hr_upstream_request(hr_upstream *out, const hr_decision *decision,
                               const hr_request *request, hr_scratch *scratch);

/* A response, as far as the caller knows it. Start from HR_RESPONSE_INIT; members that stay absent
 * or 0 are unknown. */
typedef struct hr_response {
    unsigned version; /* HR_RESPONSE_VERSION */
    int status;
    int local;              /* 1: the proxy itself answers; Envoy then has no %RESPONSE_CODE%. */
    const hr_pair *headers; /* In order, in any letter case. */
    size_t n_headers;
    hr_str upstream_address; /* "ADDRESS:PORT" of the endpoint that answered. */
    hr_str flags;            /* Envoy's response flags, for example "UF,URX"; absent: none. */
    hr_str details;          /* Envoy's response code details, for example "via_upstream". */
    uint64_t attempts;       /* Upstream requests so far. */
    int64_t time_us;         /* The current time in microseconds since 1970-01-01 UTC. */
    const hr_pair *facts;    /* As in hr_connection, before whose facts they are looked up. */
    size_t n_facts;
} hr_response;
#define HR_RESPONSE_VERSION 1
#define HR_RESPONSE_INIT                                                                           \
    { HR_RESPONSE_VERSION, 0, 0, NULL, 0, {NULL, 0}, {NULL, 0}, {NULL, 0}, 0, 0, NULL, 0 }

/* Applies the header operations of a decision to the headers of a response. `*out` receives the
 * headers, in the scratch.
 *
 * Returns HR_OK, HR_EINVAL or HR_ENOMEM. */
HR_API int hr_response_headers(const hr_pair **out, size_t *n_out, const hr_decision *decision,
                               const hr_request *request, const hr_response *response,
                               hr_scratch *scratch);

/* Writes a decision and what is sent upstream as one line of JSON, zero-terminated, into the
 * scratch. share/doc/headerroute/decision.schema.json describes it.
 *
 * Returns HR_OK, HR_EINVAL or HR_ENOMEM. */
HR_API int hr_decision_json(hr_str *out, const hr_decision *decision, const hr_request *request,
                            hr_scratch *scratch);

#ifdef __cplusplus
}
#endif
#endif
