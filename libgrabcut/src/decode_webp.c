/* WebP through libwebp. Of an animation the first frame, on a canvas of black. */
#include "codec.h"
#include "container.h"
#include "fail.h"

#include <webp/decode.h>

static int code_of(VP8StatusCode status) {
    return status == VP8_STATUS_OUT_OF_MEMORY ? GRABCUT_ENOMEM : GRABCUT_EDECODE;
}

static const char *text_of(VP8StatusCode status) {
    switch (status) {
    case VP8_STATUS_OUT_OF_MEMORY:
        return "no memory";
    case VP8_STATUS_NOT_ENOUGH_DATA:
        return "the file is cut off";
    case VP8_STATUS_UNSUPPORTED_FEATURE:
        return "the file uses an unknown feature";
    default:
        return "the file is damaged";
    }
}

/* Decodes a still picture into a rect of `out` that has its size. */
static int read_still(const grabcut_image *out, const grabcut_rect *rect, grabcut_range data,
                      grabcut_errbuf *err) {
    WebPDecoderConfig config;
    if (!WebPInitDecoderConfig(&config)) {
        return grabcut_fail(err, GRABCUT_EINTERNAL, "libwebp is of another version");
    }
    VP8StatusCode status = WebPGetFeatures(data.p, data.len, &config.input);
    if (status != VP8_STATUS_OK) {
        return grabcut_fail(err, code_of(status), "WebP: %s", text_of(status));
    }
    if (config.input.width != rect->width || config.input.height != rect->height ||
        config.input.has_animation) {
        return grabcut_fail(err, GRABCUT_EDECODE, "WebP: its headers contradict each other");
    }
    size_t first = (size_t)rect->y * out->stride + 3 * (size_t)rect->x;
    config.output.colorspace = MODE_BGR;
    config.output.is_external_memory = 1;
    config.output.u.RGBA.rgba = out->data + first;
    config.output.u.RGBA.stride = (int)out->stride;
    config.output.u.RGBA.size = (size_t)out->height * out->stride - first;
    status = WebPDecode(data.p, data.len, &config);
    WebPFreeDecBuffer(&config.output);
    if (status != VP8_STATUS_OK) {
        return grabcut_fail(err, code_of(status), "WebP: %s", text_of(status));
    }
    return GRABCUT_OK;
}

int grabcut_read_webp(const grabcut_image *out, grabcut_range file, grabcut_errbuf *err) {
    grabcut_webp webp;
    int rc = grabcut_webp_header(&webp, file, err);
    if (rc) {
        return rc;
    }
    if (!webp.animated) {
        const grabcut_rect all = {0, 0, out->width, out->height};
        return read_still(out, &all, file, err);
    }
    const grabcut_rect *f = &webp.frame;
    if (webp.cut_off || !webp.frame_data.p) {
        return grabcut_fail(err, GRABCUT_EDECODE, "WebP: the file is cut off");
    }
    if ((int64_t)f->x + f->width > out->width || (int64_t)f->y + f->height > out->height) {
        return grabcut_fail(err, GRABCUT_EDECODE, "WebP: the first frame leaves the canvas");
    }
    return read_still(out, f, webp.frame_data, err);
}
