/* Parses listen addresses and opens listening sockets. */
#include "listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The kernel's buffers of one connection, each way (it doubles what is asked for). They count
 * against the memory limit of the group, and slow readers fill them: so they must not grow as far
 * as the kernel would let them. */
#define SOCKET_BUFFER (128 << 10)

static int bad(char *why, size_t why_size, const char *text) {
    snprintf(why, why_size, "'%s' is not an address and port such as 127.0.0.1:5000 or [::1]:5000",
             text);
    return -1;
}

int sv_parse_address(struct sockaddr_storage *out, socklen_t *out_len, const char *text, char *why,
                     size_t why_size) {
    char host[64], *end;
    const char *colon = strrchr(text, ':');
    if (colon == NULL || (size_t)(colon - text) >= sizeof(host) || colon[1] < '0' || colon[1] > '9')
        return bad(why, why_size, text);
    long port = strtol(colon + 1, &end, 10);
    if (*end != '\0' || port > 65535)
        return bad(why, why_size, text);
    size_t len = (size_t)(colon - text);
    bool v6 = len > 2 && text[0] == '[' && text[len - 1] == ']';
    memcpy(host, v6 ? text + 1 : text, v6 ? len - 2 : len);
    host[v6 ? len - 2 : len] = '\0';
    memset(out, 0, sizeof(*out));
    if (v6) {
        struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)out;
        in6->sin6_family = AF_INET6;
        in6->sin6_port = htons((uint16_t)port);
        *out_len = sizeof(*in6);
        return inet_pton(AF_INET6, host, &in6->sin6_addr) == 1 ? 0 : bad(why, why_size, text);
    }
    struct sockaddr_in *in = (struct sockaddr_in *)out;
    in->sin_family = AF_INET;
    in->sin_port = htons((uint16_t)port);
    *out_len = sizeof(*in);
    return inet_pton(AF_INET, host, &in->sin_addr) == 1 ? 0 : bad(why, why_size, text);
}

/* Accepted connections inherit it. A client may be gone without a FIN that we see: its host has
 * vanished, or the FIN waits behind bytes for which our receive buffer has no room while a request
 * is being answered. Its system then forgets the connection (Linux: after about four minutes), and
 * answers the next probe with a reset. */
static int keep_alive(int fd) {
    static const int on = 1, idle_s = 60, interval_s = 15, probes = 4;
    return setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on)) == 0 &&
           setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof(idle_s)) == 0 &&
           setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval_s, sizeof(interval_s)) == 0 &&
           setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof(probes)) == 0;
}

int sv_listen(const char *address, int64_t stall_timeout_ms, char *why, size_t why_size) {
    struct sockaddr_storage storage;
    socklen_t len;
    if (sv_parse_address(&storage, &len, address, why, why_size) != 0)
        return -1;
    int fd = socket(storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int on = 1, buffer = SOCKET_BUFFER;
    unsigned stall = (unsigned)stall_timeout_ms;
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof(buffer)) != 0 ||
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof(buffer)) != 0 ||
        /* Accepted connections inherit it. */
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0 ||
        setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &stall, sizeof(stall)) != 0 ||
        !keep_alive(fd) ||
        (storage.ss_family == AF_INET6 &&
         setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) != 0) ||
        bind(fd, (struct sockaddr *)&storage, len) != 0 || listen(fd, SOMAXCONN) != 0) {
        snprintf(why, why_size, "cannot listen on %s: %s", address, strerror(errno));
        if (fd >= 0)
            close(fd);
        return -1;
    }
    return fd;
}

void sv_local_address(char *buf, size_t size, int fd) {
    struct sockaddr_storage storage;
    socklen_t len = sizeof(storage);
    char host[INET6_ADDRSTRLEN] = "?";
    if (getsockname(fd, (struct sockaddr *)&storage, &len) == 0 && storage.ss_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)&storage;
        inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof(host));
        snprintf(buf, size, "[%s]:%d", host, ntohs(in6->sin6_port));
    } else {
        const struct sockaddr_in *in = (const struct sockaddr_in *)&storage;
        inet_ntop(AF_INET, &in->sin_addr, host, sizeof(host));
        snprintf(buf, size, "%s:%d", host, ntohs(in->sin_port));
    }
}
