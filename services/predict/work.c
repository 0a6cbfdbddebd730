/* One picture: from the request's bytes to the answer. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "answer_grpc.h"
#include "base64.h"
#include "grpc.h"
#include "infer_message.h"
#include "parameters.h"
#include "predict.h"
#include "start.h"

/* Beyond the engine: the picture (3 bytes a pixel) and the mask stay throughout; afterwards the
 * cut-out (up to 4), its PNG and that in base64 take the engine's place. */
#define PICTURE_AND_MASK 4
#define CUTOUT_AND_CODES 16

/* Workers keep the engine's memory from image to image, since fresh pages for each would cost more
 * than the work on a small one. No budget counts it while a worker is idle, so this is the most
 * that all of them keep together (docs/limits.md has the sum). */
#define KEPT_WORKSPACES ((size_t)4 << 20)

/* The C library keeps some MiB of freed blocks for each of its arenas, which no budget counts. An
 * image that takes this much has them given back to the system first: it takes a second or more
 * itself. */
#define TRIMMED_FROM ((int64_t)64 << 20)

typedef struct predict_job {
    sv_job super;
    sv_predict *predict;
    sv_predict_request request;
    sv_bytes entity; /* the request's; until sv_job_detach */
    int64_t memory;  /* taken from the pool; in the end as much as the answer holds */
    sv_infer infer;  /* what SV_BODY_INFER asks for */

    /* the result */
    int status; /* 200, or what went wrong */
    char detail[320];
    uint8_t *file; /* grabcut_free */
    size_t file_len;
    char *text; /* free: the file in base64, or the whole answer to SV_BODY_INFER ... */
    size_t text_len;
    size_t json_len; /* ... of which so much is JSON */
    double decode_ms, segment_ms, encode_ms;
} predict_job;

/* ---- memory ---- */

/* WebP's encoder works on a copy of the pixels; its lossless one, which writes masks and alpha,
 * takes up to 20 bytes a pixel. */
#define WEBP_CODES 32

static void set_start(grabcut_options *options, const sv_predict_request *request, int32_t width,
                      int32_t height) {
    options->iterations = (int32_t)request->iterations;
    options->seed = (uint64_t)request->seed;
    if (sv_start_has_mask(request))
        options->mode = GRABCUT_INIT_WITH_MASK;
    else
        options->rect = sv_start_rect(&request->rect, width, height);
}

int64_t sv_predict_bytes(const sv_predict *predict, int32_t width, int32_t height,
                         const sv_predict_request *request, int64_t decoding, int64_t mask_decoding,
                         int64_t answer) {
    grabcut_options options = GRABCUT_OPTIONS_INIT;
    int64_t pixels = (int64_t)width * height;
    uint64_t engine = 0;
    set_start(&options, request, width, height);
    if (grabcut_estimate(predict->engine, &engine, width, height, &options) != GRABCUT_OK ||
        engine > INT64_MAX / 2 || mask_decoding > INT64_MAX / 2)
        return INT64_MAX;
    int64_t codes = request->form == SV_FORM_WEBP ? WEBP_CODES : CUTOUT_AND_CODES;
    int64_t after = codes * pixels + answer;
    after = mask_decoding > after ? mask_decoding : after;
    int64_t bytes = PICTURE_AND_MASK * pixels + ((int64_t)engine > after ? (int64_t)engine : after);
    return decoding > bytes ? decoding : bytes;
}

int64_t sv_predict_pixels(const sv_predict *predict, int64_t bytes) {
    int64_t low = 0, high = INT32_MAX;
    /* A given rect is all of a picture of its size. Pictures that are no squares need more for
     * their borders: a hundredth, unless they are strips. */
    bytes -= bytes / 100;
    while (low < high) {
        int64_t middle = low + (high - low + 1) / 2;
        int32_t side = 1;
        while ((int64_t)side * side < middle)
            ++side;
        sv_predict_request request = {.rect = predict->options.rect,
                                      .iterations = predict->options.iterations};
        if (!request.rect.automatic)
            request.rect.rect = (grabcut_rect){0, 0, side, side};
        if (sv_predict_bytes(predict, side, side, &request, 0, 0, 0) <= bytes)
            low = middle;
        else
            high = middle - 1;
    }
    return low;
}

