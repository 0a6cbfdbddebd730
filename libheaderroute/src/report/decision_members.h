/*
 * The members of a decision's JSON, a row each, in order. json.c writes a decision by these rows;
 * docs/decision.schema.json, what a test case may expect of a decision, and the Python classes are
 * made of the same rows by scripts/decision_schema.py. json_members.h has the kinds of rows.
 */
#ifndef HR_DECISION_MEMBERS_H
#define HR_DECISION_MEMBERS_H

#include "json_members.h"

#define HR_ENDPOINT_MEMBERS(M)                                                                     \
    M(string_or_null, name, "pod or workload", x->name)                                            \
    M(string, address, "", x->address)                                                             \
    M(integer, port, "", x->port)                                                                  \
    M(map, labels, "", x->labels, x->n_labels)                                                     \
    M(integer, weight, "", x->weight)

#define HR_WORKLOAD_MEMBERS(M)                                                                     \
    M(string, kind, "", x->kind)                                                                   \
    M(string, name, "namespace/name", x->name)                                                     \
    M(place, source, "file:line", x->file, x->line)

#define HR_RULE_MEMBERS(M)                                                                         \
    M(string, kind, "VirtualService, HTTPRoute or GRPCRoute", x->rule_kind)                        \
    M(string, name, "namespace/name", x->rule_name)

#define HR_DESTINATION_MEMBERS(M)                                                                  \
    M(string, host, "fully qualified", x->destination_host)                                        \
    M(string_or_null, subset, "", x->destination_subset)                                           \
    M(integer, port, "", x->destination_port)

#define HR_UPSTREAM_MEMBERS(M)                                                                     \
    M(string, path, "with the query, after normalization and rewrite", x->path)                    \
    M(string, authority, "", x->authority)                                                         \
    M(pairs, headers, "after all operations, names in lower case, without proxy_headers",          \
      x->headers, x->n_headers)                                                                    \
    M(map, proxy_headers, "headers that the proxy sets before routing", x->proxy_headers,          \
      x->n_proxy_headers)

#define HR_RETRIES_MEMBERS(M)                                                                      \
    M(integer, attempts, "", x->attempts)                                                          \
    M(strings, retry_on, "", x->retry_on, x->n_retry_on)                                           \
    M(integers, status_codes, "", x->status_codes, x->n_status_codes)                              \
    M(integer_or_null, per_try_timeout_ms, "", x->per_try_timeout_ms, x->per_try_timeout_ms >= 0)  \
    M(integer, backoff_ms, "", x->backoff_ms)                                                      \
    M(boolean, remote_localities, "", x->remote_localities)                                        \
    M(boolean, ignore_previous_hosts, "", x->ignore_previous_hosts)

#define HR_REDIRECT_MEMBERS(M)                                                                     \
    M(integer, code, "", x->redirect_code)                                                         \
    M(string, location, "", x->redirect_location)

#define HR_DIRECT_RESPONSE_MEMBERS(M)                                                              \
    M(integer, status, "", x->direct_response_status)                                              \
    M(string_or_null, body, "", x->direct_response_body)

#define HR_LOCAL_REPLY_MEMBERS(M)                                                                  \
    M(integer, status, "", x->status)                                                              \
    M(string_or_null, flag, "", x->flag)                                                           \
    M(string, body, "", x->body)

#define HR_HEADER_OPERATIONS_MEMBERS(M)                                                            \
    M(strings, remove, "", x->remove, x->n_remove)                                                 \
    M(pairs, set, "", x->set, x->n_set)                                                            \
    M(pairs, add, "", x->add, x->n_add)

#define HR_MIRROR_MEMBERS(M)                                                                       \
    M(string, cluster, "", x->cluster_name)                                                        \
    M(number, percentage, "", x->percentage)                                                       \
    M(boolean, fires, "", x->fires)

#define HR_FAULT_MEMBERS(M)                                                                        \
    M(integer_or_null, delay_ms, "", x->delay_ms, x->delay_ms >= 0)                                \
    M(boolean, delay_fires, "", x->delay_fires)                                                    \
    M(integer_or_null, abort_status, "", x->abort_status, x->abort_status != 0)                    \
    M(string_or_null, abort_grpc_status, "", x->abort_grpc_status)                                 \
    M(boolean, abort_fires, "", x->abort_fires)

