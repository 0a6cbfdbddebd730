/*
 * TLS of a listener: certificate and key from PEM files, exchanged while the server runs.
 *
 * TLS 1.2 and 1.3 with forward secrecy and authenticated encryption only, no renegotiation, no
 * compression; of a client's ALPN list (RFC 7301) h2 is taken before http/1.1.
 *
 * Any thread may call any of it, but reloads come one at a time.
 */
#ifndef SV_NET_TLS_SERVER_H
#define SV_NET_TLS_SERVER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/ssl.h>

typedef struct sv_tls sv_tls;

/* A context with these settings, and without a certificate. NULL: no memory. */
SSL_CTX *sv_tls_context_plain(void);

/* Reads the chain (the server's certificate first) and its key; both PEM, the key without a pass
 * phrase. The paths must live as long as the result. NULL: `why` is a sentence that names the file.
 */
sv_tls *sv_tls_new(const char *cert_path, const char *key_path, char *why, size_t why_size);
/* Reads both files again. New connections have the new pair, open ones keep theirs. -1: `why` is a
 * sentence, and the pair of before stays. */
int sv_tls_reload(sv_tls *tls, char *why, size_t why_size);
/* For a new connection, in accept state. NULL if memory is short. */
SSL *sv_tls_accept(sv_tls *tls);
/* True if ALPN has chosen HTTP/2. */
bool sv_tls_speaks_http2(const SSL *ssl);
/* A handshake was completed. */
void sv_tls_note_handshake(sv_tls *tls);
void sv_tls_free(sv_tls *tls);

/* Returns the expiry of the current certificate in seconds since 1970, or 0 if it is unknown. */
int64_t sv_tls_not_after(const sv_tls *tls);
/* Connections accepted, and handshakes completed on them. */
uint64_t sv_tls_connections(const sv_tls *tls);
uint64_t sv_tls_handshakes(const sv_tls *tls);

#endif