/* ---- on the worker ---- */

static void work_fail(predict_job *job, int status, const char *detail) {
    job->status = status;
    snprintf(job->detail, sizeof(job->detail), "%s", detail);
}

static int status_of(int grabcut_code) {
    switch (grabcut_code) {
    case GRABCUT_ETOOBIG:
        return 413;
    case GRABCUT_EFORMAT:
    case GRABCUT_EDECODE:
    case GRABCUT_EUNSUPPORTED: /* of a kind of file */
    case GRABCUT_ERECT:
    case GRABCUT_ENOBACKGROUND:
    case GRABCUT_ENOFOREGROUND:
        return 422;
    case GRABCUT_ENOMEM:
        return 503;
    default:
        return 500;
    }
}

static void fail_code(predict_job *job, int code, const grabcut_errbuf *err) {
    work_fail(job, status_of(code),
              err != NULL && err->text[0] != '\0' ? err->text : grabcut_strerror(code));
}

/* Escapes in strings make the parser copy: the memory for that is taken first, and given back once
 * the body has been read. False: there is none for so large a body. */
static bool take_for_escapes(predict_job *job, size_t json_len, int64_t *taken) {
    bool copies = memchr(job->entity.p, '\\', json_len) != NULL;
    *taken = copies ? (int64_t)json_len * 3 : 0;
    if (!copies || sv_jobs_memory_take(job->predict->jobs, &job->super, *taken))
        return true;
    work_fail(job, 413, "the body is too large to be read with escapes in it");
    return false;
}

/* A file that was copied because of its escapes goes back into the entity, so that the copy need
 * not be kept. */
static sv_bytes move_back(predict_job *job, char *file, size_t len, char *owned) {
    if (owned != NULL) {
        memcpy(job->entity.p, file, len);
        file = job->entity.p;
    }
    free(owned);
    return (sv_bytes){file, len};
}

/* The request's body, read where it stands. */
static bool read_body(predict_job *job) {
    int64_t extra = 0;
    char why[256];
    if (job->request.body == SV_BODY_JSON && !take_for_escapes(job, job->entity.len, &extra))
        return false;
    int code = sv_predict_read_body(&job->request, job->predict, job->entity, why, sizeof(why));
    if (extra > 0)
        sv_jobs_memory_give(job->predict->jobs, extra);
    if (code != 0)
        work_fail(job, 400, why);
    return code == 0;
}

/* The inference's tensor: the request's image is empty where it is pixels. */
static bool read_message(predict_job *job) {
    sv_infer *infer = &job->infer;
    char why[256];
    int status = sv_infer_read_message(infer, job->entity.p, job->entity.len, why, sizeof(why));
    if (status == 0 && !sv_infer_parameters(&job->request, job->predict, infer, why, sizeof(why)))
        status = 400;
    job->request.image = (sv_bytes){infer->file, infer->file_len};
    if (status != 0)
        work_fail(job, status, why);
    return status == 0;
}

/* The same of JSON. */
static bool read_infer(predict_job *job) {
    sv_infer *infer = &job->infer;
    int64_t extra;
    char why[256];
    if (!take_for_escapes(job, job->request.json_len, &extra))
        return false;
    bool ok = sv_infer_read(infer, job->entity.p, job->entity.len, job->request.json_len, why,
                            sizeof(why)) == 0;
    ok = ok && sv_infer_parameters(&job->request, job->predict, infer, why, sizeof(why));
    if (!ok)
        work_fail(job, 400, why);
    job->request.image = move_back(job, infer->file, infer->file_len, infer->owned);
    infer->owned = NULL;
    if (extra > 0)
        sv_jobs_memory_give(job->predict->jobs, extra);
    return ok;
}

