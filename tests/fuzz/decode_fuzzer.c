/* The decoders on any bytes, and the reader of profiles: pixels of the size that the header states,
 * or a code and a sentence. What was decoded is cut out and encoded, and a PNG of it gives the same
 * pixels back. With alpha the colours are the same, and a file that is decoded is so too where
 * truncated ones are. */
#include <grabcut/grabcut.h>

#include <stdlib.h>
#include <string.h>

static void demand(int truth) {
    if (!truth) {
        abort();
    }
}

static void encode_and_back(const grabcut_image *image) {
    uint8_t *bytes;
    size_t len;
    grabcut_image back;
    demand(grabcut_encode_png(&bytes, &len, image, 0, NULL) == GRABCUT_OK);
    demand(grabcut_decode(&back, bytes, len, NULL, NULL) == GRABCUT_OK);
    demand(back.width == image->width && back.height == image->height);
    demand(memcmp(back.data, image->data, back.stride * (size_t)back.height) == 0);
    grabcut_image_free(&back);
    grabcut_free(bytes);
}

static void read_profile(const uint8_t *data, size_t size) {
    uint8_t *profile;
    size_t most, len;
    int found = grabcut_icc_profile(NULL, &most, data, size, NULL);
    int rc = grabcut_icc_profile(&profile, &len, data, size, NULL);
    demand(rc == found && len <= most && most <= GRABCUT_ICC_MOST &&
           (len > 0) == (profile != NULL));
    demand(rc == GRABCUT_OK || len == 0);
    grabcut_free(profile);
}

/* `strict` is what decoding without these options gave; empty if it failed. */
static void decode_leniently(const grabcut_image *strict, const uint8_t *data, size_t size) {
    grabcut_decode_options opts = GRABCUT_DECODE_OPTIONS_INIT;
    grabcut_image image, alpha;
    uint64_t bytes;
    opts.max_pixels = 65536;
    opts.alpha = 1;
    opts.allow_truncated = 1;
    int rc = grabcut_decode(&image, data, size, &opts, NULL);
    if (rc) {
        demand(image.data == NULL);
        return; /* the alpha may be damaged where colours are not */
    }
    demand(grabcut_decode_estimate(&bytes, data, size, &opts, NULL) == GRABCUT_OK);
    demand(image.channels == 4 && bytes > image.stride * (size_t)image.height);
    demand(grabcut_split_alpha(&alpha, &image) == GRABCUT_OK);
    if (strict->data) {
        demand(image.width == strict->width && image.height == strict->height);
        demand(memcmp(image.data, strict->data, strict->stride * (size_t)strict->height) == 0);
    }
    grabcut_image_free(&alpha);
    grabcut_image_free(&image);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const grabcut_decode_options opts = {.version = GRABCUT_DECODE_OPTIONS_VERSION,
                                                .max_pixels = 65536};
    grabcut_probe probe = GRABCUT_PROBE_INIT;
    grabcut_image image;
    grabcut_errbuf err;
    int probed = grabcut_probe_header(&probe, data, size, NULL);
    uint64_t bytes;
    int estimated = grabcut_decode_estimate(&bytes, data, size, &opts, NULL);
    int rc = grabcut_decode(&image, data, size, &opts, &err);
    read_profile(data, size);
    decode_leniently(&image, data, size);
    if (rc) {
        demand(image.data == NULL && err.text[0] != '\0' && rc != GRABCUT_EINVAL);
        demand(!probed || rc == probed);
        return 0;
    }
    int turned = probe.orientation >= 5;
    demand(probed == GRABCUT_OK && image.channels == 3);
    demand(estimated == GRABCUT_OK && bytes > image.stride * (size_t)image.height);
    demand(image.width == (turned ? probe.height : probe.width));
    demand(image.height == (turned ? probe.width : probe.height));
    demand((uint64_t)image.width * (uint64_t)image.height <= opts.max_pixels);
    encode_and_back(&image);
    grabcut_image_free(&image);
    return 0;
}
