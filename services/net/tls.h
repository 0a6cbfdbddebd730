/* Bytes of a socket that speaks TLS, and the errors of OpenSSL. */
#ifndef SV_NET_TLS_H
#define SV_NET_TLS_H

#include <sys/types.h>
#include <sys/uio.h>

#include <openssl/ssl.h>

/* A connection whose peer sends more than 64 KeyUpdates or NewSessionTickets ends. Each costs as
 * much as thousands of bytes of content (RFC 8446 section 4.6). */
void sv_tls_limit_key_changes(SSL_CTX *ctx);

/* As sv_sock_read and writev(2): -1 with errno. */
ssize_t sv_tls_read(SSL *ssl, char *buf, size_t size);
ssize_t sv_tls_write(SSL *ssl, const struct iovec *pieces, size_t n);
/* True if the peer has said nothing that was not read. */
int sv_tls_is_silent(SSL *ssl);

typedef enum sv_tls_step {
    SV_TLS_FAILED,
    SV_TLS_WANTS_READ,
    SV_TLS_WANTS_WRITE,
    SV_TLS_READY
} sv_tls_step;
/* Goes on with the handshake. SV_TLS_FAILED: `why` is a sentence fragment. */
sv_tls_step sv_tls_handshake(SSL *ssl, char *why, size_t why_size);
/* The text of OpenSSL's last error ("certificate has expired"); empties its queue. */
void sv_tls_error_text(char *out, size_t size);
/* close_notify, if there is room for it. */
void sv_tls_finish(SSL *ssl);

#endif
