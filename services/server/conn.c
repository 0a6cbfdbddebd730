/* The two ends of a connection. */
#include "conn.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static bool format_address(char *host, size_t size, unsigned *port,
                           const struct sockaddr_storage *sa) {
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)sa;
    const struct sockaddr_in *in = (const struct sockaddr_in *)sa;
    if (sa->ss_family == AF_INET6) {
        *port = ntohs(in6->sin6_port);
        return inet_ntop(AF_INET6, &in6->sin6_addr, host, (socklen_t)size) != NULL;
    }
    *port = ntohs(in->sin_port);
    return sa->ss_family == AF_INET &&
           inet_ntop(AF_INET, &in->sin_addr, host, (socklen_t)size) != NULL;
}

static const sv_peer *name_end(sv_peer *end, int fd,
                               int (*get)(int fd, struct sockaddr *address, socklen_t *len)) {
    struct sockaddr_storage address;
    socklen_t len = sizeof(address);
    char host[INET6_ADDRSTRLEN];
    unsigned port;
    if (end->len > 0)
        return end;
    if (get(fd, (struct sockaddr *)&address, &len) != 0 ||
        !format_address(host, sizeof(host), &port, &address))
        return end;
    end->address_len = strlen(host);
    end->len = (size_t)sprintf(end->text, "%s:%u", host, port);
    return end;
}

const sv_peer *sv_conn_peer(sv_conn *conn) {
    return name_end(&conn->peer, sv_sock_fd(conn->sock), getpeername);
}

const sv_peer *sv_conn_local(sv_conn *conn) {
    return name_end(&conn->local, sv_sock_fd(conn->sock), getsockname);
}

void sv_conn_leave(sv_conn *conn, uint64_t now) {
    if (conn->leaving)
        return;
    conn->leaving = true;
    conn->leaving_ns = now;
}
