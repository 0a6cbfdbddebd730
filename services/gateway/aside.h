/*
 * Answers that take tens of milliseconds to write where there are thousands of rules. A thread of
 * its own writes each, so that no other request of the loop waits. The number of such answers is
 * limited for each kind, and each counts until its last byte is sent: what clients that do not read
 * can make the gateway hold is that number times the largest answer. The administrator is answered
 * whatever the clients of the page do.
 */
#ifndef SV_GATEWAY_ASIDE_H
#define SV_GATEWAY_ASIDE_H

#include <sys/types.h>

#include "gateway.h"

typedef struct gw_aside gw_aside;
struct gw_aside {
    sv_server_message super;
    sv_server_loop *loop;
    sv_exchange *ex; /* the loop's alone; NULL: the client has gone */
    gateway *gateway;
    gw_config *config;           /* held, as it was when the client asked */
    const gw_listener *listener; /* of the config: the one that the client asked at; the first for
                                    the administrator */
    void (*write)(gw_aside *aside);
    int status;      /* of the answer: 200 unless `write` says otherwise */
    int retry_after; /* seconds; 0: not said */
    gw_aside_kind kind;
    bool sending;        /* the answer has begun: the exchange's end frees this */
    pid_t process;       /* that writes for it; 0 if none. Guarded by diff_mutex, as the next. */
    const char *stopped; /* why its process was ended, or NULL */
    sv_text json;
    size_t len;      /* of the question, for `write` to change as it likes */
    char question[]; /* zero-terminated */
};

/* Calls `write` on a new thread, with a copy of the question, and sends what it writes. Answers 404
 * if a reload has removed or replaced the listener of the connection. Answers 503 with Retry-After
 * if the limit of this kind is reached, allocation fails, or no thread can be started. */
void gw_answer_aside(sv_exchange *ex, gw_aside_kind kind, void (*write)(gw_aside *aside),
                     hr_str question);

/* Ends the process of the comparison that is under way, if there is one; it is answered with 503
 * and the reason, a static sentence. */
void gw_aside_stop_diff(gateway *g, const char *why);

/* Ends the comparison of a client of this loop that has left. */
void gw_aside_sweep(gw_loop *loop);

/* The loops have ended: waits for threads that still write for a client that has gone. */
bool gw_aside_stop(void *ctx);

#endif
