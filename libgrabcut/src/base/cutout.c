/* Makes a cut-out of an image and a mask. */
#include "image.h"

static void black_row(uint8_t *out, const uint8_t *bgr, const uint8_t *mask, size_t width) {
    for (size_t x = 0; x < width; x++) {
        /* All ones where the pixel is foreground: no branch to mispredict along the outline. */
        uint8_t keep = (uint8_t)(0 - (mask[x] & 1));
        out[3 * x] = bgr[3 * x] & keep;
        out[3 * x + 1] = bgr[3 * x + 1] & keep;
        out[3 * x + 2] = bgr[3 * x + 2] & keep;
    }
}

static void alpha_row(uint8_t *out, const uint8_t *bgr, const uint8_t *mask, size_t width) {
    for (size_t x = 0; x < width; x++) {
        uint8_t keep = (uint8_t)(0 - (mask[x] & 1));
        out[4 * x] = bgr[3 * x] & keep;
        out[4 * x + 1] = bgr[3 * x + 1] & keep;
        out[4 * x + 2] = bgr[3 * x + 2] & keep;
        out[4 * x + 3] = keep;
    }
}

static void mask_row(uint8_t *out, const uint8_t *bgr, const uint8_t *mask, size_t width) {
    (void)bgr;
    for (size_t x = 0; x < width; x++) {
        out[x] = (uint8_t)(0 - (mask[x] & 1));
    }
}

int grabcut_cutout(grabcut_image *out, const grabcut_image *image, const grabcut_image *mask,
                   grabcut_cutout_kind kind) {
    static const struct {
        int32_t channels;
        void (*row)(uint8_t *out, const uint8_t *bgr, const uint8_t *mask, size_t width);
    } kinds[] = {
        [GRABCUT_CUTOUT_BLACK] = {3, black_row},
        [GRABCUT_CUTOUT_ALPHA] = {4, alpha_row},
        [GRABCUT_CUTOUT_MASK] = {1, mask_row},
    };
    if (!out) {
        return GRABCUT_EINVAL;
    }
    *out = (grabcut_image){NULL, 0, 0, 0, 0};
    if (!grabcut_image_valid(image) || !grabcut_image_valid(mask) || image->channels != 3 ||
        mask->channels != 1 || image->width != mask->width || image->height != mask->height ||
        (unsigned)kind >= sizeof(kinds) / sizeof(kinds[0])) {
        return GRABCUT_EINVAL;
    }
    int rc = grabcut_image_alloc(out, image->width, image->height, kinds[kind].channels);
    if (rc) {
        return rc;
    }
    for (size_t y = 0; y < (size_t)image->height; y++) {
        kinds[kind].row(out->data + y * out->stride, image->data + y * image->stride,
                        mask->data + y * mask->stride, (size_t)image->width);
    }
    return GRABCUT_OK;
}
