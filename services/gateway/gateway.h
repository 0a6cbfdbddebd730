/*
 * headerroute-gateway: does to HTTP requests what the loaded Istio resources say.
 *
 * Sharing between loops. A gw_config is immutable and reference-counted; a reload publishes a new
 * one and each loop swaps its own gw_loop_config by message, so that a request sees one
 * configuration from its first byte to its last. What requests change (active requests, ejections)
 * lies in gw_endpoint and gw_shared, atomics that live across reloads. Everything of a gw_loop
 * belongs to its thread.
 */
#ifndef SV_GATEWAY_H
#define SV_GATEWAY_H

#include <pthread.h>
#include <stdatomic.h>

#include <headerroute/headerroute.h>

#include "answer.h"
#include "body_header.h"
#include "dns.h"
#include "exchange.h"
#include "forward.h"
#include "server.h"
#include "tls_server.h"
#include "upstream.h"
#include "upstream_metrics.h"

/* A port of the Gateway's listeners and the address that is bound for it. */
typedef struct gw_map {
    uint16_t port;
    const char *address; /* ADDR:PORT */
} gw_map;

/* What is counted of one --map. */
typedef struct gw_map_facts {
    char labels[128];
    _Atomic uint64_t connections, handshakes; /* with TLS */
    _Atomic uint64_t open;                    /* 1 if the address is bound */
    _Atomic uint64_t not_after;
} gw_map_facts;

typedef struct gw_options {
    sv_text_list files;
    sv_text_list map_flags; /* PORT=ADDR:PORT */
    gw_map *maps;           /* the same, parsed; NULL: one view at every --listen address */
    size_t n_maps;
    const char *gateway; /* "mesh" or "namespace/name"; NULL: the only Gateway loaded, else mesh */
    int64_t gateway_port;
    const char *namespace_;
    const char *locality; /* NULL: what its pod's topology labels say */
    const char *admin;
    const char *status;             /* ADDR:PORT of probes and metrics alone */
    sv_text_list admin_hosts;       /* names besides its own that --admin answers to */
    const char *ui;                 /* path prefix; NULL: no page */
    const char *ui_samples;         /* folder; NULL: no samples */
    const char *tls_cert, *tls_key; /* both or none */
    int64_t tls_handshake_ms;
    sv_text_list body_headers;           /* NAME=PATH */
    sv_text_list log_headers;            /* names in the access log besides */
    int64_t body_look_ahead;             /* bytes of a body that they are looked for in */
    int64_t body_buffer_bytes;           /* of one body, for retries and mirrors */
    int64_t tunnel_idle_ms, max_tunnels; /* max_tunnels 0: a quarter of --max-connections */
    int64_t max_regex_bytes;             /* a request */
    const char *dns_server;              /* NULL: the system's */
    int64_t trusted_proxies;
    int repeated_headers;               /* hr_repeated_headers */
    int64_t ui_diff_ms, ui_diff_memory; /* of one comparison: CPU time, bytes */
} gw_options;

/* Certificates and keys that a configuration names. */
typedef struct gw_files {
    char **v;
    size_t n;
    uint64_t fingerprint; /* before they were read */
} gw_files;

/* One address of one cluster, for as long as any configuration or request knows it. */
typedef struct gw_endpoint {
    atomic_uint references;
    char *name; /* "address:port" */
    _Atomic uint32_t active;
    _Atomic uint64_t requests, failures;
    uint64_t born_at; /* sv_timers_now() when it was first seen */
    /* Outlier detection. */
    _Atomic uint32_t consecutive_5xx, consecutive_gateway, consecutive_local, ejections;
    _Atomic uint64_t ejected_until; /* 0: not ejected */
} gw_endpoint;

/* What all loops count of one cluster, for as long as a configuration has a cluster of that name.
 */
typedef struct gw_shared {
    atomic_uint references;
    _Atomic uint32_t connections, requests, pending, retries, ejected;
    _Atomic uint64_t overflows, ejections;
    uint64_t next_look; /* of the outlier sweep: loop 0's */
} gw_shared;

typedef struct gw_cluster {
    const hr_cluster *cluster;
    gw_endpoint **endpoints; /* as in cluster->endpoints */
    gw_shared *shared;
    sv_up_tls *tls; /* of its connections; NULL for plaintext */
    int limited;    /* connectionPool has limits */
} gw_cluster;

/* What connections to one address are routed by. */
typedef struct gw_listener {
    uint16_t port;     /* of the Gateway's listeners; 0: as the options say */
    hr_view *view;     /* NULL: the Gateway has no listener on the port, and nothing is bound */
    size_t *clusters;  /* of each cluster of the view, its index in the configuration */
    size_t n_clusters; /* of the view */
    SSL_CTX *tls;      /* a set of tls_set.h; NULL: plaintext, or as --tls-cert says */
    int64_t not_after; /* when the first of its certificates ends, in seconds since 1970; 0: none */
} gw_listener;

