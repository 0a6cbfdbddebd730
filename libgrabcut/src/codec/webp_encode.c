/* Encodes WebP with libwebp, and adds the colour profile (RFC 9649, section 2.7). */
#include "webp_encode.h"

#include "fail.h"
#include "sink.h"

#include <stdlib.h>
#include <string.h>
#include <webp/encode.h>

enum { RIFF_BYTES = 12, CHUNK_BYTES = 8, VP8X_BYTES = 10, FLAG_ICC = 0x20, FLAG_ALPHA = 0x10 };

static int on_webp_write(const uint8_t *bytes, size_t n, const WebPPicture *picture) {
    grabcut_sink *sink = picture->custom_ptr;
    if (!grabcut_sink_reserve(sink, n)) {
        return 0;
    }
    memcpy(sink->p + sink->len, bytes, n);
    sink->len += n;
    return 1;
}

/* Grey to libwebp's 32-bit pixels. */
static int import_grey(WebPPicture *picture, const grabcut_image *image) {
    if (!WebPPictureAlloc(picture)) {
        return 0;
    }
    for (int y = 0; y < image->height; y++) {
        const uint8_t *in = image->data + (size_t)y * image->stride;
        uint32_t *out = picture->argb + (size_t)y * (size_t)picture->argb_stride;
        for (int x = 0; x < image->width; x++) {
            out[x] = UINT32_C(0xff000000) | in[x] * UINT32_C(0x10101);
        }
    }
    return 1;
}

static int import_pixels(WebPPicture *picture, const grabcut_image *image) {
    if (image->channels == 1) {
        return import_grey(picture, image);
    }
    return image->channels == 3 ? WebPPictureImportBGR(picture, image->data, (int)image->stride)
                                : WebPPictureImportBGRA(picture, image->data, (int)image->stride);
}

/* `exact` keeps the colours of transparent pixels; level 0 of lossless is the one that takes least
 * time and memory. */
static int configure(WebPConfig *config, int quality, int lossless) {
    if (!WebPConfigInit(config)) {
        return 0;
    }
    config->quality = (float)(quality ? quality : 100);
    config->low_memory = 1;
    config->exact = 1;
    return !lossless || WebPConfigLosslessPreset(config, 0);
}

static void put_le32(uint8_t *out, uint32_t value) {
    for (int i = 0; i < 4; i++) {
        out[i] = (uint8_t)(value >> 8 * i);
    }
}

static void put_le24(uint8_t *out, uint32_t value) {
    for (int i = 0; i < 3; i++) {
        out[i] = (uint8_t)(value >> 8 * i);
    }
}

static uint8_t *put_chunk_header(uint8_t *out, const char *type, size_t len) {
    memcpy(out, type, 4);
    put_le32(out + 4, (uint32_t)len);
    return out + CHUNK_BYTES;
}

/* Moves the image chunks behind an extended header with the profile. A file of libwebp's has an
 * extended header only if it has alpha. */
static int add_profile(grabcut_sink *file, const grabcut_image *image, grabcut_range icc) {
    int extended = memcmp(file->p + RIFF_BYTES, "VP8X", 4) == 0;
    size_t images = RIFF_BYTES + (extended ? (size_t)CHUNK_BYTES + VP8X_BYTES : 0);
    size_t padded = icc.len + (icc.len & 1);
    size_t first = RIFF_BYTES + CHUNK_BYTES + VP8X_BYTES + CHUNK_BYTES + padded;
    if (file->len - images + first > UINT32_MAX - CHUNK_BYTES ||
        !grabcut_sink_reserve(file, first)) {
        return 0;
    }
    memmove(file->p + first, file->p + images, file->len - images);
    file->len = file->len - images + first;
    put_le32(file->p + 4, (uint32_t)file->len - CHUNK_BYTES);
    uint8_t *p = put_chunk_header(file->p + RIFF_BYTES, "VP8X", VP8X_BYTES);
    memset(p, 0, 4);
    p[0] = (uint8_t)(FLAG_ICC | (image->channels == 4 ? FLAG_ALPHA : 0));
    put_le24(p + 4, (uint32_t)image->width - 1);
    put_le24(p + 7, (uint32_t)image->height - 1);
    p = put_chunk_header(p + VP8X_BYTES, "ICCP", icc.len);
    memcpy(p, icc.p, icc.len);
    memset(p + icc.len, 0, padded - icc.len);
    return 1;
}

static int run_webp(grabcut_sink *sink, const grabcut_image *image, const WebPConfig *config,
                    grabcut_errbuf *err) {
    WebPPicture picture;
    if (!WebPPictureInit(&picture)) {
        return grabcut_fail(err, GRABCUT_EINTERNAL,
                            "the libwebp at run time has another version than at build time");
    }
    picture.use_argb = config->lossless;
    picture.width = image->width;
    picture.height = image->height;
    picture.writer = on_webp_write;
    picture.custom_ptr = sink;
    int done = import_pixels(&picture, image) && WebPEncode(config, &picture);
    int memory = picture.error_code == VP8_ENC_ERROR_OUT_OF_MEMORY ||
                 picture.error_code == VP8_ENC_ERROR_BITSTREAM_OUT_OF_MEMORY ||
                 picture.error_code == VP8_ENC_ERROR_BAD_WRITE;
    int code = (int)picture.error_code;
    WebPPictureFree(&picture);
    if (done) {
        return GRABCUT_OK;
    }
    return memory ? grabcut_fail(err, GRABCUT_ENOMEM, "out of memory for the WebP encoder")
                  : grabcut_fail(err, GRABCUT_EENCODE, "WebP: the encoder failed (%d)", code);
}

int grabcut_write_webp(uint8_t **out, size_t *out_len, const grabcut_image *image, int quality,
                       grabcut_range icc, grabcut_errbuf *err) {
    grabcut_sink sink = {NULL, 0, 0};
    WebPConfig config;
    if (quality < 0 || quality > 100 || image->width > WEBP_MAX_DIMENSION ||
        image->height > WEBP_MAX_DIMENSION) {
        return grabcut_fail(err, GRABCUT_EINVAL,
                            "WebP takes a quality of 0 to 100 and at most %d pixels a side",
                            WEBP_MAX_DIMENSION);
    }
    if (!configure(&config, quality, quality == 0 || image->channels == 1)) {
        return grabcut_fail(err, GRABCUT_EINTERNAL,
                            "the libwebp at run time has another version than at build time");
    }
    int rc = run_webp(&sink, image, &config, err);
    if (!rc && icc.len > 0 && !add_profile(&sink, image, icc)) {
        rc = grabcut_fail(err, GRABCUT_ENOMEM, "out of memory for the WebP's colour profile");
    }
    if (rc) {
        free(sink.p);
        return rc;
    }
    grabcut_sink_give(&sink, out, out_len);
    return GRABCUT_OK;
}