/* Returns the pages of the request body to the system once the pixels are decoded, because a file
 * can occupy megabytes until the request ends. The pages read as zeros from here on; no later code
 * reads them. */
static void forget_entity(predict_job *job) {
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t begin = ((uintptr_t)job->entity.p + page - 1) & ~(page - 1);
    uintptr_t end = ((uintptr_t)job->entity.p + job->entity.len) & ~(page - 1);
    if (begin < end)
        (void)madvise((void *)begin, end - begin, MADV_DONTNEED);
}

/* Refuses an image of more pixels than --max-pixels. */
static bool pixels_above(predict_job *job, int32_t width, int32_t height) {
    int64_t most = job->predict->options.max_pixels;
    if ((int64_t)width * height <= most)
        return false;
    snprintf(job->detail, sizeof(job->detail),
             "the picture has %d x %d pixels; this server takes at most %lld", width, height,
             (long long)most);
    job->status = 413;
    return true;
}

/* Refuses what is too large, and takes the memory for it from the pool. The size is that of the
 * upright picture, as the rect counts; `decoding` is what the decoder takes of memory, the image
 * included. */
static bool admit(predict_job *job, int32_t width, int32_t height, int64_t decoding,
                  int64_t mask_decoding) {
    sv_predict *predict = job->predict;
    const sv_rect_choice *choice = &job->request.rect;
    grabcut_rect rect = choice->rect;
    int64_t pixels = (int64_t)width * height, answer = 0;
    if (pixels_above(job, width, height))
        return false;
    if (!choice->automatic && grabcut_rect_clamp(&rect, width, height) != GRABCUT_OK) {
        work_fail(job, 422,
                  rect.width <= 0 || rect.height <= 0 ? "the rect is empty: nothing is to be cut"
                                                      : "the rect lies outside of the picture");
        return false;
    }
    if (job->request.body == SV_BODY_INFER)
        answer = sv_infer_answer_bytes(&job->infer, pixels);
    if (answer > predict->options.answer_bytes) {
        work_fail(job, 413,
                  "the answer would be larger than this server's memory for answers: ask for fewer "
                  "outputs, or for binary data");
        return false;
    }
    int64_t bytes =
        sv_predict_bytes(predict, width, height, &job->request, decoding, mask_decoding, answer);
    if (sv_jobs_memory_take(predict->jobs, &job->super, bytes)) {
        job->memory = bytes;
        if (bytes >= TRIMMED_FROM)
            sv_trim_memory();
        return true;
    }
    if (sv_job_cancelled(&job->super) == SV_CANCEL_NONE)
        work_fail(
            job, 413,
            choice->automatic
                ? "the picture needs more memory than this server has for one"
                : "the picture with this rect needs more memory than this server has for one");
    return false;
}

/* RGB of the body to BGR. */
static bool take_pixels(predict_job *job, grabcut_image *image) {
    const sv_infer *infer = &job->infer;
    const uint8_t *from = infer->pixels;
    if (!admit(job, infer->width, infer->height, 0, 0))
        return false;
    int code = grabcut_image_alloc(image, infer->width, infer->height, 3);
    if (code != GRABCUT_OK) {
        fail_code(job, code, NULL);
        return false;
    }
    for (int32_t y = 0; y < image->height; ++y) {
        uint8_t *to = image->data + (size_t)y * image->stride;
        for (int32_t x = 0; x < image->width; ++x, to += 3, from += 3) {
            to[0] = from[2];
            to[1] = from[1];
            to[2] = from[0];
        }
    }
    return true;
}

/* What the file's header says: the size, and the memory that its decoder takes. */
static bool read_header(predict_job *job, grabcut_probe *probe, grabcut_decode_options *options,
                        hr_str file) {
    grabcut_errbuf err = {""};
    int code = grabcut_probe_header(probe, file.p, file.len, &err);
    if (code != GRABCUT_OK) {
        fail_code(job, code, &err);
        return false;
    }
    bool turned = probe->orientation >= 5;
    if (pixels_above(job, turned ? probe->height : probe->width,
                     turned ? probe->width : probe->height))
        return false;
    options->max_pixels = (uint64_t)job->predict->options.max_pixels;
    code = grabcut_decode_estimate(&options->max_bytes, file.p, file.len, options, &err);
    if (code != GRABCUT_OK)
        fail_code(job, code, &err);
    return code == GRABCUT_OK;
}

