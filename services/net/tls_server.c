/* Loads and reloads the certificate of a TLS listener and accepts connections with it. */
#include "tls_server.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/x509.h>

#include "tls.h"

struct sv_tls {
    const char *cert_path, *key_path;
    pthread_mutex_t mutex; /* of ctx */
    SSL_CTX *ctx;
    _Atomic int64_t not_after;
    _Atomic uint64_t connections, handshakes;
};

/* ---- context ---- */

/* A key with a pass phrase must not make a server ask on its terminal. */
static int tls_no_pass_phrase(char *buf, int size, int writing, void *arg) {
    (void)buf, (void)size, (void)writing, (void)arg;
    return 0;
}

/* True if the client's list (RFC 7301 section 3.1) has this protocol; *out is it then. */
static bool find_protocol(const unsigned char **out, unsigned char *out_len,
                          const unsigned char *offered, unsigned offered_len, const char *wanted) {
    size_t len = strlen(wanted);
    for (unsigned i = 0; i < offered_len; i += 1u + offered[i]) {
        if (offered[i] != len || i + 1u + offered[i] > offered_len ||
            memcmp(offered + i + 1, wanted, len) != 0)
            continue;
        *out = offered + i + 1;
        *out_len = offered[i];
        return true;
    }
    return false;
}

static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                           const unsigned char *offered, unsigned offered_len, void *arg) {
    (void)ssl, (void)arg;
    if (find_protocol(out, out_len, offered, offered_len, "h2") ||
        find_protocol(out, out_len, offered, offered_len, "http/1.1"))
        return SSL_TLSEXT_ERR_OK;
    return SSL_TLSEXT_ERR_ALERT_FATAL; /* no_application_protocol, RFC 7301 section 3.2 */
}

bool sv_tls_speaks_http2(const SSL *ssl) {
    const unsigned char *protocol;
    unsigned len;
    SSL_get0_alpn_selected(ssl, &protocol, &len);
    return len == 2 && memcmp(protocol, "h2", 2) == 0;
}

/* A client that asks to renegotiate learns that it may not, and nothing more. */
static void on_info(const SSL *ssl, int where, int ret) {
    if (where == SSL_CB_WRITE_ALERT && (ret & 0xff) == SSL_AD_NO_RENEGOTIATION)
        shutdown(SSL_get_fd(ssl), SHUT_RDWR);
}

static int tls_fail(SSL_CTX *ctx, char *why, size_t why_size, const char *path, const char *what) {
    char reason[192];
    sv_tls_error_text(reason, sizeof(reason));
    snprintf(why, why_size, "%s: %s: %s", path, what, reason);
    SSL_CTX_free(ctx);
    return -1;
}

static int64_t tls_end_of(X509 *cert) {
    struct tm end;
    if (cert == NULL || ASN1_TIME_to_tm(X509_get0_notAfter(cert), &end) != 1)
        return 0;
    return (int64_t)timegm(&end);
}

SSL_CTX *sv_tls_context_plain(void) {
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    if (ctx == NULL)
        return NULL;
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                 SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
    SSL_CTX_set_cipher_list(ctx, "ECDHE+AESGCM:ECDHE+CHACHA20");
    /* No resumption: a ticket key that lives as long as the process would decrypt all that was
     * recorded in that time, and a cache of sessions is memory that clients fill. */
    SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET);
    SSL_CTX_set_num_tickets(ctx, 0);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                              SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_default_passwd_cb(ctx, tls_no_pass_phrase);
    SSL_CTX_set_alpn_select_cb(ctx, choose_protocol, NULL);
    SSL_CTX_set_info_callback(ctx, on_info);
    sv_tls_limit_key_changes(ctx);
    return ctx;
}

static int load(SSL_CTX **out, sv_tls *tls, char *why, size_t why_size) {
    ERR_clear_error();
    SSL_CTX *ctx = sv_tls_context_plain();
    if (ctx == NULL)
        return tls_fail(ctx, why, why_size, tls->cert_path, "OpenSSL makes no context");
    if (SSL_CTX_use_certificate_chain_file(ctx, tls->cert_path) != 1)
        return tls_fail(ctx, why, why_size, tls->cert_path, "is not a certificate chain in PEM");
    if (SSL_CTX_use_PrivateKey_file(ctx, tls->key_path, SSL_FILETYPE_PEM) != 1)
        return tls_fail(ctx, why, why_size, tls->key_path,
                        "is not a private key in PEM that matches the certificate");
    if (SSL_CTX_check_private_key(ctx) != 1)
        return tls_fail(ctx, why, why_size, tls->key_path, "does not belong to the certificate");
    *out = ctx;
    return 0;
}

/* ---- life ---- */

sv_tls *sv_tls_new(const char *cert_path, const char *key_path, char *why, size_t why_size) {
    sv_tls *tls = calloc(1, sizeof(*tls));
    if (tls == NULL) {
        snprintf(why, why_size, "out of memory");
        return NULL;
    }
    tls->cert_path = cert_path;
    tls->key_path = key_path;
    pthread_mutex_init(&tls->mutex, NULL);
    if (sv_tls_reload(tls, why, why_size) != 0) {
        sv_tls_free(tls);
        return NULL;
    }
    return tls;
}

int sv_tls_reload(sv_tls *tls, char *why, size_t why_size) {
    SSL_CTX *ctx = NULL, *old;
    if (load(&ctx, tls, why, why_size) != 0)
        return -1;
    pthread_mutex_lock(&tls->mutex);
    old = tls->ctx;
    tls->ctx = ctx;
    pthread_mutex_unlock(&tls->mutex);
    atomic_store(&tls->not_after, tls_end_of(SSL_CTX_get0_certificate(ctx)));
    SSL_CTX_free(old);
    return 0;
}

SSL *sv_tls_accept(sv_tls *tls) {
    pthread_mutex_lock(&tls->mutex);
    SSL *ssl = SSL_new(tls->ctx); /* with a reference to the context */
    pthread_mutex_unlock(&tls->mutex);
    if (ssl != NULL)
        SSL_set_accept_state(ssl);
    atomic_fetch_add_explicit(&tls->connections, 1, memory_order_relaxed);
    return ssl;
}

void sv_tls_note_handshake(sv_tls *tls) {
    atomic_fetch_add_explicit(&tls->handshakes, 1, memory_order_relaxed);
}

void sv_tls_free(sv_tls *tls) {
    if (tls == NULL)
        return;
    SSL_CTX_free(tls->ctx);
    pthread_mutex_destroy(&tls->mutex);
    free(tls);
}

int64_t sv_tls_not_after(const sv_tls *tls) {
    return atomic_load(&tls->not_after);
}
uint64_t sv_tls_connections(const sv_tls *tls) {
    return atomic_load_explicit(&tls->connections, memory_order_relaxed);
}
uint64_t sv_tls_handshakes(const sv_tls *tls) {
    return atomic_load_explicit(&tls->handshakes, memory_order_relaxed);
}
