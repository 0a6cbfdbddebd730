/* The answers that servers give of their own: errors, and what is the same everywhere. The rules of
 * answer.h hold. */
#ifndef SV_ANSWER_ERROR_H
#define SV_ANSWER_ERROR_H

#include "answer.h"
#include "json_out.h"

/* Takes and frees the text, JSON. 500 where its memory ran out. */
void sv_answer_text(sv_exchange *ex, int status, sv_text *json);

/* The failure form: {"status":"ng","img_none_bg_base64":null,"detail":"..."}; for a path of /v2
 * that of the Open Inference Protocol, {"error":"..."}. */
void sv_answer_error(sv_exchange *ex, int status, const char *detail);
void sv_answer_errorf(sv_exchange *ex, int status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* 503 with Retry-After. */
void sv_answer_busy(sv_exchange *ex, int retry_after_s, const char *detail);
/* 405 with Allow. */
void sv_answer_method(sv_exchange *ex, const char *allow);

/* The JSON of the failure form, in the pool. */
hr_str sv_error_json(sv_exchange *ex, const char *detail);

/* /ready and /metrics are the same everywhere. True: it was such a call and is answered. */
bool sv_answer_common(sv_exchange *ex);

#endif
