/* The answer to a picture, back on its loop. */
#include "result.h"

#include <stdio.h>
#include <stdlib.h>

#include "answer_error.h"
#include "answer_grpc.h"

/* The answer's body, and its share of the pictures' memory, belong to the request until it has been
 * sent. */
typedef struct held_answer {
    sv_predict *predict;
    int64_t memory;
    uint8_t *file;
    char *text;
    size_t len;
} held_answer;

static void drop_answer(void *memory) {
    held_answer *held = memory;
    sv_budget_give(&held->predict->answers, held->len);
    if (held->memory > 0)
        sv_jobs_memory_give(held->predict->jobs, held->memory);
    grabcut_free(held->file);
    free(held->text);
}

static void add_timings(const sv_predict_job *job, sv_exchange *ex) {
    sv_exchange_timing(ex, "queue", (double)(job->super.started_ns - job->super.queued_ns) / 1e6);
    sv_exchange_timing(ex, "decode", job->decode_ms);
    sv_exchange_timing(ex, "segment", job->segment_ms);
    sv_exchange_timing(ex, "encode", job->encode_ms);
}

void sv_predict_answer_busy(sv_predict *predict, sv_exchange *ex, const char *detail) {
    ex->response_flags = "UO";
    sv_answer_busy(ex, sv_jobs_retry_after(predict->jobs), detail);
}

/* Binary tensor data: where its JSON ends stands in a header. */
static void answer_tensors(const sv_predict_job *job, sv_exchange *ex, hr_str body) {
    if (job->request.message) {
        sv_answer_grpc(ex, body);
        return;
    }
    if (job->json_len == body.len) {
        sv_answer(ex, 200, "application/json", body);
        return;
    }
    char *length = sv_pool_alloc(ex->pool, 24);
    int n = snprintf(length, 24, "%zu", job->json_len);
    sv_answer_field(ex, HR_STR("inference-header-content-length"), (hr_str){length, (size_t)n});
    sv_answer(ex, 200, "application/octet-stream", body);
}

static void answer_result(sv_predict_job *job, sv_exchange *ex) {
    sv_predict *predict = job->predict;
    size_t len = sv_predict_answer_length(job);
    add_timings(job, ex);
    if (!sv_budget_take(&predict->answers, len)) {
        sv_predict_answer_busy(predict, ex, "other clients are too slow in taking their answers");
        return;
    }
    held_answer *held = sv_pool_alloc(ex->pool, sizeof(*held));
    sv_pool_on_free(ex->pool, drop_answer, held);
    *held = (held_answer){predict, job->memory, job->file, job->text, len};
    job->memory = 0;
    job->file = NULL;
    job->text = NULL;
    if (job->request.body == SV_BODY_INFER) {
        answer_tensors(job, ex, (hr_str){held->text, len});
        return;
    }
    if (held->text == NULL) {
        sv_answer(ex, 200, sv_form_types[job->request.form],
                  (hr_str){(const char *)held->file, len});
        return;
    }
    hr_str pieces[] = {
        HR_STR("{\"status\":\"ok\",\"img_none_bg_base64\":\""), {held->text, len}, HR_STR("\"}")};
    sv_answer_pieces(ex, 200, "application/json", pieces, 3);
}

void sv_predict_answer(sv_job *super, sv_exchange *ex, sv_cancel cancel) {
    sv_predict_job *job = SV_CONTAINER(sv_predict_job, super, super);
    if (cancel == SV_CANCEL_DEADLINE) {
        ex->response_flags = "UT";
        sv_answer_error(ex, 504, "the picture could not be done within the deadline");
    } else if (cancel != SV_CANCEL_NONE) {
        sv_predict_answer_busy(job->predict, ex, "this server is shutting down");
    } else if (job->status == 200) {
        answer_result(job, ex);
    } else if (job->status == 503) {
        sv_predict_answer_busy(job->predict, ex, job->detail);
    } else {
        sv_answer_error(ex, job->status, job->detail);
    }
}
