/* The first step of a picture: from the bytes of the request to pixels and a mask, under the
 * limits. */
#include "decode.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "estimate.h"
#include "infer_message.h"
#include "infer_read.h"
#include "infer_write.h"
#include "models.h"
#include "parameters.h"
#include "read_request.h"
#include "start.h"

/* The C library keeps some MiB of freed blocks for each of its arenas, which no budget counts. An
 * image that takes this much has them given back to the system first: it takes a second or more
 * itself. */
#define TRIMMED_FROM ((int64_t)64 << 20)

/* An ICC profile: the copy that is kept, the encoder's, and what that makes of it. */
#define PROFILE_COPIES 5

/* Escapes in strings make the parser copy: the memory for that is taken first, and given back once
 * the body has been read. False: there is none for so large a body. */
static bool take_for_escapes(sv_predict_job *job, size_t json_len, int64_t *taken) {
    bool copies = memchr(job->entity.p, '\\', json_len) != NULL;
    *taken = copies ? (int64_t)json_len * 3 : 0;
    if (!copies || sv_jobs_memory_take(job->predict->jobs, &job->super, *taken))
        return true;
    sv_predict_fail(job, 413, "the body is too large to be read with escapes in it");
    return false;
}

/* A file that was copied because of its escapes goes back into the entity, so that the copy need
 * not be kept. */
static sv_bytes move_back(sv_predict_job *job, char *file, size_t len, char *owned) {
    if (owned != NULL) {
        memcpy(job->entity.p, file, len);
        file = job->entity.p;
    }
    free(owned);
    return (sv_bytes){file, len};
}

/* The request's body, read where it stands. */
static bool read_body(sv_predict_job *job) {
    int64_t extra = 0;
    char why[256];
    if (job->request.body == SV_BODY_JSON && !take_for_escapes(job, job->entity.len, &extra))
        return false;
    int code = sv_predict_read_body(&job->request, job->predict, job->entity, why, sizeof(why));
    if (extra > 0)
        sv_jobs_memory_give(job->predict->jobs, extra);
    if (code != 0)
        sv_predict_fail(job, 400, why);
    return code == 0;
}

/* The inference's tensor: the request's image is empty where it is pixels. */
static bool read_message(sv_predict_job *job) {
    sv_infer *infer = &job->infer;
    char why[256];
    int status = sv_infer_read_message(infer, job->entity.p, job->entity.len, why, sizeof(why));
    if (status == 0 && !sv_infer_parameters(&job->request, job->predict, infer, why, sizeof(why)))
        status = 400;
    job->request.image = (sv_bytes){infer->file, infer->file_len};
    if (status != 0)
        sv_predict_fail(job, status, why);
    return status == 0;
}

/* The same of JSON. */
static bool read_infer(sv_predict_job *job) {
    sv_infer *infer = &job->infer;
    int64_t extra;
    char why[256];
    if (!take_for_escapes(job, job->request.json_len, &extra))
        return false;
    bool ok = sv_infer_read(infer, job->entity.p, job->entity.len, job->request.json_len, why,
                            sizeof(why)) == 0;
    ok = ok && sv_infer_parameters(&job->request, job->predict, infer, why, sizeof(why));
    if (!ok)
        sv_predict_fail(job, 400, why);
    job->request.image = move_back(job, infer->file, infer->file_len, infer->owned);
    infer->owned = NULL;
    if (extra > 0)
        sv_jobs_memory_give(job->predict->jobs, extra);
    return ok;
}

/* Returns the pages of the request body to the system once the pixels are decoded, because a file
 * can occupy megabytes until the request ends. The pages read as zeros from here on; no later code
 * reads them. */
static void forget_entity(sv_predict_job *job) {
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t begin = ((uintptr_t)job->entity.p + page - 1) & ~(page - 1);
    uintptr_t end = ((uintptr_t)job->entity.p + job->entity.len) & ~(page - 1);
    if (begin < end)
        (void)madvise((void *)begin, end - begin, MADV_DONTNEED);
}

