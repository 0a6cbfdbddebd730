/* Makes the start of a segmentation from a grey image or from a rect. */
#include "fail.h"
#include "image.h"
#include "rect.h"

#include <string.h>

static uint8_t start_of_grey(uint8_t grey) {
    if (grey == 0 || grey == 255) {
        return grey == 0 ? GRABCUT_BGD : GRABCUT_FGD;
    }
    return grey < 128 ? GRABCUT_PR_BGD : GRABCUT_PR_FGD;
}

/* Copies one channel. Returns 0 if a pixel has a colour. *most becomes the largest value. */
static int copy_grey_row(uint8_t *out, const uint8_t *in, const grabcut_image *grey,
                         uint8_t *most) {
    size_t step = (size_t)grey->channels;
    for (size_t x = 0; x < (size_t)grey->width; x++, in += step) {
        if (step == 3 && (in[0] != in[1] || in[1] != in[2])) {
            return 0;
        }
        out[x] = in[0];
        *most = in[0] > *most ? in[0] : *most;
    }
    return 1;
}

int grabcut_mask_from_grey(grabcut_image *mask, const grabcut_image *grey, grabcut_errbuf *err) {
    uint8_t most = 0;
    grabcut_clear(err);
    if (!grabcut_image_valid(mask) || !grabcut_image_valid(grey) || mask->channels != 1 ||
        grey->channels == 4) {
        return grabcut_fail(err, GRABCUT_EINVAL, "mask or image is missing, or not grey");
    }
    if (mask->width != grey->width || mask->height != grey->height) {
        return grabcut_fail(err, GRABCUT_EINVAL, "the mask has %dx%d pixels, the image has %dx%d",
                            (int)grey->width, (int)grey->height, (int)mask->width,
                            (int)mask->height);
    }
    for (size_t y = 0; y < (size_t)mask->height; y++) {
        if (!copy_grey_row(mask->data + y * mask->stride, grey->data + y * grey->stride, grey,
                           &most)) {
            return grabcut_fail(err, GRABCUT_EINVAL, "expected a grey image, found colours");
        }
    }
    if (most <= GRABCUT_PR_FGD) {
        return GRABCUT_OK;
    }
    for (size_t y = 0; y < (size_t)mask->height; y++) {
        uint8_t *row = mask->data + y * mask->stride;
        for (size_t x = 0; x < (size_t)mask->width; x++) {
            row[x] = start_of_grey(row[x]);
        }
    }
    return GRABCUT_OK;
}

int grabcut_mask_from_rect(grabcut_image *mask, const grabcut_rect *rect) {
    if (!grabcut_image_valid(mask) || mask->channels != 1 || !rect) {
        return GRABCUT_EINVAL;
    }
    grabcut_rect inside;
    int rc = grabcut_rect_effective(&inside, rect, mask->width, mask->height);
    if (rc) {
        return rc;
    }
    for (size_t y = 0; y < (size_t)mask->height; y++) {
        memset(mask->data + y * mask->stride, GRABCUT_BGD, (size_t)mask->width);
    }
    for (size_t y = 0; y < (size_t)inside.height; y++) {
        memset(mask->data + ((size_t)inside.y + y) * mask->stride + (size_t)inside.x,
               GRABCUT_PR_FGD, (size_t)inside.width);
    }
    return GRABCUT_OK;
}
