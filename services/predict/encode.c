/* The last step of a picture: from the mask to the bytes of the answer. */
#include "encode.h"

#include <stdlib.h>
#include <string.h>

#include "base64.h"
#include "infer_message.h"
#include "infer_write.h"
#include "models.h"

/* The answer's file: a PNG but for an answer that is a WebP or JPEG itself. */
static bool make_file(sv_predict_job *job, const grabcut_image *cutout) {
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
    options.icc = job->icc;
    options.icc_len = job->icc_len;
    int code = grabcut_encode(&job->file, &job->file_len, cutout, &options, &err);
    if (code != GRABCUT_OK)
        sv_predict_fail_code(job, code, &err);
    return code == GRABCUT_OK;
}

/* What an answer in JSON has of a run, to continue from: the mask with its four values as a PNG. */
typedef struct run_state {
    uint8_t *mask; /* grabcut_free */
    size_t mask_len;
    uint8_t models[2][SV_MODEL_BYTES];
} run_state;

static bool make_state(sv_predict_job *job, run_state *state, const grabcut_image *mask) {
    grabcut_errbuf err = {""};
    sv_model_write(state->models[0], job->models.background);
    sv_model_write(state->models[1], job->models.foreground);
    int code = grabcut_encode_png(&state->mask, &state->mask_len, mask,
                                  (int)job->predict->options.png_level, &err);
    if (code != GRABCUT_OK)
        sv_predict_fail_code(job, code, &err);
    return code == GRABCUT_OK;
}

/* Appends a string in base64, and `then`. Returns the end. */
static char *append_base64(char *to, const void *data, size_t len, const char *then) {
    sv_base64_encode(to, data, len);
    to += sv_base64_length(len);
    size_t n = strlen(then);
    memcpy(to, then, n + 1);
    return to + n;
}

/* The text of an answer's member img_none_bg_base64, without quotes; with the state also those
 * behind it. */
static bool make_base64(sv_predict_job *job, const run_state *state) {
    static const char mask[] = "\",\"mask\":\"", bgd[] = "\",\"bgd_model\":\"",
                      fgd[] = "\",\"fgd_model\":\"";
    size_t more = 0;
    if (state->mask != NULL)
        more = sizeof(mask) + sizeof(bgd) + sizeof(fgd) + sv_base64_length(state->mask_len) +
               2 * sv_base64_length(SV_MODEL_BYTES);
    job->text = malloc(sv_base64_length(job->file_len) + more + 1);
    if (job->text == NULL) {
        sv_predict_fail(job, 503, "out of memory for the answer");
        return false;
    }
    char *end = append_base64(job->text, job->file, job->file_len, more > 0 ? mask : "");
    if (more > 0) {
        end = append_base64(end, state->mask, state->mask_len, bgd);
        end = append_base64(end, state->models[0], SV_MODEL_BYTES, fgd);
        end = append_base64(end, state->models[1], SV_MODEL_BYTES, "");
    }
    job->text_len = (size_t)(end - job->text);
    return true;
}

static bool make_json(sv_predict_job *job, const grabcut_image *mask) {
    run_state state = {0};
    bool ok = (!job->request.state || make_state(job, &state, mask)) && make_base64(job, &state);
    grabcut_free(state.mask);
    if (ok && job->text_len > (size_t)job->predict->options.answer_bytes) {
        sv_predict_fail(job, 413,
                        job->request.state ? "the answer would be larger than this server's memory "
                                             "for answers: leave state out"
                                           : "the answer would be larger than this server's memory "
                                             "for answers: send a smaller "
                                             "image");
        return false;
    }
    return ok;
}

static bool make_tensors(sv_predict_job *job, const grabcut_image *mask,
                         const grabcut_image *black) {
    const sv_infer_result result = {mask, black, job->file, job->file_len};
    job->text = job->request.message
                    ? sv_infer_write_message(&job->text_len, &job->infer, &result)
                    : sv_infer_write(&job->text_len, &job->json_len, &job->infer, &result);
    if (job->text == NULL)
        sv_predict_fail(job, 503, "out of memory for the answer");
    return job->text != NULL;
}

static bool cut_out(sv_predict_job *job, grabcut_image *cutout, const grabcut_image *image,
                    const grabcut_image *mask, grabcut_cutout_kind kind) {
    int code = grabcut_cutout(cutout, image, mask, kind);
    if (code == GRABCUT_OK && kind == GRABCUT_CUTOUT_ALPHA && job->alpha.data != NULL)
        code = grabcut_multiply_alpha(cutout, &job->alpha);
    if (code != GRABCUT_OK)
        sv_predict_fail_code(job, code, NULL);
    return code == GRABCUT_OK;
}

bool sv_predict_encode(sv_predict_job *job, const grabcut_image *image, const grabcut_image *mask) {
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
        ok = make_json(job, mask);
    grabcut_image_free(&black);
    if (infer || job->request.form == SV_FORM_JSON || !ok) {
        grabcut_free(job->file);
        job->file = NULL;
    }
    return ok;
}
