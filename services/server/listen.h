/* Listen addresses and listening sockets. */
#ifndef SV_LISTEN_H
#define SV_LISTEN_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/* Parses "127.0.0.1:5000", "[::1]:5000" (numbers only, so that nothing is looked up). 0, or -1 with
 * a sentence in `why`. */
int sv_parse_address(struct sockaddr_storage *out, socklen_t *out_len, const char *text, char *why,
                     size_t why_size);

/* Binds and listens; the descriptor, or -1 with a sentence in `why`. Without SO_REUSEPORT: a second
 * copy of the same server on the same port must fail, not share. Accepted sockets inherit the
 * options. */
int sv_listen(const char *address, int64_t stall_timeout_ms, char *why, size_t why_size);

/* "127.0.0.1:5000" of a bound socket, into buf. */
void sv_local_address(char *buf, size_t size, int fd);

#endif
