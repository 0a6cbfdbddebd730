/* The work on one picture: a job is queued, and a worker decodes, segments and encodes. */
#include "work.h"

#include <stdlib.h>
#include <string.h>

#include "answer_error.h"
#include "decode.h"
#include "encode.h"
#include "estimate.h"
#include "grpc.h"
#include "read_request.h"
#include "result.h"

/* Workers keep the engine's memory from image to image, since fresh pages for each would cost more
 * than the work on a small one. No budget counts it while a worker is idle, so this is the most
 * that all of them keep together (docs/limits.md has the sum). */
#define KEPT_WORKSPACES ((size_t)4 << 20)

/* ---- on the worker ---- */

static int on_progress(void *ctx, const grabcut_progress *progress) {
    (void)progress;
    return sv_job_cancelled(ctx) != SV_CANCEL_NONE;
}

void sv_predict_worker_start(sv_worker *worker, void *ctx) {
    grabcut_workspace *workspace;
    (void)ctx;
    if (grabcut_workspace_new(&workspace) == GRABCUT_OK)
        worker->data = workspace;
}

void sv_predict_worker_stop(sv_worker *worker, void *ctx) {
    (void)ctx;
    grabcut_workspace_free(worker->data);
    worker->data = NULL;
}

static void trim_workspace(sv_worker *worker, size_t workers) {
    if (worker->data != NULL && grabcut_workspace_bytes(worker->data) > KEPT_WORKSPACES / workers) {
        sv_predict_worker_stop(worker, NULL);
        sv_predict_worker_start(worker, NULL);
    }
}

static bool segment(sv_predict_job *job, sv_worker *worker, grabcut_image *mask,
                    const grabcut_image *image) {
    grabcut_options options = GRABCUT_OPTIONS_INIT;
    grabcut_errbuf err = {""};
    sv_predict_set_start(&options, &job->request, image->width, image->height);
    options.models = &job->models;
    options.workspace = worker->data;
    options.progress = on_progress;
    options.progress_ctx = &job->super;
    int code = grabcut_segment(job->predict->engine, mask, image, &options, &err);
    if (code != GRABCUT_OK)
        sv_predict_fail_code(job, code, &err);
    return code == GRABCUT_OK;
}

/* Milliseconds since *from, which becomes now. */
static double lap(uint64_t *from) {
    uint64_t now = sv_now_ns();
    double ms = (double)(now - *from) / 1e6;
    *from = now;
    return ms;
}

static void run(sv_job *super, sv_worker *worker) {
    sv_predict_job *job = SV_CONTAINER(sv_predict_job, super, super);
    const sv_predict *predict = job->predict;
    grabcut_image image = {0}, mask = {0};
    uint64_t clock = sv_now_ns();

    bool ok = sv_predict_decode(job, &image, &mask);
    job->decode_ms = lap(&clock);
    sv_metric_observe(worker->cells, predict->metrics.decode, job->decode_ms / 1000);
    sv_job_detach(super);
    if (ok && sv_job_cancelled(super) == SV_CANCEL_NONE) {
        sv_metric_observe(worker->cells, predict->metrics.pixels,
                          (double)image.width * image.height);
        ok = segment(job, worker, &mask, &image);
        trim_workspace(worker, (size_t)predict->options.workers);
        job->segment_ms = lap(&clock);
        sv_metric_observe(worker->cells, predict->metrics.segment, job->segment_ms / 1000);
        ok = ok && sv_predict_encode(job, &image, &mask);
        job->encode_ms = lap(&clock);
        sv_metric_observe(worker->cells, predict->metrics.encode, job->encode_ms / 1000);
        if (ok)
            job->status = 200;
    }
    grabcut_image_free(&image);
    grabcut_image_free(&mask);
    sv_predict_forget_input(job);
    sv_predict_give_memory(job, job->status == 200 ? (int64_t)sv_predict_answer_length(job) : 0);
}

/* ---- requests ---- */

/* The caller's patience: --deadline, or less where the client or an Envoy in front has said how
 * long it waits. */
static uint64_t deadline_of(const sv_predict *predict, const sv_exchange *ex) {
    hr_str stated = sv_request_header(ex, "x-envoy-expected-rq-timeout-ms");
    uint64_t ms = (uint64_t)predict->options.deadline_ms;
    size_t value = stated.len > 0 ? sv_str_to_size(stated) : SIZE_MAX;
    if (value != SIZE_MAX && value > 0 && value < ms)
        ms = value;
    uint64_t ns = ms * 1000000, timeout;
    if (sv_exchange_is_grpc(ex) &&
        sv_grpc_parse_timeout(&timeout, sv_request_header(ex, "grpc-timeout")) && timeout < ns)
        ns = timeout;
    return ex->start_ns + ns;
}

static void note_job_id(sv_exchange *ex) {
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    hr_str id;
    if (sv_query_parameter(&id, ex, "job_id") == 1 && id.len <= 64 &&
        strspn(id.p, allowed) == id.len)
        ex->job_id = id;
}

/* `entity` is the request's body, or the message in it. */
static void submit(sv_predict *predict, sv_exchange *ex, const sv_predict_request *request,
                   sv_bytes entity) {
    if (ex->body.len == 0) {
        sv_answer_error(ex, 400, "the body is empty");
        return;
    }
    sv_predict_job *job = sv_alloc(sizeof(*job));
    *job = (sv_predict_job){.predict = predict,
                            .request = *request,
                            .entity = entity,
                            .status = 500,
                            .detail = "the work was cancelled before it finished"};
    job->super.run = run;
    job->super.answer = sv_predict_answer;
    job->super.release = sv_predict_release;
    job->super.deadline_ns = deadline_of(predict, ex);
    sv_submit submitted = sv_jobs_submit(predict->jobs, ex, &job->super);
    if (submitted == SV_SUBMIT_OK)
        return;
    free(job);
    sv_predict_answer_busy(predict, ex,
                           submitted == SV_SUBMIT_FULL ? "too many pictures are waiting already"
                           : submitted == SV_SUBMIT_LATE
                               ? "too many pictures are waiting for this one to be done in time"
                               : "this server is shutting down");
}

static void read_and_submit(sv_predict *predict, sv_exchange *ex,
                            int (*read)(sv_predict_request *out, const sv_predict *predict,
                                        sv_exchange *ex, char *why, size_t why_size)) {
    sv_predict_request request;
    char why[256];
    note_job_id(ex);
    int status = read(&request, predict, ex, why, sizeof(why));
    if (status != 0)
        sv_answer_error(ex, status, why);
    else
        submit(predict, ex, &request, ex->body);
}

void sv_predict_handle(sv_predict *predict, sv_exchange *ex) {
    read_and_submit(predict, ex, sv_predict_read);
}

void sv_predict_infer(sv_predict *predict, sv_exchange *ex) {
    read_and_submit(predict, ex, sv_predict_read_infer);
}

void sv_predict_infer_message(sv_predict *predict, sv_exchange *ex, sv_bytes message) {
    const sv_predict_request request = {.body = SV_BODY_INFER,
                                        .message = true,
                                        .rect = predict->options.rect,
                                        .iterations = predict->options.iterations,
                                        .output = GRABCUT_CUTOUT_BLACK};
    submit(predict, ex, &request, message);
}
