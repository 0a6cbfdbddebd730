/*
 * Answers. Each function answers completely, exactly once; the exchange must not be touched after
 * it. All add x-request-id, Via (this hop's "1.1 NAME" after what is there) and Server-Timing.
 */
#ifndef SV_ANSWER_H
#define SV_ANSWER_H

#include "exchange.h"
#include "server.h"

/* The reason phrase of a status (RFC 9110); "Unknown" for others. Zero-terminated, static. */
const char *sv_status_reason(int status);

/* Adds a field to the answer, after what is there. Both must live as long as the exchange; the name
 * is in lower case. */
void sv_answer_field(sv_exchange *ex, hr_str name, hr_str value);
/* Makes room for this many more fields. */
void sv_answer_reserve(sv_exchange *ex, size_t n);
/* Adds Retry-After. */
void sv_answer_retry_after(sv_exchange *ex, int seconds);

/* Adds the headers that every answer of ours carries: call it once, before sv_answer_start, where
 * none of the whole answers below is used. */
void sv_answer_finish_headers(sv_exchange *ex);

/* Begins an answer that is sent piece by piece. `content_length` may be SV_UNKNOWN_LENGTH: then it
 * is sent in chunks, or to a client of HTTP/1.0 until the connection is closed. `on_sent` is called
 * each time a piece that is not the last was taken by the client's connection. */
void sv_answer_start(sv_exchange *ex, int status, uint64_t content_length,
                     void (*on_sent)(sv_exchange *ex));
/* The next piece of the content, in at most SV_ANSWER_PIECES parts, which must stay until on_sent
 * or the end of the exchange. Nothing more may be written before on_sent was called, and nothing
 * after the final piece. For HEAD only the head goes out. */
#define SV_ANSWER_PIECES 4
void sv_answer_write(sv_exchange *ex, const hr_str *parts, size_t n, bool final);
/* Fields that follow the content; they and the list must live as long as the exchange. To be called
 * before the final piece is written. They are dropped where the protocol has no place for them:
 * HTTP/1.0, and answers of known length in HTTP/1.1. */
void sv_answer_trailers(sv_exchange *ex, const hr_pair *fields, size_t n);
/* An informational answer (103, for example) before the answer. The fields are copied. It is not
 * sent where the upload budget has no bytes left for it. */
void sv_answer_inform(sv_exchange *ex, int status, const hr_pair *fields, size_t n);
/* The rest will not come: ends the connection, or the stream, so that the client notices. */
void sv_answer_abort(sv_exchange *ex);
/* False where an answer of this status to this request has no content (RFC 9110, 6.4.1). */
bool sv_answer_has_content(const sv_exchange *ex);

/* Sends `n` <= SV_ANSWER_PIECES pieces, which must live as long as the exchange. `content_type`
 * static or in the pool. */
void sv_answer_pieces(sv_exchange *ex, int status, const char *content_type, const hr_str *pieces,
                      size_t n);
/* One static or pooled body. */
void sv_answer(sv_exchange *ex, int status, const char *content_type, hr_str body);
/* Static JSON text. */
void sv_answer_json(sv_exchange *ex, int status, const char *json);

#endif