#define HR_CORS_MEMBERS(M)                                                                         \
    M(matchers, allow_origins, "", x->cors->allow_origins, x->cors->n_allow_origins)               \
    M(strings, allow_methods, "", x->cors->allow_methods, x->cors->n_allow_methods)                \
    M(strings, allow_headers, "", x->cors->allow_headers, x->cors->n_allow_headers)                \
    M(strings, expose_headers, "", x->cors->expose_headers, x->cors->n_expose_headers)             \
    M(integer_or_null, max_age_s, "", x->cors->max_age_s, x->cors->max_age_s >= 0)                 \
    M(boolean_or_null, allow_credentials, "", x->cors->allow_credentials)                          \
    M(boolean, forward_unmatched_preflights, "", x->cors->forward_unmatched_preflights)            \
    M(boolean, origin_allowed, "for this request", x->cors_origin_allowed)                         \
    M(boolean, preflight, "this request is answered as a preflight", x->cors_preflight)

#define HR_HASH_POLICY_MEMBERS(M)                                                                  \
    M(choice, kind, "", hr_hash_kind_name, x->kind, true)                                          \
    M(string_or_null, name, "", x->name)                                                           \
    M(integer_or_null, ttl_ms, "", x->ttl_ms, x->ttl_ms >= 0)                                      \
    M(string_or_null, path, "", x->path)

/* x->d is the decision, the rest what it means for the request. */
#define HR_DECISION_MEMBERS(M)                                                                     \
    M(choice, action, "", hr_action_name, x->d->action, true)                                      \
    M(string_or_null, virtual_service,                                                             \
      "namespace/name; a service's default route and rules of other kinds have none",              \
      x->d->virtual_service)                                                                       \
    M(object_or_null, rule, "", rule, x->d->rule_name.p == NULL ? NULL : x->d)                     \
    M(string_or_null, route_name, "", x->d->route_name)                                            \
    M(integer_or_null, route_index,                                                                \
      "in spec.http of the VirtualService that wrote the rule, in spec.rules of an HTTPRoute",     \
      x->d->route_index, x->d->route_index >= 0)                                                   \
    M(integer_or_null, match_index, "in that route's match list, if it has one",                   \
      x->d->match_index, x->d->match_index >= 0)                                                   \
    M(place, source, "file:line of the rule", x->d->source_file, x->d->source_line)                \
    M(string_or_null, delegate,                                                                    \
      "namespace/name of the rule's writer, if the root delegates to it", x->d->delegate)          \
    M(integer_or_null, root_route_index, "in spec.http of virtual_service itself",                 \
      x->d->root_route_index, x->d->root_route_index >= 0)                                         \
    M(place, root_source, "file:line of that rule, if it names a delegate",                        \
      x->d->root_source_file, x->d->root_source_line)                                              \
    M(string_or_null, cluster, "outbound|PORT|SUBSET|FQDN, as Istio names it", x->d->cluster_name) \
    M(object_or_null, destination, "", destination,                                                \
      x->d->destination_host.p == NULL ? NULL : x->d)                                              \
    M(map, labels, "the subset's", x->cluster->labels, x->cluster->n_labels)                       \
    M(objects, endpoints, "ready members of the cluster, in the order of the configuration",       \
      endpoint, x->cluster->n_endpoints, x->cluster->endpoints[i])                                 \
    M(boolean, endpoints_known,                                                                    \
      "false: no Pod, EndpointSlice or workload shows what the endpoints are",                     \
      x->cluster->endpoints_known)                                                                 \
    M(objects, workloads,                                                                          \
      "if the endpoints are unknown: what makes the pods that would be endpoints", workload,       \
      x->cluster->n_workloads, &x->cluster->workloads[i])                                          \
    M(object_or_null, upstream, "the request that the upstream receives", upstream, x->upstream)   \
    M(integer_or_null, timeout_ms, "", x->d->timeout_ms, x->d->timeout_ms >= 0)                    \
    M(object_or_null, retries, "", retries, x->d->retries)                                         \
    M(object_or_null, redirect, "", redirect, x->d->redirect_code == 0 ? NULL : x->d)              \
    M(object_or_null, direct_response, "", direct_response,                                        \
      x->d->action == HR_ACTION_DIRECT_RESPONSE ? x->d : NULL)                                     \
    M(object_or_null, local_reply, "the data plane's own answer, with Envoy's response flag",      \
      local_reply, x->d->local_reply.status == 0 ? NULL : &x->d->local_reply)                      \
    M(boolean, closes_connection, "the data plane closes the connection without an answer",        \
      x->d->closes_connection)                                                                     \
    M(objects, request_headers, "one a level (destination, route), in the order they are applied", \
      header_operations, x->d->n_request_headers, x->d->request_headers[i])                        \
    M(objects, response_headers, "", header_operations, x->d->n_response_headers,                  \
      x->d->response_headers[i])                                                                   \
    M(objects, mirrors, "", mirror, x->d->n_mirrors, &x->d->mirrors[i])                            \
    M(object_or_null, fault, "", fault, hr_has_fault(x->d) ? x->d : NULL)                          \
    M(object_or_null, cors, "", cors, x->d->cors == NULL ? NULL : x->d)                            \
    M(objects, hash_policy, "", hash_policy, x->d->n_hash_policy, &x->d->hash_policy[i])           \
    M(choice_or_null, load_balancer, "", hr_lb_name, x->d->lb, x->d->has_lb)                       \
    M(strings, caveats, "sentences on what the decision does not take into account", x->caveats,   \
      x->n_caveats)

