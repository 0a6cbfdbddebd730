/* Configures TLS for upstream connections: verification, client certificate, and sessions. */
#include "upstream_tls.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "tls.h"
#include "upstream_state.h"

struct sv_up_tls {
    atomic_size_t references;
    SSL_CTX *ctx;
    char *server_name; /* NULL: none */
    char **names;
    size_t n_names;
    int insecure;
    uint64_t fingerprint;
};

/* ---- settings ---------------------------------------------------------------------------- */

static char *text(hr_str s) {
    char *copy = sv_alloc(s.len + 1);
    memcpy(copy, s.p, s.len);
    copy[s.len] = '\0';
    return copy;
}

static uint64_t mix(uint64_t hash, const void *bytes, size_t n) {
    const unsigned char *p = bytes;
    for (size_t i = 0; i < n; i++)
        hash = (hash ^ p[i]) * 1099511628211ull; /* FNV-1a */
    return hash;
}

static uint64_t mix_str(uint64_t hash, hr_str s) {
    return mix(mix(hash, &s.len, sizeof(s.len)), s.p, s.len);
}

static uint64_t mix_file(uint64_t hash, const char *path) {
    char bytes[4096];
    FILE *file = fopen(path, "rb");
    for (size_t n; file != NULL && (n = fread(bytes, 1, sizeof(bytes), file)) > 0;)
        hash = mix(hash, bytes, n);
    if (file != NULL)
        fclose(file);
    return hash;
}

static int is_address(const char *name) {
    unsigned char bytes[16];
    return inet_pton(AF_INET, name, bytes) == 1 || inet_pton(AF_INET6, name, bytes) == 1;
}

static int up_tls_fail(char *why, size_t why_size, const char *path, const char *what) {
    char reason[192];
    sv_tls_error_text(reason, sizeof(reason));
    snprintf(why, why_size, "%s: %s: %s", path, what, reason);
    return -1;
}

static int no_pass_phrase(char *buf, int size, int writing, void *arg) {
    (void)buf, (void)size, (void)writing, (void)arg;
    return 0;
}

static int load_authorities(sv_up_tls *tls, hr_str path, char *why, size_t why_size) {
    if (path.len == 0 || (path.len == 6 && memcmp(path.p, "system", 6) == 0)) {
        SSL_CTX_set_default_verify_paths(tls->ctx);
        return 0;
    }
    char *file = text(path);
    int error = 0;
    if (SSL_CTX_load_verify_locations(tls->ctx, file, NULL) != 1)
        error = up_tls_fail(why, why_size, file, "holds no certificates in PEM");
    tls->fingerprint = mix_file(tls->fingerprint, file);
    free(file);
    return error;
}

static int load_own(sv_up_tls *tls, const sv_up_tls_options *options, char *why, size_t why_size) {
    if (options->cert_path.len == 0)
        return 0;
    char *cert = text(options->cert_path), *key = text(options->key_path);
    int error = 0;
    if (SSL_CTX_use_certificate_chain_file(tls->ctx, cert) != 1)
        error = up_tls_fail(why, why_size, cert, "is not a certificate chain in PEM");
    else if (SSL_CTX_use_PrivateKey_file(tls->ctx, key, SSL_FILETYPE_PEM) != 1)
        error = up_tls_fail(why, why_size, key,
                            "is not a private key in PEM that matches the certificate");
    tls->fingerprint = mix_file(mix_file(tls->fingerprint, cert), key);
    free(cert);
    free(key);
    return error;
}

static int on_new_session(SSL *ssl, SSL_SESSION *session) {
    sv_up_endpoint *endpoint = SSL_get_app_data(ssl);
    SSL_SESSION_free(endpoint->session);
    endpoint->session = session;
    return 1; /* the reference is ours now */
}