static int stops_decoding(void *job) {
    return sv_job_cancelled(job) != SV_CANCEL_NONE;
}

static bool decode_file(predict_job *job, grabcut_image *image) {
    hr_str file = {job->request.image.p, job->request.image.len};
    grabcut_errbuf err = {""};
    grabcut_probe probe = GRABCUT_PROBE_INIT;
    grabcut_decode_options options = GRABCUT_DECODE_OPTIONS_INIT;
    int64_t mask_decoding;
    int code;
    if (!read_header(job, &probe, &options, file))
        return false;
    bool turned = probe.orientation >= 5;
    int32_t width = turned ? probe.height : probe.width,
            height = turned ? probe.width : probe.height;
    code = sv_start_probe(&mask_decoding, &job->request, width, height, job->detail,
                          sizeof(job->detail));
    if (code != 0) {
        job->status = code;
        return false;
    }
    if (!admit(job, width, height,
               options.max_bytes < INT64_MAX ? (int64_t)options.max_bytes : INT64_MAX,
               mask_decoding))
        return false;
    options.cancel = stops_decoding;
    options.cancel_ctx = &job->super;
    code = grabcut_decode(image, file.p, file.len, &options, &err);
    if (code != GRABCUT_OK)
        fail_code(job, code, &err);
    return code == GRABCUT_OK;
}

static bool is_cancelled(void *job) {
    return sv_job_cancelled(job) != SV_CANCEL_NONE;
}

/* The mask that the engine fills, or starts from. */
static bool make_mask(predict_job *job, grabcut_image *mask, const grabcut_image *image) {
    int code = grabcut_image_alloc(mask, image->width, image->height, 1);
    if (code != GRABCUT_OK) {
        fail_code(job, code, NULL);
        return false;
    }
    if (!sv_start_has_mask(&job->request))
        return true;
    int status = sv_start_fill(mask, &job->request, is_cancelled, &job->super, job->detail,
                               sizeof(job->detail));
    job->status = status != 0 ? status : job->status;
    return status == 0;
}

/* All that needs the request's body. */
static bool decode(predict_job *job, grabcut_image *image, grabcut_image *mask) {
    bool read = job->request.body != SV_BODY_INFER ? read_body(job)
                : job->request.message             ? read_message(job)
                                                   : read_infer(job);
    if (!read)
        return false;
    if (!(job->infer.pixels != NULL ? take_pixels(job, image) : decode_file(job, image)))
        return false;
    if (!make_mask(job, mask, image))
        return false;
    forget_entity(job);
    return true;
}

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

static bool segment(predict_job *job, sv_worker *worker, grabcut_image *mask,
                    const grabcut_image *image) {
    grabcut_options options = GRABCUT_OPTIONS_INIT;
    grabcut_errbuf err = {""};
    set_start(&options, &job->request, image->width, image->height);
    options.workspace = worker->data;
    options.progress = on_progress;
    options.progress_ctx = &job->super;
    int code = grabcut_segment(job->predict->engine, mask, image, &options, &err);
    if (code != GRABCUT_OK)
        fail_code(job, code, &err);
    return code == GRABCUT_OK;
}