typedef struct hr_shown_upstream {
    hr_str path, authority;
    hr_pair *headers, *proxy_headers;
    size_t n_headers, n_proxy_headers;
} hr_shown_upstream;

typedef struct hr_shown_decision {
    const hr_decision *d;
    const hr_cluster *cluster;         /* never NULL */
    const hr_shown_upstream *upstream; /* NULL: the request is answered here */
    const hr_str *caveats;
    size_t n_caveats;
} hr_shown_decision;

static inline bool hr_has_fault(const hr_decision *d) {
    return d->delay_ms >= 0 || d->abort_status != 0 || d->abort_grpc_status.p != NULL;
}

/* O(name, type of x, rows, about): objects that have members, parts before what they are part of.
 */
#define HR_DECISION_OBJECTS(O)                                                                     \
    O(endpoint, hr_endpoint, HR_ENDPOINT_MEMBERS, "")                                              \
    O(workload, hr_workload, HR_WORKLOAD_MEMBERS,                                                  \
      "A Deployment, StatefulSet, Job, Rollout or the like.")                                      \
    O(rule, hr_decision, HR_RULE_MEMBERS, "The resource that has the rule.")                       \
    O(destination, hr_decision, HR_DESTINATION_MEMBERS, "")                                        \
    O(upstream, hr_shown_upstream, HR_UPSTREAM_MEMBERS, "The request that the upstream receives.") \
    O(retries, hr_retry_policy, HR_RETRIES_MEMBERS, "")                                            \
    O(redirect, hr_decision, HR_REDIRECT_MEMBERS, "")                                              \
    O(direct_response, hr_decision, HR_DIRECT_RESPONSE_MEMBERS, "")                                \
    O(local_reply, hr_local_reply, HR_LOCAL_REPLY_MEMBERS,                                         \
      "The data plane's own answer, with Envoy's response flag.")                                  \
    O(header_operations, hr_header_ops, HR_HEADER_OPERATIONS_MEMBERS,                              \
      "In the order Envoy applies them: all of remove, then set, then add.")                       \
    O(mirror, hr_mirror, HR_MIRROR_MEMBERS, "")                                                    \
    O(fault, hr_decision, HR_FAULT_MEMBERS, "")                                                    \
    O(cors, hr_decision, HR_CORS_MEMBERS, "")                                                      \
    O(hash_policy, hr_hash_policy, HR_HASH_POLICY_MEMBERS, "")                                     \
    O(decision, hr_shown_decision, HR_DECISION_MEMBERS, "What to do with one request.")

/* hr_json_put_retries(w, policy) and so on write the object. */
#define HR_DECLARE_PUT(name, type, rows, about)                                                    \
    void hr_json_put_##name(hr_json_writer *w, const type *x);
HR_DECISION_OBJECTS(HR_DECLARE_PUT)
#undef HR_DECLARE_PUT

#endif
