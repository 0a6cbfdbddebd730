/*
 * Between a downstream exchange and an upstream one: which request headers go on, and how an answer
 * is streamed back. Used by proxy and gateway alike.
 */
#ifndef SV_FORWARD_H
#define SV_FORWARD_H

#include "exchange.h"
#include "upstream.h"

/* The request's end-to-end fields, in order, names in lower case, with room for `spare` more. In
 * the request's pool. Nothing is added. */
hr_pair *sv_forward_fields(sv_exchange *ex, size_t *n, size_t spare);

/* What this hop adds, appended to `fields` (room for SV_FORWARD_ADDS): x-request-id where
 * there is none, Via (RFC 9110 section 7.6.3). Returns the new count. */
#define SV_FORWARD_ADDS 2
size_t sv_forward_add(sv_exchange *ex, hr_pair *fields, size_t n);

/* True if the client takes trailers, by "te: trailers" or as it speaks gRPC. */
bool sv_forward_te_trailers(const sv_exchange *ex);
/* True if the request is a gRPC call, by its content-type as Envoy recognises it. */
bool sv_is_grpc_request(const sv_exchange *ex);

/* The request's body for sv_up_request: absent where the request has none and its method needs
 * none. */
hr_str sv_forward_body(const sv_exchange *ex);

/* Copies the fields of an answer (names in lower case) into the response, but for Date. */
void sv_forward_answer_fields(sv_exchange *ex, const hr_pair *fields, size_t n);

/* A copy of trailers, in the exchange's pool. */
const hr_pair *sv_forward_trailers(sv_exchange *ex, const hr_pair *fields, size_t n);

/* One answer on its way back. Zero it first; it must live as long as the request (in its pool). */
typedef struct sv_relay {
    sv_exchange *ex;
    sv_up_exchange *up; /* owned: freed with the request */
    int started;
} sv_relay;

/* Takes from the upload budget what is held for an upstream answer with these fields besides what
 * every exchange has: a large head, and the second direction if the client still sends, as an
 * answer comes before the request has been read or begins a tunnel. False: the budget is used up;
 * answer 503 instead. */
bool sv_relay_charge(sv_exchange *ex, const hr_pair *fields, size_t n, bool client_sends);
/* Begins the answer with the upstream's status and these fields (names in lower case; copied).
 * Upstream's Date gives way to ours. `content_length` as the upstream announced it,
 * SV_UNKNOWN_LENGTH where it did not. The relay must have `ex` and `up`. Follow with sv_relay_send.
 */
void sv_relay_begin(sv_relay *relay, int status, const hr_pair *fields, size_t n,
                    uint64_t content_length);
/* Passes on one sv_up_data_fn call; asks the upstream for more once the client has taken it. */
void sv_relay_send(sv_relay *relay, const char *bytes, size_t n, int final);
/* Aborts an answer begun with sv_relay_begin whose rest will not arrive. Closes the connection so
 * that the client detects the truncated answer. */
void sv_relay_abort(sv_relay *relay);

#endif
