/*
 * What a program that accepts connections for a Gateway needs: the listeners on the port of a view,
 * the server names and certificates that they name, and the Secrets of a table.
 *
 * Include <headerroute/headerroute.h>, which includes this file.
 */
#ifndef HEADERROUTE_LISTENERS_H
#define HEADERROUTE_LISTENERS_H

#include <headerroute/types.h>
#include <headerroute/view.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The structs are made by the library. Those that are reached by pointers only, hr_listener and
 * hr_secret, may get members at their end in later versions; hr_server_certificate, an element of
 * arrays, keeps its members. */

/* Where a listener's certificate and its private key are: in a Secret, or in files. */
typedef struct hr_server_certificate {
    hr_str secret;           /* "namespace/name"; absent: files. */
    hr_str certificate_file; /* A chain in PEM, the server's certificate first. */
    hr_str private_key_file;
} hr_server_certificate;

/* A listener of a Gateway of the Gateway API, or a server of an Istio Gateway, that reads HTTP on
 * the port of a view, with or without TLS. */
typedef struct hr_listener {
    hr_str gateway; /* "namespace/name" */
    hr_str name;    /* May be absent. */
    hr_str protocol;
    uint16_t port;
    int terminates_tls; /* 1 if clients connect with TLS. */
    hr_str tls_mode; /* As Istio names it: "SIMPLE", "MUTUAL", ...; absent if it is unset. That of
                      * the option gateway.istio.io/tls-terminate-mode of the Gateway API, too. */
    const hr_str *server_names; /* With TLS, which it is chosen by: lower case, "*" for any name,
                                 * "*.example.com" for all below it. */
    size_t n_server_names;
    const hr_server_certificate *certificates; /* In order; those that a ReferenceGrant is missing
                                                * for are left out. */
    size_t n_certificates;
    int min_tls_version, max_tls_version; /* 0: unset; 10 to 13 for TLS 1.0 to 1.3. */
    int restricts_ciphers;                /* 1 if cipherSuites is not empty. */
    int verifies_clients; /* 1 if spec.tls.frontend of the Gateway API asks for certificates of
                           * clients. */
    hr_str source_file;   /* Where it is written. */
    int source_line;
} hr_listener;

/* Returns the number of listeners on the port of a Gateway's view: those of all Gateways whose
 * proxies it is for. 0 for NULL and for a sidecar's view. */
HR_API size_t hr_view_listener_count(const hr_view *view);

/* Returns the listener at `index`, or NULL beyond the last one. It lives as long as the view. */
HR_API const hr_listener *hr_view_listener(const hr_view *view, size_t index);

/* A Secret with a certificate, as Istio reads it: `cert`, `key` and `cacert`, else `tls.crt`,
 * `tls.key` and `ca.crt`. The bytes are overwritten when the table is freed. */
typedef struct hr_secret {
    hr_str name; /* "namespace/name" */
    hr_str type; /* "kubernetes.io/tls", ...; absent if it is unset. */
    hr_str certificate, private_key, ca_certificates; /* PEM as the Secret has it; may be absent. */
    hr_str source_file;                               /* Where it is written. */
    int source_line;
} hr_secret;

/* Returns the Secret "namespace/name" of the table, or NULL. It lives as long as the table. */
HR_API const hr_secret *hr_table_secret(const hr_table *table, hr_str name);

#ifdef __cplusplus
}
#endif
#endif
