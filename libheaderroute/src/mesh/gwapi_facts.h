/*
 * The Gateway API as Istio's control plane takes it (pilot/pkg/config/kube/gateway of
 * istio.io/istio): listeners become servers of Gateways, HTTPRoutes and GRPCRoutes the rules of
 * VirtualServices, one for each listener and hostname. Kept beside the result: what was attached to
 * what, and what was not and why, for findings.
 */
#ifndef HR_GWAPI_FACTS_H
#define HR_GWAPI_FACTS_H

#include "arena.h"
#include "map.h"
#include "messages.h"
#include "table.h"

/* ---- listeners ---- */

typedef enum hr_listener_state {
    HR_LISTENER_USED = 0,
    HR_LISTENER_NOT_ISTIOS,     /* the class of its Gateway is another controller's */
    HR_LISTENER_CONFLICTED,     /* an earlier listener has its port and hostname */
    HR_LISTENER_NO_TLS,         /* HTTPS or TLS without `tls` */
    HR_LISTENER_BAD_PROTOCOL,   /* one that Istio does not have */
    HR_LISTENER_NO_CERTIFICATE, /* no certificate that it refers to may be used */
    HR_LISTENER_NO_ADDRESS,     /* the Gateway has addresses, and none that Istio takes */
    HR_LISTENER_NO_PROXIES,     /* the Gateway's addresses are Services of other namespaces */
    HR_LISTENER_NOT_ALLOWED     /* the Gateway takes no ListenerSets of the namespace */
} hr_listener_state;

typedef struct hr_mesh_listener {
    const hr_spec_gwapi_gateway *gateway;
    const hr_spec_listener_set *set; /* NULL: the listener is the Gateway's own */
    const hr_spec_listener *spec;
    hr_str
        id; /* "namespace/name" that Istio gives it; that of a ListenerSet, see id_of, may differ */
    hr_str *hosts; /* "namespace/hostname", as a server has them */
    size_t n_hosts;
    hr_listener_state state;
    const hr_spec_listener *winner; /* of CONFLICTED */
} hr_mesh_listener;

/* ---- routes ---- */

typedef enum hr_attachment_state {
    HR_ATTACHED = 0,
    HR_DENIED_NO_PARENT,  /* the parent is not among the resources, or is not Istio's */
    HR_DENIED_KIND,       /* the parent is of a kind that is not evaluated */
    HR_DENIED_PORT,       /* no listener on the port of the parentRef */
    HR_DENIED_SECTION,    /* no listener of the name that the parentRef has */
    HR_DENIED_HOSTNAME,   /* no hostname of the route is one of the listener's */
    HR_DENIED_NAMESPACE,  /* the listener does not take routes of the namespace */
    HR_DENIED_ROUTE_KIND, /* the listener does not take routes of the kind */
} hr_attachment_state;

/* A parentRef of a route, and one of the listeners that it means. */
typedef struct hr_mesh_attachment {
    const hr_spec_gwapi_route *route;
    const hr_spec_gwapi_reference *parent;
    const hr_mesh_listener *listener; /* NULL: the mesh, or there is none */
    hr_attachment_state state;
} hr_mesh_attachment;

typedef enum hr_backend_state {
    HR_BACKEND_OK = 0,
    HR_BACKEND_NOT_FOUND,     /* 500 */
    HR_BACKEND_NOT_PERMITTED, /* 500: a ReferenceGrant is missing */
    HR_BACKEND_KIND,          /* 500: of a kind that Istio does not route to */
    HR_BACKEND_BROKEN         /* the whole route is dropped */
} hr_backend_state;

/* What is wrong with a reference of a rule to a backend. */
typedef struct hr_mesh_bad_backend {
    const hr_spec_gwapi_route *route;
    size_t rule;
    const hr_spec_gwapi_reference *ref;
    hr_backend_state state;
    bool mirror;
} hr_mesh_bad_backend;

typedef HR_LIST(hr_mesh_attachment) hr_attachment_list;

typedef struct hr_gwapi {
    hr_mesh_listener *listeners;
    size_t n_listeners;
    hr_map listeners_by_id; /* the first of each id */
    hr_attachment_list attachments;
    HR_LIST(hr_mesh_bad_backend) bad_backends;
} hr_gwapi;

/* What the parts of the build share. */
typedef struct hr_gwapi_build_state {
    hr_arena *arena;
    hr_table *table;
    hr_gwapi *gwapi;
    hr_map services;   /* "namespace/name" -> hr_spec_service */
    hr_map gateways;   /* "namespace/name" -> hr_spec_gwapi_gateway */
    hr_map sets;       /* "namespace/name" of a Gateway -> its ListenerSets, oldest first */
    hr_map namespaces; /* by name -> hr_spec_namespace */
} hr_gwapi_build_state;

#endif
