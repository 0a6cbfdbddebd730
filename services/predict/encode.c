/* The last step of a picture: from the mask to the bytes of the answer. */
#include "encode.h"

#include <stdlib.h>

#include "base64.h"
#include "infer_message.h"
#include "infer_write.h"

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
    int code = grabcut_encode(&job->file, &job->file_len, cutout, &options, &err);
    if (code != GRABCUT_OK)
        sv_predict_fail_code(job, code, &err);
    return code == GRABCUT_OK;
}

static bool make_base64(sv_predict_job *job) {
    job->text_len = sv_base64_length(job->file_len);
    job->text = malloc(job->text_len + 1);
    if (job->text == NULL) {
        sv_predict_fail(job, 503, "out of memory for the answer");
        return false;
    }
    sv_base64_encode(job->text, job->file, job->file_len);
    return true;
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
        ok = make_base64(job);
    grabcut_image_free(&black);
    if (infer || job->request.form == SV_FORM_JSON || !ok) {
        grabcut_free(job->file);
        job->file = NULL;
    }
    return ok;
}
