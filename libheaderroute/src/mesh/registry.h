/*
 * The service registry: Kubernetes Services and ServiceEntries as one list of services with ports
 * and ready endpoints, as Istio's registry aggregates them.
 */
#ifndef HR_REGISTRY_H
#define HR_REGISTRY_H

#include "map.h"
#include "messages.h"
#include "pos.h"

typedef enum hr_mesh_protocol {
    HR_MESH_PROTOCOL_SNIFFED = 0, /* undeclared: the proxy looks whether it is HTTP */
    HR_MESH_PROTOCOL_HTTP,        /* http, http2, grpc, grpc-web */
    HR_MESH_PROTOCOL_TCP, /* tcp, tls, https, mongo, redis, mysql: http rules do not apply */
    HR_MESH_PROTOCOL_UDP
} hr_mesh_protocol;

typedef enum hr_resolution {
    HR_RESOLUTION_STATIC = 0, /* endpoints are listed */
    HR_RESOLUTION_DNS,
    HR_RESOLUTION_DNS_ROUND_ROBIN,
    HR_RESOLUTION_PASSTHROUGH, /* headless, or a ServiceEntry with resolution NONE */
    HR_RESOLUTION_ALIAS        /* ExternalName */
} hr_resolution;

/* A Service's trafficDistribution. */
typedef enum hr_distribution {
    HR_DISTRIBUTION_ANY = 0,
    HR_DISTRIBUTION_ZONE, /* PreferSameZone, PreferClose */
    HR_DISTRIBUTION_NODE
} hr_distribution;

typedef struct hr_mesh_port {
    uint16_t number;
    hr_str name;
    hr_mesh_protocol protocol;
    bool http2;             /* declared as HTTP/2 or gRPC */
    hr_endpoint *endpoints; /* ready ones, in the order of the configuration */
    size_t n_endpoints;
    hr_endpoint
        *unready; /* never picked, and yet they count for how much of a priority is usable */
    size_t n_unready;
    hr_endpoint
        *by_name; /* of a Kubernetes service whose pods nothing lists: its DNS name; else NULL */
} hr_mesh_port;

typedef struct hr_mesh_service hr_mesh_service;
struct hr_mesh_service {
    hr_str host; /* fully qualified, lower case */
    hr_str namespace_;
    const hr_meta *meta;
    bool kubernetes;
    bool publish_not_ready;
    hr_distribution distribution;
    hr_resolution resolution;
    hr_mesh_port *ports;
    uint16_t *port_numbers;      /* of all ports, in order */
    size_t n_ports, n_own_ports; /* own: those that come first, before what other resources add */
    hr_str *addresses;           /* virtual IPs as written */
    size_t n_addresses;
    bool binds_ip;   /* a listener of its own per port: every Kubernetes service but ExternalName */
    hr_str alias_of; /* ExternalName, else absent */
    hr_str *aliases; /* hosts of the ExternalNames that lead here */
    size_t n_aliases;
    const hr_str_list *export_to;
    const hr_pair *selector; /* of pods; of a Service or a ServiceEntry */
    size_t n_selector;
    hr_mesh_service
        *next; /* the next service with the same host, from another namespace or unlike it */
};

typedef struct hr_registry {
    hr_mesh_service **services; /* oldest first */
    size_t n_services;
    hr_map by_host;
    bool pods_listed; /* a Pod or an EndpointSlice is loaded; otherwise nothing says who answers */
} hr_registry;

/* Whether exportTo opens the service to all namespaces. */
bool hr_mesh_service_is_public(const hr_mesh_service *svc);
bool hr_mesh_service_visible(const hr_mesh_service *svc, hr_str namespace_);
/* The service a proxy of `namespace_` means by `host` (lower case): its own namespace's first, then
 * a Kubernetes one, then one that is exported to it by name, then the oldest. NULL: none it can
 * see. */
const hr_mesh_service *hr_registry_find(const hr_registry *registry, hr_str host,
                                        hr_str namespace_);
/* The same for a gateway, which prefers no namespace. */
const hr_mesh_service *hr_registry_find_for_gateway(const hr_registry *registry, hr_str host,
                                                    hr_str namespace_);
/* The service that represents a host of one namespace where the look-up goes by both: the oldest,
 * but one of Kubernetes first, whether it is exported or not. NULL: there is none. */
const hr_mesh_service *hr_registry_first_of(const hr_registry *registry, hr_str host,
                                            hr_str namespace_);
/* The same as hr_registry_find among those services that `accepts`, instead of those that the proxy
 * can see. */
const hr_mesh_service *
hr_registry_find_where(const hr_registry *registry, hr_str host, hr_str namespace_,
                       bool (*accepts)(const void *ctx, const hr_mesh_service *svc),
                       const void *ctx);
const hr_mesh_port *hr_mesh_port_find(const hr_mesh_service *svc, uint32_t number);

/* Protocol of a port: appProtocol, else the port's name up to its first '-'. */
hr_mesh_protocol hr_mesh_port_protocol(const hr_spec_port *port, bool kubernetes);
/* True if proxies speak HTTP/2 to the endpoints of such a port (Istio's Instance.IsHTTP2). */
bool hr_mesh_port_is_http2(const hr_spec_port *port, bool kubernetes);
/* Of a Gateway server or ServiceEntry port, whose protocol is a field. */
hr_mesh_protocol hr_mesh_protocol_parse(hr_str name);

#endif