/* Refuses an image of more pixels than --max-pixels. */
static bool pixels_above(sv_predict_job *job, int32_t width, int32_t height) {
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
 * included; `profile` is the length of the ICC profile. */
static bool admit(sv_predict_job *job, int32_t width, int32_t height, int64_t decoding,
                  int64_t mask_decoding, size_t profile) {
    sv_predict *predict = job->predict;
    const sv_rect_choice *choice = &job->request.rect;
    grabcut_rect rect = choice->rect;
    int64_t pixels = (int64_t)width * height, answer = 0;
    if (pixels_above(job, width, height))
        return false;
    if (!choice->automatic && grabcut_rect_clamp(&rect, width, height) != GRABCUT_OK) {
        sv_predict_fail(job, 422,
                        rect.width <= 0 || rect.height <= 0
                            ? "the rect is empty: nothing is to be cut"
                            : "the rect lies outside of the picture");
        return false;
    }
    if (job->request.body == SV_BODY_INFER)
        answer = sv_infer_answer_bytes(&job->infer, pixels);
    if (answer > predict->options.answer_bytes) {
        sv_predict_fail(
            job, 413,
            "the answer would be larger than this server's memory for answers: ask for fewer "
            "outputs, or for binary data");
        return false;
    }
    int64_t bytes =
        sv_predict_bytes(predict, width, height, &job->request, decoding, mask_decoding, answer);
    if (bytes < INT64_MAX / 2)
        bytes += PROFILE_COPIES * (int64_t)profile;
    if (sv_jobs_memory_take(predict->jobs, &job->super, bytes)) {
        job->memory = bytes;
        if (bytes >= TRIMMED_FROM)
            sv_trim_memory();
        return true;
    }
    if (sv_job_cancelled(&job->super) == SV_CANCEL_NONE)
        sv_predict_fail(
            job, 413,
            choice->automatic
                ? "the picture needs more memory than this server has for one"
                : "the picture with this rect needs more memory than this server has for one");
    return false;
}

/* RGB of the body to BGR. */
static bool take_pixels(sv_predict_job *job, grabcut_image *image) {
    const sv_infer *infer = &job->infer;
    const uint8_t *from = infer->pixels;
    if (!admit(job, infer->width, infer->height, 0, 0, 0))
        return false;
    int code = grabcut_image_alloc(image, infer->width, infer->height, 3);
    if (code != GRABCUT_OK) {
        sv_predict_fail_code(job, code, NULL);
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
static bool read_header(sv_predict_job *job, grabcut_probe *probe, grabcut_decode_options *options,
                        hr_str file) {
    grabcut_errbuf err = {""};
    int code = grabcut_probe_header(probe, file.p, file.len, &err);
    if (code != GRABCUT_OK) {
        sv_predict_fail_code(job, code, &err);
        return false;
    }
    bool turned = probe->orientation >= 5;
    if (pixels_above(job, turned ? probe->height : probe->width,
                     turned ? probe->width : probe->height))
        return false;
    options->max_pixels = (uint64_t)job->predict->options.max_pixels;
    options->alpha = job->request.respect_alpha;
    options->allow_truncated = job->request.allow_truncated;
    code = grabcut_decode_estimate(&options->max_bytes, file.p, file.len, options, &err);
    if (code != GRABCUT_OK)
        sv_predict_fail_code(job, code, &err);
    return code == GRABCUT_OK;
}

static int stops_decoding(void *job) {
    return sv_job_cancelled(job) != SV_CANCEL_NONE;
}

/* The length of the file's ICC profile, 0 where the answer has none. */
static size_t profile_length(const sv_predict_job *job, hr_str file) {
    const sv_predict_request *request = &job->request;
    size_t len = 0;
    bool answers_file = request->body != SV_BODY_INFER || job->infer.outputs[SV_INFER_PNG].wanted;
    if (answers_file && request->output != GRABCUT_CUTOUT_MASK)
        (void)grabcut_icc_profile(NULL, &len, file.p, file.len, NULL);
    return len;
}

/* Pixels, the plane of alpha where the request respects it, and the profile, without which an image
 * is cut as well. */
static bool decode_pixels(sv_predict_job *job, grabcut_image *image, hr_str file,
                          const grabcut_decode_options *options, size_t profile) {
    grabcut_errbuf err = {""};
    if (profile > 0)
        (void)grabcut_icc_profile(&job->icc, &job->icc_len, file.p, file.len, NULL);
    int code = grabcut_decode(image, file.p, file.len, options, &err);
    if (code == GRABCUT_OK && options->alpha)
        code = grabcut_split_alpha(&job->alpha, image);
    if (code != GRABCUT_OK)
        sv_predict_fail_code(job, code, &err);
    return code == GRABCUT_OK;
}

static bool decode_file(sv_predict_job *job, grabcut_image *image) {
    hr_str file = {job->request.image.p, job->request.image.len};
    grabcut_probe probe = GRABCUT_PROBE_INIT;
    grabcut_decode_options options = GRABCUT_DECODE_OPTIONS_INIT;
    int64_t mask_decoding;
    if (!read_header(job, &probe, &options, file))
        return false;
    bool turned = probe.orientation >= 5;
    int32_t width = turned ? probe.height : probe.width,
            height = turned ? probe.width : probe.height;
    int code = sv_start_probe(&mask_decoding, &job->request, width, height, job->detail,
                              sizeof(job->detail));
    if (code != 0) {
        job->status = code;
        return false;
    }
    size_t profile = profile_length(job, file);
    if (!admit(job, width, height,
               options.max_bytes < INT64_MAX ? (int64_t)options.max_bytes : INT64_MAX,
               mask_decoding, profile))
        return false;
    options.cancel = stops_decoding;
    options.cancel_ctx = &job->super;
    return decode_pixels(job, image, file, &options, profile);
}

static bool is_cancelled(void *job) {
    return sv_job_cancelled(job) != SV_CANCEL_NONE;
}

/* The mask that the engine fills, or starts from. */
static bool make_mask(sv_predict_job *job, grabcut_image *mask, const grabcut_image *image) {
    int code = grabcut_image_alloc(mask, image->width, image->height, 1);
    if (code != GRABCUT_OK) {
        sv_predict_fail_code(job, code, NULL);
        return false;
    }
    if (job->request.mode != SV_MODE_INIT) /* read_body has checked them */
        (void)sv_models_read(&job->models, &job->request, job->detail, sizeof(job->detail));
    if (!sv_start_has_mask(&job->request))
        return true;
    int status = sv_start_fill(mask, &job->request, &job->alpha, is_cancelled, &job->super,
                               job->detail, sizeof(job->detail));
    job->status = status != 0 ? status : job->status;
    return status == 0;
}

bool sv_predict_decode(sv_predict_job *job, grabcut_image *image, grabcut_image *mask) {
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
