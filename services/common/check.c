#include "check.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "listen.h"

static int fail(const char *program, const char *address, const char *why) {
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

static int check(const char *program, const char *address, const char *host, const char *expected) {
    char request[128];
    size_t request_len =
        (size_t)snprintf(request, sizeof(request),
                         "GET /ready HTTP/1.1\r\n%sConnection: close\r\n\r\n", host);
    const struct timeval limit = {5, 0};
    struct sockaddr_storage storage;
    socklen_t len;
    char why[256], answer[64] = "";
    if (hr_parse_address(&storage, &len, address, why, sizeof(why)) != 0)
        return fail(program, address, why);
    any_to_loopback(&storage);
    int fd = socket(storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return fail(program, address, strerror(errno));
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    size_t have = 0;
    ssize_t n = -1;
    if (connect(fd, (struct sockaddr *)&storage, len) == 0 &&
        send(fd, request, request_len, MSG_NOSIGNAL) == (ssize_t)request_len) {
        while (have < sizeof(answer) - 1 &&
               (n = recv(fd, answer + have, sizeof(answer) - 1 - have, 0)) > 0)
            have += (size_t)n;
    }
    int error = errno;
    close(fd);
    if (n < 0)
        return fail(program, address, strerror(error));
    if (strncmp(answer, expected, strlen(expected)) != 0) {
        answer[strcspn(answer, "\r\n")] = '\0';
        return fail(program, address, answer);
    }
    return 0;
}

int hr_check_ready(const char *program, const char *address) {
    return check(program, address, "Host: localhost\r\n", "HTTP/1.1 200 ");
}

int hr_check_answers(const char *program, const char *address) {
    return check(program, address, "", "HTTP/1.1 400 ");
}
