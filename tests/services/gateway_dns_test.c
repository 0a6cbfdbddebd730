/* What the gateway learns of names within one round of questions, with a DNS server in the test. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dns.h"

#define PATIENCE_MS 60000

/* The header of a DNS message (RFC 1035, 4.1.1), and the record of an answer: the question's name,
 * type A, class IN, a TTL of 60 s, and 127.0.0.7. */
enum { HEAD = 12, QUESTION_END = 5 };
static const unsigned char record[] = {0xc0, HEAD, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 7};

static int open_server(char *out, size_t size) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(at);
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    cr_assert(fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0 &&
              getsockname(fd, (struct sockaddr *)&at, &len) == 0);
    snprintf(out, size, "127.0.0.1:%d", ntohs(at.sin_port));
    return fd;
}

/* Waits for a question and answers it with one address. */
static void answer_one(int server) {
    unsigned char message[512 + sizeof(record)];
    struct sockaddr_in from;
    socklen_t len = sizeof(from);
    struct pollfd asked = {.fd = server, .events = POLLIN};
    cr_assert(poll(&asked, 1, PATIENCE_MS) == 1);
    ssize_t n = recvfrom(server, message, 512, 0, (struct sockaddr *)&from, &len);
    cr_assert(n > HEAD + QUESTION_END);
    size_t end = HEAD + strlen((char *)message + HEAD) + QUESTION_END; /* without EDNS */
    memcpy(message + 2, (unsigned char[]){0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0}, HEAD - 2);
    memcpy(message + end, record, sizeof(record));
    end += sizeof(record);
    cr_assert(sendto(server, message, end, 0, (struct sockaddr *)&from, len) == (ssize_t)end);
}

/* Of a round in which two views use the same name. */
Test(gateway_dns, an_answer_between_two_views_makes_another_round) {
    char address[64], why[256];
    int server = open_server(address, sizeof(address));
    gw_dns *dns = gw_dns_new(address, why, sizeof(why));
    cr_assert(dns != NULL, "%s", why);
    const hr_str name = HR_STR("pods.test"), *found;
    size_t n;
    gw_dns_begin(dns);
    gw_dns_resolve(dns, name, &found, &n);
    cr_assert(eq(sz, n, 0));
    answer_one(server);
    struct pollfd changed = {.fd = gw_dns_change_fd(dns), .events = POLLIN};
    cr_assert(poll(&changed, 1, PATIENCE_MS) == 1);
    gw_dns_resolve(dns, name, &found, &n);
    cr_assert(eq(sz, n, 1));
    cr_expect(gw_dns_wait(dns, PATIENCE_MS) == 1, "the first view has no address");
    gw_dns_begin(dns);
    gw_dns_resolve(dns, name, &found, &n);
    gw_dns_resolve(dns, name, &found, &n);
    cr_expect(eq(sz, n, 1));
    cr_expect(gw_dns_wait(dns, PATIENCE_MS) == 0, "both views have it");
    gw_dns_free(dns);
    close(server);
}
