/* EXIF orientation: which corner of the stored pixels is the top left one (CIPA DC-008, 4.6.4 A).
 */
#include "orient.h"

#include <string.h>

enum { TILE = 32 };

static void swap_pixels(uint8_t *a, uint8_t *b, size_t bytes) {
    for (size_t i = 0; i < bytes; i++) {
        uint8_t t = a[i];
        a[i] = b[i];
        b[i] = t;
    }
}

static void mirror_rows(const grabcut_image *image) {
    const size_t step = (size_t)image->channels;
    for (size_t y = 0; y < (size_t)image->height; y++) {
        uint8_t *left = image->data + y * image->stride;
        uint8_t *right = left + step * ((size_t)image->width - 1);
        for (; left < right; left += step, right -= step) {
            swap_pixels(left, right, step);
        }
    }
}

static void reverse_rows(const grabcut_image *image) {
    uint8_t *top = image->data;
    uint8_t *bottom = top + ((size_t)image->height - 1) * image->stride;
    for (; top < bottom; top += image->stride, bottom -= image->stride) {
        swap_pixels(top, bottom, (size_t)image->width * (size_t)image->channels);
    }
}

/* In tiles, so that the far-apart writes of a column stay in the cache. */
static void transpose(const grabcut_image *out, const grabcut_image *in) {
    const size_t step = (size_t)in->channels;
    size_t width = (size_t)in->width, height = (size_t)in->height;
    for (size_t y0 = 0; y0 < height; y0 += TILE) {
        size_t y1 = y0 + TILE < height ? y0 + TILE : height;
        for (size_t x0 = 0; x0 < width; x0 += TILE) {
            size_t x1 = x0 + TILE < width ? x0 + TILE : width;
            for (size_t y = y0; y < y1; y++) {
                for (size_t x = x0; x < x1; x++) {
                    memcpy(out->data + x * out->stride + step * y,
                           in->data + y * in->stride + step * x, step);
                }
            }
        }
    }
}

int grabcut_turn_upright(grabcut_image *image, int32_t orientation) {
    /* Orientation 5 to 8 is a transposition first; the rest are the two mirrorings. */
    if (orientation >= 5) {
        grabcut_image turned;
        int rc = grabcut_image_alloc(&turned, image->height, image->width, image->channels);
        if (rc) {
            return rc;
        }
        transpose(&turned, image);
        grabcut_image_free(image);
        *image = turned;
    }
    if (orientation == 2 || orientation == 3 || orientation == 6 || orientation == 7) {
        mirror_rows(image);
    }
    if (orientation == 3 || orientation == 4 || orientation == 7 || orientation == 8) {
        reverse_rows(image);
    }
    return GRABCUT_OK;
}