/* The answer's file: a PNG but for an answer that is a WebP or JPEG itself. */
static bool make_file(predict_job *job, const grabcut_image *cutout) {
    static const grabcut_format formats[SV_FORMS] = {
        [SV_FORM_JSON] = GRABCUT_FORMAT_PNG,
        [SV_FORM_PNG] = GRABCUT_FORMAT_PNG,
        [SV_FORM_WEBP] = GRABCUT_FORMAT_WEBP,
        [SV_FORM_JPEG] = GRABCUT_FORMAT_JPEG,
    };
    grabcut_encode_options options = GRABCUT_ENCODE_OPTIONS_INIT;
    grabcut_errbuf err = {""};
    options.format = formats[job->request.form];
    options.level = (int32_t)job->predict->options.png_level;
    int code = grabcut_encode(&job->file, &job->file_len, cutout, &options, &err);
    if (code != GRABCUT_OK)
        fail_code(job, code, &err);
    return code == GRABCUT_OK;
}

static bool make_base64(predict_job *job) {
    job->text_len = sv_base64_length(job->file_len);
    job->text = malloc(job->text_len + 1);
    if (job->text == NULL) {
        work_fail(job, 503, "there is no memory left for the answer");
        return false;
    }
    sv_base64_encode(job->text, job->file, job->file_len);
    return true;
}

static bool make_tensors(predict_job *job, const grabcut_image *mask, const grabcut_image *black) {
    const sv_infer_result result = {mask, black, job->file, job->file_len};
    job->text = job->request.message
                    ? sv_infer_write_message(&job->text_len, &job->infer, &result)
                    : sv_infer_write(&job->text_len, &job->json_len, &job->infer, &result);
    if (job->text == NULL)
        work_fail(job, 503, "there is no memory left for the answer");
    return job->text != NULL;
}

static bool cut_out(predict_job *job, grabcut_image *cutout, const grabcut_image *image,
                    const grabcut_image *mask, grabcut_cutout_kind kind) {
    int code = grabcut_cutout(cutout, image, mask, kind);
    if (code != GRABCUT_OK)
        fail_code(job, code, NULL);
    return code == GRABCUT_OK;
}

static bool encode(predict_job *job, const grabcut_image *image, const grabcut_image *mask) {
    bool infer = job->request.body == SV_BODY_INFER;
    bool png = !infer || job->infer.outputs[SV_INFER_PNG].wanted;
    bool tensor = infer && job->infer.outputs[SV_INFER_CUTOUT].wanted;
    grabcut_image cutout = {0}, black = {0};
    bool ok = !png ||
              (cut_out(job, &cutout, image, mask, job->request.output) && make_file(job, &cutout));
    grabcut_image_free(&cutout);
    if (ok && infer)
        ok = (!tensor || cut_out(job, &black, image, mask, GRABCUT_CUTOUT_BLACK)) &&
             make_tensors(job, mask, &black);
    else if (ok && job->request.form == SV_FORM_JSON)
        ok = make_base64(job);
    grabcut_image_free(&black);
    if (infer || job->request.form == SV_FORM_JSON || !ok) {
        grabcut_free(job->file);
        job->file = NULL;
    }
    return ok;
}

static size_t answer_length(const predict_job *job) {
    return job->text != NULL ? job->text_len : job->file_len;
}

/* Milliseconds since *from, which becomes now. */
static double lap(uint64_t *from) {
    uint64_t now = sv_now_ns();
    double ms = (double)(now - *from) / 1e6;
    *from = now;
    return ms;
}

static void give_memory(predict_job *job, int64_t keep) {
    if (job->memory <= keep)
        return;
    sv_jobs_memory_give(job->predict->jobs, job->memory - keep);
    job->memory = keep;
}

static void run(sv_job *super, sv_worker *worker) {
    predict_job *job = SV_CONTAINER(predict_job, super, super);
    const sv_predict *predict = job->predict;
    grabcut_image image = {0}, mask = {0};
    uint64_t clock = sv_now_ns();

    bool ok = decode(job, &image, &mask);
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
        ok = ok && encode(job, &image, &mask);
        job->encode_ms = lap(&clock);
        sv_metric_observe(worker->cells, predict->metrics.encode, job->encode_ms / 1000);
        if (ok)
            job->status = 200;
    }
    grabcut_image_free(&image);
    grabcut_image_free(&mask);
    give_memory(job, job->status == 200 ? (int64_t)answer_length(job) : 0);
}

