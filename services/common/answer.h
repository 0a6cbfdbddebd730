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

/* Adds the headers that every answer of ours carries: call it once, before h2o_start_response,
 * where none of the functions below is used. */
void hr_answer_finish_headers(hr_exchange *ex);

/* Sends `n` pieces, which must live as long as the request. `content_type` static or in the pool.
 * For HEAD only the headers go out. */
void hr_answer_pieces(hr_exchange *ex, int status, const char *content_type, h2o_iovec_t *pieces,
                      size_t n);
/* One static or pooled body. */
void hr_answer(hr_exchange *ex, int status, const char *content_type, h2o_iovec_t body);
/* Static JSON text. */
void hr_answer_json(hr_exchange *ex, int status, const char *json);

/* Takes and frees the text, JSON. 500 where its memory ran out. */
void hr_answer_text(hr_exchange *ex, int status, hr_text *json);

/* The failure form: {"status":"ng","img_none_bg_base64":null,"detail":"..."}; for a path of /v2 that
 * of the Open Inference Protocol, {"error":"..."}. */
void hr_answer_error(hr_exchange *ex, int status, const char *detail);
void hr_answer_errorf(hr_exchange *ex, int status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* 503 with Retry-After. */
void hr_answer_busy(hr_exchange *ex, int retry_after_s, const char *detail);
/* 405 with Allow. */
void hr_answer_method(hr_exchange *ex, const char *allow);

/* The JSON of the failure form, in the pool. */
h2o_iovec_t hr_error_json(h2o_req_t *req, const char *detail);

/* /ready and /metrics are the same everywhere. True: it was such a call and is answered. */
bool hr_answer_common(hr_exchange *ex);

#endif