typedef struct gw_config {
    atomic_size_t references;
    hr_table *table;
    struct gw_texts *texts; /* what the table was loaded from; NULL: not kept */
    gw_listener *listeners; /* one a --map; one alone without --map */
    size_t n_listeners;
    hr_view_options view_options; /* of all, except for the port */
    gw_cluster *clusters;         /* of all listeners; those of one name once */
    size_t n_clusters;
    size_t *by_name;     /* indices, sorted by the clusters' names */
    uint64_t generation; /* 1 for the first */
} gw_config;

typedef struct gw_loop_cluster {
    hr_cursor cursor;
    hr_endpoint_state *states; /* made at the first request */
    hr_rings *rings;           /* without the ejected endpoints; NULL if none is */
    uint8_t *ejected;          /* one an endpoint */
    sv_up_endpoint **up;       /* connections of this loop; each made at its first request */
    size_t active;             /* requests of this loop that have a connection */
    struct gw_request *waiting, **last_waiting; /* for a connection, in order */
} gw_loop_cluster;

typedef struct gw_loop_config {
    gw_config *config;
    struct gw_loop *loop;
    struct gw_loop_config *next; /* in the loop's list of retired ones */
    size_t references;           /* requests, and the loop */
    gw_loop_cluster clusters[];
} gw_loop_config;

/* A scratch is one request's from its routing to its end: what hr_route built stays valid. */
typedef struct gw_scratch {
    struct gw_scratch *next;
    hr_scratch *scratch;
} gw_scratch;

typedef struct gw_request gw_request;
typedef struct gw_mirror gw_mirror;
typedef struct gateway gateway;

typedef struct gw_loop {
    gateway *gateway;
    sv_server_loop *loop;
    sv_timers *timers;
    sv_up_loop *up;
    gw_loop_config *current;
    gw_loop_config *retired; /* to be freed by the next sweep */
    gw_scratch *free_scratches;
    uint64_t random[4];
    gw_request *oldest, *newest; /* in flight */
    sv_timer sweep;
    gw_mirror *mirrors;
    size_t n_mirrors;
    size_t n_free_scratches;
    size_t n_tunnels; /* asked for or open */
} gw_loop;

/* What aside.c answers; each kind has places of its own. */
typedef enum gw_aside_kind {
    GW_ASIDE_PAGE = 0, /* an explanation for the page, whose clients are not trusted */
    GW_ASIDE_RULES,    /* a list of rules for the page */
    GW_ASIDE_ADMIN,    /* an explanation for the administrator */
    GW_ASIDE_CONFIG,   /* the configuration */
    GW_ASIDE_DIFF,     /* a comparison for the page */
    GW_ASIDE_KINDS
} gw_aside_kind;

struct gateway {
    gw_options options;
    sv_body_rule *body_rules; /* of the --body-header flags */
    size_t n_body_rules;
    gw_dns *dns;
    sv_up_registry upstreams;
    pthread_mutex_t mutex; /* of the next two */
    gw_config *config;     /* the newest */
    sv_server_loop *loops[SV_UP_MAX_LOOPS];
    _Atomic uint64_t generation, reloads, reloads_failed;
    _Atomic int config_good; /* the last load succeeded */
    uint64_t loaded_fingerprint;
    gw_files loaded_files;   /* of the first configuration, until the reload thread takes them */
    sv_server *server;       /* once the first loop runs */
    gw_map_facts *map_facts; /* one a --map */
    sv_tls *tls;             /* of the --listen addresses; NULL for plaintext */
    uint64_t tls_fingerprint;
    _Atomic uint64_t tls_reloads, tls_reloads_failed;
    _Atomic int tls_good; /* the files as they stand are in force */
    pthread_t reload_thread;
    int reload_stop_fd, reload_signal_fd;
    int reload_started, reload_stopped; /* guarded by the mutex */
    _Atomic int asides[GW_ASIDE_KINDS]; /* answers of aside.c, until they are sent */
    _Atomic int aside_threads;          /* that write them */
    pthread_mutex_t diff_mutex;         /* of the next two */
    struct gw_aside *diff;              /* the comparison under way; NULL: none */
    bool diff_over;                     /* the server ends: none begins any more */
    sv_budget mirror_bytes;             /* of the copies of all loops */
    struct gw_samples *samples;         /* of the page; NULL: none */
    sv_metric upstream_seconds, mirrors_sent, mirrors_dropped, retries, tunnels, tunnels_open,
        tunnels_refused;
};

#endif
