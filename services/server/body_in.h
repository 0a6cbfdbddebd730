/* The body of a request on its way in. */
#ifndef SV_BODY_IN_H
#define SV_BODY_IN_H

#include "exchange.h"

/* ---- bodies that are streamed: only for listeners that say so -------------------------------
 *
 * on_request is called when the head is complete. If then !ex->body_done, the handler either
 * answers without the body, or asks for it with sv_body_stream. It sends the bytes of sv_body_next
 * on, and says so with sv_body_taken, which makes room for more. */

/* Begins to receive the body; ex->on_body is called for what comes from now on. The first `hold`
 * bytes are kept, so that sv_body_rewind works for as long as no more have come. Beyond, the bytes
 * that were taken make room for the next. A second call changes nothing. Where the upload budget is
 * used up, fewer are kept. */
void sv_body_stream(sv_exchange *ex, size_t hold);
/* The bytes that have come and were not taken. They stay until sv_body_taken or sv_body_rewind. */
hr_str sv_body_next(sv_exchange *ex);
/* The bytes of the last sv_body_next were sent. */
void sv_body_taken(sv_exchange *ex);
/* True if all of the body that was there is taken, and it is complete. */
bool sv_body_is_taken(const sv_exchange *ex);
/* True if no more comes before some is taken. */
bool sv_body_is_full(const sv_exchange *ex);
/* Begins again with the first byte of the body. False if it is no longer held. */
bool sv_body_rewind(sv_exchange *ex);
/* Bytes of the body so far. */
uint64_t sv_body_received(const sv_exchange *ex);

/* ---- bodies, for carriers ---- */

/* The length that the head announces, or SV_UNKNOWN_LENGTH. What ex->body has already is the body's
 * beginning in the carrier's memory. */
void sv_body_expect(sv_exchange *ex, uint64_t length);
/* The bytes of a tunnel, not of a body: no limit applies to them. */
void sv_body_expect_tunnel(sv_exchange *ex);
/* Makes room for the whole body, where it is not streamed. False: it was refused for lack of room.
 */
bool sv_body_hold_all(sv_exchange *ex);
/* Where the next bytes of the body go. NULL: there is no room before resume_body is called. */
char *sv_body_room(sv_exchange *ex, size_t *size);
/* The size of that room. What was taken and cannot be sent again makes room for it. */
size_t sv_body_make_room(sv_exchange *ex);
/* `n` bytes were put there; `done`: they are the last. False: the body is too large. */
bool sv_body_arrived(sv_exchange *ex, size_t n, bool done);
/* The body is malformed, or cannot be held. Answers if no answer has begun. */
void sv_body_fail(sv_exchange *ex, int status, const char *detail);

#endif