static int configure(sv_up_tls *tls, const sv_up_tls_options *options, char *why, size_t why_size) {
    ERR_clear_error();
    tls->ctx = SSL_CTX_new(TLS_client_method());
    if (tls->ctx == NULL)
        return up_tls_fail(why, why_size, "TLS", "OpenSSL makes no context");
    SSL_CTX_set_options(tls->ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_min_proto_version(tls->ctx, TLS1_2_VERSION);
    SSL_CTX_set_mode(tls->ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                   SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(tls->ctx,
                                   SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE);
    SSL_CTX_sess_set_new_cb(tls->ctx, on_new_session);
    SSL_CTX_set_default_passwd_cb(tls->ctx, no_pass_phrase);
    sv_tls_limit_key_changes(tls->ctx);
    SSL_CTX_set_verify(tls->ctx, options->insecure ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, NULL);
    if (!options->insecure && load_authorities(tls, options->ca_path, why, why_size) != 0)
        return -1;
    return load_own(tls, options, why, why_size);
}

sv_up_tls *sv_up_tls_new(const sv_up_tls_options *options, char *why, size_t why_size) {
    sv_up_tls *tls = sv_alloc(sizeof(*tls));
    memset(tls, 0, sizeof(*tls));
    atomic_init(&tls->references, 1);
    uint64_t hash = mix(14695981039346656037ull, &options->insecure, sizeof(options->insecure));
    hash = mix_str(mix_str(hash, options->server_name), options->ca_path);
    hash = mix_str(mix_str(hash, options->cert_path), options->key_path);
    for (size_t i = 0; i < options->n_names; i++)
        hash = mix_str(hash, options->names[i]);
    tls->fingerprint = hash;
    tls->insecure = options->insecure;
    if (options->server_name.len > 0)
        tls->server_name = text(options->server_name);
    const hr_str *names = options->n_names > 0 ? options->names : &options->server_name;
    tls->n_names = options->n_names > 0 ? options->n_names : options->server_name.len > 0;
    tls->names = sv_alloc((tls->n_names + 1) * sizeof(*tls->names));
    for (size_t i = 0; i < tls->n_names; i++)
        tls->names[i] = text(names[i]);
    if (configure(tls, options, why, why_size) != 0) {
        sv_up_tls_unref(tls);
        return NULL;
    }
    return tls;
}

sv_up_tls *sv_up_tls_ref(sv_up_tls *tls) {
    if (tls != NULL)
        atomic_fetch_add_explicit(&tls->references, 1, memory_order_relaxed);
    return tls;
}

void sv_up_tls_unref(sv_up_tls *tls) {
    if (tls == NULL || atomic_fetch_sub_explicit(&tls->references, 1, memory_order_acq_rel) != 1)
        return;
    SSL_CTX_free(tls->ctx);
    for (size_t i = 0; i < tls->n_names; i++)
        free(tls->names[i]);
    free(tls->names);
    free(tls->server_name);
    free(tls);
}

int sv_up_tls_same(const sv_up_tls *a, const sv_up_tls *b) {
    return a == b || (a != NULL && b != NULL && a->fingerprint == b->fingerprint);
}

/* ---- handshake --------------------------------------------------------------------------- */

static int has_uri(X509 *cert, const char *uri) {
    GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
    int found = 0;
    for (int i = 0; i < sk_GENERAL_NAME_num(names) && !found; i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        if (name->type != GEN_URI)
            continue;
        const ASN1_IA5STRING *value = name->d.uniformResourceIdentifier;
        size_t len = (size_t)ASN1_STRING_length(value);
        found = len == strlen(uri) && memcmp(ASN1_STRING_get0_data(value), uri, len) == 0;
    }
    GENERAL_NAMES_free(names);
    return found;
}

/* The subject's common name has not counted since RFC 6125. */
static int has_name(X509 *cert, const char *name) {
    if (is_address(name))
        return X509_check_ip_asc(cert, name, 0) == 1;
    if (strstr(name, "://") != NULL)
        return has_uri(cert, name);
    return X509_check_host(cert, name, 0, X509_CHECK_FLAG_NEVER_CHECK_SUBJECT, NULL) == 1;
}

static int is_named(const sv_up_tls *tls, SSL *ssl) {
    X509 *cert = SSL_get1_peer_certificate(ssl);
    int found = 0;
    for (size_t i = 0; cert != NULL && i < tls->n_names && !found; i++)
        found = has_name(cert, tls->names[i]);
    X509_free(cert);
    return found;
}

SSL *sv_up_tls_connect(sv_up_endpoint *endpoint, bool http2) {
    static const unsigned char http1[] = "\x08http/1.1", h2[] = "\x02h2";
    const sv_up_tls *tls = endpoint->settings.tls;
    SSL *ssl = SSL_new(tls->ctx);
    if (ssl == NULL)
        return NULL;
    SSL_set_connect_state(ssl);
    SSL_set_app_data(ssl, endpoint);
    if (http2)
        SSL_set_alpn_protos(ssl, h2, sizeof(h2) - 1);
    else
        SSL_set_alpn_protos(ssl, http1, sizeof(http1) - 1);
    if (tls->server_name != NULL && !is_address(tls->server_name))
        SSL_set_tlsext_host_name(ssl, tls->server_name);
    if (endpoint->session != NULL)
        SSL_set_session(ssl, endpoint->session);
    return ssl;
}

const char *sv_up_tls_check(const sv_up_endpoint *endpoint, SSL *ssl) {
    const sv_up_tls *tls = endpoint->settings.tls;
    return tls->insecure || is_named(tls, ssl) ? NULL : "its certificate is for another name";
}
