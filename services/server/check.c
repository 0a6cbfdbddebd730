/* Implements --check, which asks a running server over HTTP whether it is ready. */
#include "check.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <openssl/ssl.h>

#include "listen.h"

static int check_fail(const char *program, const char *address, const char *why) {
    fprintf(stderr, "%s: %s is not ready: %s\n", program, address, why);
    return 1;
}

static void any_to_loopback(struct sockaddr_storage *address) {
    struct sockaddr_in *in = (struct sockaddr_in *)address;
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)address;
    if (address->ss_family == AF_INET && in->sin_addr.s_addr == htonl(INADDR_ANY))
        in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (address->ss_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&in6->sin6_addr))
        in6->sin6_addr = in6addr_loopback;
}

/* Both may be NULL. */
typedef struct session {
    SSL_CTX *ctx;
    SSL *ssl;
} session;

static bool shake_hands(session *s, int fd) {
    s->ctx = SSL_CTX_new(TLS_client_method());
    s->ssl = s->ctx != NULL ? SSL_new(s->ctx) : NULL;
    return s->ssl != NULL && SSL_set_fd(s->ssl, fd) == 1 && SSL_connect(s->ssl) == 1;
}

static bool check_put(const session *s, int fd, const char *bytes, size_t len) {
    return s->ssl != NULL ? SSL_write(s->ssl, bytes, (int)len) == (int)len
                          : send(fd, bytes, len, MSG_NOSIGNAL) == (ssize_t)len;
}

static ssize_t get(const session *s, int fd, char *bytes, size_t len) {
    return s->ssl != NULL ? SSL_read(s->ssl, bytes, (int)len) : recv(fd, bytes, len, 0);
}

static int check_server(const char *program, const char *address, const char *host,
                        const char *expected, int tls) {
    session s = {NULL, NULL};
    char request[128];
    size_t request_len = (size_t)snprintf(
        request, sizeof(request), "GET /ready HTTP/1.1\r\n%sConnection: close\r\n\r\n", host);
    const struct timeval limit = {5, 0};
    struct sockaddr_storage storage;
    socklen_t len;
    char why[256], answer[64] = "";
    if (sv_parse_address(&storage, &len, address, why, sizeof(why)) != 0)
        return check_fail(program, address, why);
    any_to_loopback(&storage);
    int fd = socket(storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return check_fail(program, address, strerror(errno));
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    size_t have = 0;
    ssize_t n = -1;
    errno = 0;
    if (connect(fd, (struct sockaddr *)&storage, len) == 0 && (!tls || shake_hands(&s, fd)) &&
        check_put(&s, fd, request, request_len)) {
        while (have < sizeof(answer) - 1 &&
               (n = get(&s, fd, answer + have, sizeof(answer) - 1 - have)) > 0)
            have += (size_t)n;
    }
    int error = errno;
    SSL_free(s.ssl);
    SSL_CTX_free(s.ctx);
    close(fd);
    if (n < 0)
        return check_fail(program, address, error != 0 ? strerror(error) : "no TLS handshake");
    if (strncmp(answer, expected, strlen(expected)) != 0) {
        answer[strcspn(answer, "\r\n")] = '\0';
        return check_fail(program, address, answer);
    }
    return 0;
}

int sv_check_ready(const char *program, const char *address) {
    return check_server(program, address, "Host: localhost\r\n", "HTTP/1.1 200 ", 0);
}

int sv_check_answers(const char *program, const char *address, int tls) {
    return check_server(program, address, "", "HTTP/1.1 400 ", tls);
}
