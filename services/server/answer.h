/*
 * Answers. Each function answers completely, exactly once; the exchange must not be touched after
 * it. All add x-request-id, Via (this hop's "1.1 NAME" after what is there) and Server-Timing.
 */
#ifndef HR_SERVICES_ANSWER_H
#define HR_SERVICES_ANSWER_H

#include "exchange.h"
#include "server.h"

/* The reason phrase of a status (RFC 9110); "Unknown" for others. Zero-terminated, static. */
const char *hr_status_reason(int status);

/* Adds a field to the answer, after what is there. Both must live as long as the exchange; the name
 * is in lower case. */
void hr_answer_field(hr_exchange *ex, hr_str name, hr_str value);
/* Makes room for so many fields more. */
void hr_answer_reserve(hr_exchange *ex, size_t n);
/* Adds Retry-After. */
void hr_answer_retry_after(hr_exchange *ex, int seconds);

/* Adds the headers that every answer of ours carries: call it once, before hr_answer_start, where
 * none of the whole answers below is used. */
void hr_answer_finish_headers(hr_exchange *ex);

/* Begins an answer that is sent piece by piece. `content_length` may be HR_UNKNOWN_LENGTH: then it
 * is sent in chunks, or to a client of HTTP/1.0 until the connection is closed. `on_sent` is called
 * each time a piece that is not the last was taken by the client's connection. */
void hr_answer_start(hr_exchange *ex, int status, uint64_t content_length,
                     void (*on_sent)(hr_exchange *ex));
/* The next piece of the content, in at most HR_MAX_PIECES parts, which must stay until on_sent or
 * the end of the exchange. Nothing more may be written before on_sent was called, and nothing after
 * the final piece. For HEAD only the head goes out. */
#define HR_MAX_PIECES 4
void hr_answer_write(hr_exchange *ex, const hr_str *parts, size_t n, bool final);
/* Fields that follow the content; they and the list must live as long as the exchange. To be called
 * before the final piece is written. They are dropped where the protocol has no place for them:
 * HTTP/1.0, and answers of known length in HTTP/1.1. */
void hr_answer_trailers(hr_exchange *ex, const hr_pair *fields, size_t n);
/* An informational answer (103, for example) before the answer. The fields are copied. */
void hr_answer_inform(hr_exchange *ex, int status, const hr_pair *fields, size_t n);
/* The rest will not come: ends the connection, or the stream, so that the client notices. */
void hr_answer_abort(hr_exchange *ex);
/* False where an answer of this status to this request has no content (RFC 9110, 6.4.1). */
bool hr_answer_has_content(const hr_exchange *ex);

/* Sends `n` <= HR_MAX_PIECES pieces, which must live as long as the exchange. `content_type` static
 * or in the pool. */
void hr_answer_pieces(hr_exchange *ex, int status, const char *content_type, const hr_str *pieces,
                      size_t n);
/* One static or pooled body. */
void hr_answer(hr_exchange *ex, int status, const char *content_type, hr_str body);
/* Static JSON text. */
void hr_answer_json(hr_exchange *ex, int status, const char *json);

/* Takes and frees the text, JSON. 500 where its memory ran out. */
void hr_answer_text(hr_exchange *ex, int status, hr_text *json);

/* The failure form: {"status":"ng","img_none_bg_base64":null,"detail":"..."}; for a path of /v2
 * that of the Open Inference Protocol, {"error":"..."}. */
void hr_answer_error(hr_exchange *ex, int status, const char *detail);
void hr_answer_errorf(hr_exchange *ex, int status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* 503 with Retry-After. */
void hr_answer_busy(hr_exchange *ex, int retry_after_s, const char *detail);
/* 405 with Allow. */
void hr_answer_method(hr_exchange *ex, const char *allow);

/* The JSON of the failure form, in the pool. */
hr_str hr_error_json(hr_exchange *ex, const char *detail);

/* /ready and /metrics are the same everywhere. True: it was such a call and is answered. */
bool hr_answer_common(hr_exchange *ex);

#endif
