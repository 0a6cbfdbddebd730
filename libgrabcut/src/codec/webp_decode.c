/* Decodes WebP with libwebp; of an animation the first frame, on a canvas of zeros. */
#include "webp_decode.h"

#include "fail.h"
#include "webp_header.h"

#include <webp/decode.h>

/* libwebp reports an abort if its output stage gets no memory; no other code requests one. */
static int webp_code_of(VP8StatusCode status) {
    return status == VP8_STATUS_OUT_OF_MEMORY || status == VP8_STATUS_USER_ABORT ? GRABCUT_ENOMEM
                                                                                 : GRABCUT_EDECODE;
}

static const char *webp_text_of(VP8StatusCode status) {
    switch (status) {
    case VP8_STATUS_OUT_OF_MEMORY:
    case VP8_STATUS_USER_ABORT:
        return "out of memory";
    case VP8_STATUS_NOT_ENOUGH_DATA:
        return "the file is truncated";
    case VP8_STATUS_UNSUPPORTED_FEATURE:
        return "the file uses an unknown feature";
    default:
        return "the file is damaged";
    }
}

/* Decodes one chunk into a rect of `out` that has its size. */
static int read_webp_chunk(const grabcut_image *out, const grabcut_rect *rect, grabcut_range chunk,
                           grabcut_errbuf *err) {
    WebPDecoderConfig config;
    if (!WebPInitDecoderConfig(&config)) {
        return grabcut_fail(err, GRABCUT_EINTERNAL,
                            "the libwebp at run time has another version than at build time");
    }
    VP8StatusCode status = WebPGetFeatures(chunk.p, chunk.len, &config.input);
    if (status != VP8_STATUS_OK) {
        return grabcut_fail(err, webp_code_of(status), "WebP: %s", webp_text_of(status));
    }
    if (config.input.width != rect->width || config.input.height != rect->height) {
        return grabcut_fail(err, GRABCUT_EDECODE, "WebP: its headers contradict each other");
    }
    size_t first = (size_t)rect->y * out->stride + (size_t)out->channels * (size_t)rect->x;
    config.output.colorspace = out->channels == 4 ? MODE_BGRA : MODE_BGR;
    config.output.is_external_memory = 1;
    config.output.u.RGBA.rgba = out->data + first;
    config.output.u.RGBA.stride = (int)out->stride;
    config.output.u.RGBA.size = (size_t)out->height * out->stride - first;
    status = WebPDecode(chunk.p, chunk.len, &config);
    WebPFreeDecBuffer(&config.output);
    if (status != VP8_STATUS_OK) {
        return grabcut_fail(err, webp_code_of(status), "WebP: %s", webp_text_of(status));
    }
    return GRABCUT_OK;
}

/* What libwebp decodes as a file of its own: the image's chunk, or all from the chunk of its alpha
 * on. */
static grabcut_range chunks_of(const grabcut_webp *webp, int with_alpha) {
    enum { CHUNK_HEADER = 8 };
    grabcut_range all = webp->bitstream;
    if (with_alpha && webp->alpha.p) {
        all.p = webp->alpha.p - CHUNK_HEADER;
        all.len += (size_t)(webp->bitstream.p - all.p);
    }
    return all;
}

int grabcut_read_webp(const grabcut_image *out, grabcut_range file,
                      const grabcut_decode_options *opts, grabcut_errbuf *err) {
    grabcut_webp webp;
    int rc = grabcut_webp_header(&webp, file, err);
    if (rc) {
        return rc;
    }
    const grabcut_rect *f = &webp.frame;
    if (webp.cut_off) {
        return grabcut_fail(err, GRABCUT_EDECODE, "WebP: the file is truncated");
    }
    if (!webp.bitstream.p) {
        return grabcut_fail(err, GRABCUT_EDECODE, "WebP: the file contains no image");
    }
    if ((int64_t)f->x + f->width > out->width || (int64_t)f->y + f->height > out->height) {
        return grabcut_fail(err, GRABCUT_EDECODE, "WebP: the first frame leaves the canvas");
    }
    if (grabcut_is_cancelled(opts)) {
        return grabcut_fail_cancelled(err);
    }
    return read_webp_chunk(out, f, chunks_of(&webp, out->channels == 4), err);
}
