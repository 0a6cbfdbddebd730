/*
 * Answers that take tens of milliseconds to write where there are thousands of rules. A thread of
 * its own writes each, so that no other request of the loop waits; at most four at a time.
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
    hr_text json;
    size_t len;      /* of the question, for `write` to change as it likes */
    char question[]; /* zero-terminated */
};

/* Answers with what `write` writes, which is called on a thread of its own and sees a copy of the
 * question. 503 if four are being written, or there is no memory or no thread. */
void gw_answer_aside(hr_exchange *ex, void (*write)(gw_aside *aside), h2o_iovec_t question);

/* The loops have ended: waits for threads that still write for a client that has gone. */
bool gw_aside_stop(void *ctx);

#endif
