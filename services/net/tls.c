/* TLS over a socket, for both directions (OpenSSL). */
#include "tls.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>

#include <openssl/err.h>
#include <openssl/x509_vfy.h>

/* One read of OpenSSL. */
#define MAX_READ ((size_t)1 << 20)
/* From 64 KiB on OpenSSL encrypts up to 128 KiB at once with some ciphers (AES-CBC with SHA), and
 * keeps that until it is sent. Below it is a record of 16 KiB with every cipher. */
#define MAX_WRITE ((size_t)48 << 10)
/* Of a connection. Peers change keys after 2^24 records or so, and give two tickets. */
#define MOST_KEY_CHANGES 64

static pthread_once_t index_once = PTHREAD_ONCE_INIT;
static int count_index; /* of what sv_tls_limit_key_changes counts */

static void make_count_index(void) {
    count_index = SSL_get_ex_new_index(0, NULL, NULL, NULL, NULL);
}

/* Of OpenSSL, about each message. */
static void on_message(int written, int version, int type, const void *message, size_t n, SSL *ssl,
                       void *arg) {
    (void)version, (void)arg;
    if (written || type != SSL3_RT_HANDSHAKE || n == 0)
        return;
    int kind = *(const unsigned char *)message;
    if (kind != SSL3_MT_KEY_UPDATE && kind != SSL3_MT_NEWSESSION_TICKET)
        return;
    uintptr_t count = (uintptr_t)SSL_get_ex_data(ssl, count_index) + 1;
    SSL_set_ex_data(ssl, count_index, (void *)count);
    if (count <= MOST_KEY_CHANGES)
        return;
    /* The kernel still has what came before the end; OpenSSL is not to read it either. */
    SSL_set_shutdown(ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    shutdown(SSL_get_fd(ssl), SHUT_RDWR);
}

void sv_tls_limit_key_changes(SSL_CTX *ctx) {
    pthread_once(&index_once, make_count_index);
    SSL_CTX_set_msg_callback(ctx, on_message);
}

/* As read and write would say it. */
static ssize_t outcome_of(SSL *ssl, int result) {
    switch (SSL_get_error(ssl, result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
        errno = EAGAIN;
        return -1;
    case SSL_ERROR_ZERO_RETURN:
        return 0;
    default: /* an end without close_notify among them: what came may be cut short */
        errno = ECONNRESET;
        return -1;
    }
}

ssize_t sv_tls_read(SSL *ssl, char *buf, size_t size) {
    size_t got = 0;
    /* To the last byte that OpenSSL holds: the loop does not know of these. */
    while (got < size) {
        ERR_clear_error();
        int result = SSL_read(ssl, buf + got, (int)(size - got < MAX_READ ? size - got : MAX_READ));
        if (result <= 0)
            return got > 0 ? (ssize_t)got : outcome_of(ssl, result);
        got += (size_t)result;
    }
    return (ssize_t)got;
}

ssize_t sv_tls_write(SSL *ssl, const struct iovec *pieces, size_t n) {
    size_t sent = 0;
    for (size_t i = 0; i < n; i++) {
        const char *at = pieces[i].iov_base;
        for (size_t left = pieces[i].iov_len; left > 0;) {
            ERR_clear_error();
            int result = SSL_write(ssl, at, (int)(left < MAX_WRITE ? left : MAX_WRITE));
            if (result <= 0)
                return sent > 0 ? (ssize_t)sent : outcome_of(ssl, result);
            at += result;
            left -= (size_t)result;
            sent += (size_t)result;
        }
    }
    return (ssize_t)sent;
}

int sv_tls_is_silent(SSL *ssl) {
    char byte;
    ERR_clear_error();
    int result = SSL_peek(ssl, &byte, 1);
    return result <= 0 && SSL_get_error(ssl, result) == SSL_ERROR_WANT_READ;
}

void sv_tls_error_text(char *out, size_t size) {
    unsigned long error = ERR_peek_last_error();
    const char *reason = ERR_reason_error_string(error);
    if (error == 0)
        snprintf(out, size, "no reason given");
    else if (reason != NULL)
        snprintf(out, size, "%s", reason);
    else /* of the system: a file that cannot be opened */
        ERR_error_string_n(error, out, size);
    ERR_clear_error();
}

static void explain_failure(SSL *ssl, char *why, size_t why_size) {
    long verdict = SSL_get_verify_result(ssl);
    sv_tls_error_text(why, why_size);
    if (SSL_get_verify_mode(ssl) != SSL_VERIFY_NONE && verdict != X509_V_OK)
        snprintf(why, why_size, "%s", X509_verify_cert_error_string(verdict));
}

sv_tls_step sv_tls_handshake(SSL *ssl, char *why, size_t why_size) {
    ERR_clear_error();
    int result = SSL_do_handshake(ssl);
    if (result == 1)
        return SV_TLS_READY;
    switch (SSL_get_error(ssl, result)) {
    case SSL_ERROR_WANT_READ:
        return SV_TLS_WANTS_READ;
    case SSL_ERROR_WANT_WRITE:
        return SV_TLS_WANTS_WRITE;
    default:
        explain_failure(ssl, why, why_size);
        return SV_TLS_FAILED;
    }
}

void sv_tls_finish(SSL *ssl) {
    ERR_clear_error();
    SSL_shutdown(ssl);
    ERR_clear_error();
}
