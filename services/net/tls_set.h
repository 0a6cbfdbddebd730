/*
 * TLS of an address that several servers share, chosen by the server name (SNI) of the handshake:
 * the exact name, else the longest wildcard, else the server of any name, as Envoy's filter chains
 * are. A handshake without a server fails with the alert unrecognized_name.
 *
 * Contexts have the protocol versions, ciphers and ALPN of tls_server.h. A set is an SSL_CTX whose
 * references are counted: SSL_CTX_up_ref, SSL_CTX_free. Immutable once it is made: any thread may
 * accept with it.
 */
#ifndef SV_NET_TLS_SET_H
#define SV_NET_TLS_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/ssl.h>

#include <headerroute/headerroute.h>

/* A context for one server, without a certificate. Versions are 12 or 13, or 0 for the widest
 * range. NULL: no memory. */
SSL_CTX *sv_tls_context_new(int min_version, int max_version);
/* Adds a certificate chain (the server's first) and its key, PEM from memory, the key without a
 * pass phrase. Another pair may have a key of another type. -1: `why` is a sentence fragment
 * without any of their bytes. */
int sv_tls_context_add(SSL_CTX *ctx, hr_str certificate, hr_str private_key, char *why,
                       size_t why_size);
/* When the first of its certificates ends, in seconds since 1970; 0: unknown. */
int64_t sv_tls_context_not_after(SSL_CTX *ctx);

typedef struct sv_tls_server_names {
    const hr_str *names; /* lower case; "*" for any, "*.example.com" for all below it */
    size_t n_names;
    SSL_CTX *ctx;
} sv_tls_server_names;

/* A set of these servers, whose names it copies and whose contexts it references; of two with one
 * name the first has it. NULL: no memory. */
SSL_CTX *sv_tls_set_new(const sv_tls_server_names *servers, size_t n);
/* For a new connection, in accept state. NULL: no memory. */
SSL *sv_tls_set_accept(SSL_CTX *set);

#endif