/* ---- back on the loop ---- */

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

static void add_timings(const predict_job *job, sv_exchange *ex) {
    sv_exchange_timing(ex, "queue", (double)(job->super.started_ns - job->super.queued_ns) / 1e6);
    sv_exchange_timing(ex, "decode", job->decode_ms);
    sv_exchange_timing(ex, "segment", job->segment_ms);
    sv_exchange_timing(ex, "encode", job->encode_ms);
}

static void answer_busy(sv_predict *predict, sv_exchange *ex, const char *detail) {
    ex->response_flags = "UO";
    sv_answer_busy(ex, sv_jobs_retry_after(predict->jobs), detail);
}

/* Binary tensor data: where its JSON ends stands in a header. */
static void answer_tensors(const predict_job *job, sv_exchange *ex, hr_str body) {
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

static void answer_result(predict_job *job, sv_exchange *ex) {
    sv_predict *predict = job->predict;
    size_t len = answer_length(job);
    add_timings(job, ex);
    if (!sv_budget_take(&predict->answers, len)) {
        answer_busy(predict, ex, "other clients are too slow in taking their answers");
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

static void answer(sv_job *super, sv_exchange *ex, sv_cancel cancel) {
    predict_job *job = SV_CONTAINER(predict_job, super, super);
    if (cancel == SV_CANCEL_DEADLINE) {
        ex->response_flags = "UT";
        sv_answer_error(ex, 504, "the picture could not be done within the deadline");
    } else if (cancel != SV_CANCEL_NONE) {
        answer_busy(job->predict, ex, "this server is shutting down");
    } else if (job->status == 200) {
        answer_result(job, ex);
    } else if (job->status == 503) {
        answer_busy(job->predict, ex, job->detail);
    } else {
        sv_answer_error(ex, job->status, job->detail);
    }
}

static void release(sv_job *super) {
    predict_job *job = SV_CONTAINER(predict_job, super, super);
    give_memory(job, 0);
    grabcut_free(job->file);
    free(job->text);
    free(job);
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
    predict_job *job = sv_alloc(sizeof(*job));
    *job = (predict_job){.predict = predict,
                         .request = *request,
                         .entity = entity,
                         .status = 500,
                         .detail = "the work was cancelled before it finished"};
    job->super.run = run;
    job->super.answer = answer;
    job->super.release = release;
    job->super.deadline_ns = deadline_of(predict, ex);
    sv_submit submitted = sv_jobs_submit(predict->jobs, ex, &job->super);
    if (submitted == SV_SUBMIT_OK)
        return;
    free(job);
    answer_busy(predict, ex,
                submitted == SV_SUBMIT_FULL ? "too many pictures are waiting already"
                : submitted == SV_SUBMIT_LATE
                    ? "too many pictures are waiting for this one to be done in time"
                    : "this server is shutting down");
}

void sv_predict_handle(sv_predict *predict, sv_exchange *ex) {
    sv_predict_request request;
    char why[256];
    note_job_id(ex);
    int status = sv_predict_read(&request, predict, ex, why, sizeof(why));
    if (status != 0)
        sv_answer_error(ex, status, why);
    else
        submit(predict, ex, &request, ex->body);
}

void sv_predict_infer(sv_predict *predict, sv_exchange *ex) {
    sv_predict_request request;
    char why[256];
    note_job_id(ex);
    int status = sv_predict_read_infer(&request, predict, ex, why, sizeof(why));
    if (status != 0)
        sv_answer_error(ex, status, why);
    else
        submit(predict, ex, &request, ex->body);
}

void sv_predict_infer_message(sv_predict *predict, sv_exchange *ex, sv_bytes message) {
    const sv_predict_request request = {.body = SV_BODY_INFER,
                                        .message = true,
                                        .rect = predict->options.rect,
                                        .iterations = predict->options.iterations,
                                        .output = GRABCUT_CUTOUT_BLACK};
    submit(predict, ex, &request, message);
}
