/* What tunnel.c, which has what is common, shares with the sides of the client: tunnel_http1.c and
 * tunnel_http2.c. */
#ifndef SV_TUNNEL_INTERNAL_H
#define SV_TUNNEL_INTERNAL_H

#include <stdbool.h>

#include "tunnel.h"

/* How the client is spoken to. */
typedef struct sv_tunnel_client {
    /* Answers the request; sv_tunnel_opened follows. */
    void (*begin)(sv_tunnel *t, hr_str protocol);
    void (*dispose)(sv_tunnel *t);
    /* What was read of the client has been sent: reads more. */
    void (*read_on)(sv_tunnel *t);
    /* Stops reading: what was read has not been sent yet, or the client's half has ended. */
    void (*pause)(sv_tunnel *t);
    /* 1 if all is written, -1 if the client has gone, 0 if sv_tunnel_written follows. */
    int (*write)(sv_tunnel *t, const char *bytes, size_t n);
    /* The upstream's half has ended. False: that is the end of both. */
    bool (*finish)(sv_tunnel *t);
    /* The exchange is over. */
    void (*drop)(sv_tunnel *t);
} sv_tunnel_client;

struct sv_tunnel {
    const sv_tunnel_client *client;
    sv_exchange *ex;
    struct sv_conn *conn; /* HTTP/1.1 */
    sv_up_exchange *up;
    sv_timers *timers;
    sv_timer idle_timer;
    uint64_t idle_ms, last_at;
    char *block; /* HTTP/1.1: the client's bytes on their way up */
    bool open, sending, client_ended, upstream_ended;
    /* What came with the upstream's head, until ours is written. */
    const char *bytes;
    size_t n;
    bool final;
};

/* Ends both ways. The flag and the details are those of the log; NULL: none. */
void sv_tunnel_end(sv_tunnel *t, const char *flag, const char *details);
/* From now on the tunnel ends if nothing goes for too long. */
void sv_tunnel_watch(sv_tunnel *t);
/* The answer is written: bytes may follow it. */
void sv_tunnel_opened(sv_tunnel *t);
void sv_tunnel_written(sv_tunnel *t, bool ok);
/* Bytes of the client, which stay until it is asked to read on. */
void sv_tunnel_send_up(sv_tunnel *t, const char *bytes, size_t n);
/* The client's half has ended. */
void sv_tunnel_client_ended(sv_tunnel *t);

#endif
