/*
 * Answers that take tens of milliseconds to write where there are thousands of rules. A thread of
 * its own writes each, so that no other request of the loop waits. The number of such answers is
 * limited, and each counts until its last byte is sent: what clients that do not read can make the
 * gateway hold is that number times the largest answer.
 */
#ifndef HR_SERVICES_GATEWAY_ASIDE_H
#define HR_SERVICES_GATEWAY_ASIDE_H

#include "gateway.h"

typedef struct gw_aside gw_aside;
struct gw_aside {
    hr_message super;
    hr_loop *loop;
    hr_exchange *ex; /* the loop's alone; NULL: the client has gone */
    gateway *gateway;
    gw_config *config; /* held, as it was when the client asked */
    void (*write)(gw_aside *aside);
    int status; /* of the answer: 200 unless `write` says otherwise */
    bool is_public; /* asked for at the page, not by the administrator */
    bool sending; /* the answer has begun: the exchange's end frees this */
    hr_text json;
    size_t len;      /* of the question, for `write` to change as it likes */
    char question[]; /* zero-terminated */
};

/* Of all that may be held at a time, the public page has only the first part: the administrator is
 * answered whatever its clients do. */
#define GW_MAX_ASIDES 8
#define GW_MAX_PUBLIC_ASIDES 4

/* Answers with what `write` writes, which is called on a thread of its own and sees a copy of the
 * question. 503 with Retry-After if as many as may be are held already, or there is no memory or no
 * thread. */
void gw_answer_aside(hr_exchange *ex, void (*write)(gw_aside *aside), hr_str question);

/* The loops have ended: waits for threads that still write for a client that has gone. */
bool gw_aside_stop(void *ctx);

#endif
