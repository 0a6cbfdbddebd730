/*
 * Balancing: from a decision to an endpoint of its cluster, as Envoy's load balancers choose it.
 *
 * Include <headerroute/headerroute.h>, which includes this file.
 */
#ifndef HEADERROUTE_BALANCE_H
#define HEADERROUTE_BALANCE_H

#include <headerroute/route.h>
#include <headerroute/types.h>
#include <headerroute/view.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What the caller knows of one endpoint. Arrays of it are in the order of `cluster->endpoints`. Its
 * layout is fixed. */
typedef struct hr_endpoint_state {
    uint32_t active;      /* Requests that the endpoint has not answered yet. */
    uint8_t unusable;     /* 1: ejected, draining, or tried already for this request. */
    uint8_t warm_percent; /* 100: fully warm. 0 counts as 100. */
} hr_endpoint_state;

/* The rotation of a round robin. Keep one for each cluster and thread and set it to 0 first. Its
 * layout is fixed. */
typedef struct hr_cursor {
    uint64_t rotation;
} hr_cursor;

/* The hash rings (RING_HASH) or tables (MAGLEV) of a cluster over its usable endpoints. Immutable:
 * any number of threads may use them. */
typedef struct hr_rings hr_rings;

/* Builds the rings of a cluster over the endpoints that are not `unusable` in `states`.
 *
 * Envoy builds them again when an endpoint is ejected or comes back, which also moves keys of
 * endpoints that stay. To get the same result, build new rings when health changes and keep them
 * until the next change; mark ejected endpoints only, not those tried already. Building takes as
 * long as in hr_view_new(). The view of the cluster must outlive the rings, which hr_rings_free()
 * frees.
 *
 * Returns HR_OK, HR_EINVAL (also if the cluster's balancer is neither RING_HASH nor MAGLEV), or
 * HR_ENOMEM. */
HR_API int hr_rings_new(hr_rings **out, const hr_cluster *cluster, const hr_endpoint_state *states);

/* Frees rings. Does nothing for NULL. */
HR_API void hr_rings_free(hr_rings *rings);

/* How to choose one endpoint. Start from HR_PICK_INIT. */
typedef struct hr_pick {
    unsigned version;                /* HR_PICK_VERSION */
    const hr_endpoint_state *states; /* One for each endpoint. NULL: all are idle and usable. */
    uint64_t random;                 /* 64 fresh random bits. */
    int has_hash;                    /* 1: `hash` is set. */
    uint64_t hash;                   /* From hr_request_hash(). */
    const hr_rings *rings; /* NULL: the rings over all endpoints, of which unusable ones are
                            * skipped. */
} hr_pick;
#define HR_PICK_VERSION 1
#define HR_PICK_INIT                                                                               \
    { HR_PICK_VERSION, NULL, 0, 0, 0, NULL }

/* Chooses an endpoint by the cluster's load balancer; `*out` receives its index. Reads the cluster,
 * `pick` and its states, and changes only the cursor. Takes no lock.
 *
 * Returns HR_OK, HR_ENOENT if no endpoint is usable, or HR_EINVAL. */
HR_API int hr_balance(size_t *out, const hr_cluster *cluster, hr_cursor *cursor,
                      const hr_pick *pick);

/* Computes Envoy's hash of a request by decision->hash_policy. `source_ip` is the peer's address
 * as text.
 *
 * If a cookie has a ttl and the request lacks it, the caller makes it: add it to the request and
 * call this function again.
 *
 * Returns HR_OK, HR_ENOENT if the request has no usable key (choose at random then), HR_EINVAL or
 * HR_ENOMEM. */
HR_API int hr_request_hash(uint64_t *out, const hr_decision *decision, const hr_request *request,
                           hr_str source_ip, hr_scratch *scratch);

#ifdef __cplusplus
}
#endif
#endif
