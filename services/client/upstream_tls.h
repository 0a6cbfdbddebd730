/*
 * TLS of connections to upstream servers: DestinationRule's trafficPolicy.tls, modes SIMPLE and
 * MUTUAL. The chain is verified against the authorities given (else the system's), and the
 * certificate must name one of `names`.
 *
 * An sv_up_tls is immutable and reference-counted; all loops share it.
 */
#ifndef SV_UPSTREAM_TLS_H
#define SV_UPSTREAM_TLS_H

#include <stdbool.h>
#include <stddef.h>

#include <headerroute/headerroute.h>
#include <openssl/ssl.h>

typedef struct sv_up_tls sv_up_tls;

typedef struct sv_up_tls_options {
    hr_str server_name;         /* sent as SNI unless it is an address; absent: none is sent */
    hr_str ca_path;             /* PEM; absent or "system": the system's authorities */
    hr_str cert_path, key_path; /* of ours, PEM; both or none */
    const hr_str *names; /* DNS names, addresses or URIs, of which the certificate must have one */
    size_t n_names;      /* 0: it must have server_name */
    int insecure;        /* verify nothing */
} sv_up_tls_options;

/* NULL: `why` is a sentence that names the file. */
sv_up_tls *sv_up_tls_new(const sv_up_tls_options *options, char *why, size_t why_size);
sv_up_tls *sv_up_tls_ref(sv_up_tls *tls);
void sv_up_tls_unref(sv_up_tls *tls);
/* 1 if connections of the one can serve for the other: the same settings, and files of the same
 * content. Both may be NULL. */
int sv_up_tls_same(const sv_up_tls *a, const sv_up_tls *b);

/* ---- inside the client ---- */

struct sv_up_endpoint;
/* For a connection of this endpoint, in connect state; NULL: no memory. */
SSL *sv_up_tls_connect(struct sv_up_endpoint *endpoint, bool http2);
/* After the handshake: NULL if the peer is who it should be, else why not. */
const char *sv_up_tls_check(const struct sv_up_endpoint *endpoint, SSL *ssl);

#endif
