/* Takes the alpha of an image apart from its colours, and brings it back into a start and a result.
 */
#include "image.h"

#include <stdlib.h>
#include <string.h>

/* Rows of BGRA become rows of BGR in the same memory: no write is ahead of its read. */
static void compact_rows(grabcut_image *image, const grabcut_image *alpha) {
    const size_t width = (size_t)image->width;
    uint8_t *to = image->data;
    for (size_t y = 0; y < (size_t)image->height; y++) {
        const uint8_t *from = image->data + y * image->stride;
        uint8_t *values = alpha->data + y * alpha->stride;
        for (size_t x = 0; x < width; x++, from += 4, to += 3) {
            const uint8_t pixel[4] = {from[0], from[1], from[2], from[3]};
            memcpy(to, pixel, 3);
            values[x] = pixel[3];
        }
    }
}

int grabcut_split_alpha(grabcut_image *out_alpha, grabcut_image *image) {
    if (!out_alpha) {
        return GRABCUT_EINVAL;
    }
    *out_alpha = (grabcut_image){NULL, 0, 0, 0, 0};
    if (!grabcut_image_valid(image) || image->channels != 4) {
        return GRABCUT_EINVAL;
    }
    int rc = grabcut_image_alloc(out_alpha, image->width, image->height, 1);
    if (rc) {
        return rc;
    }
    compact_rows(image, out_alpha);
    image->channels = 3;
    image->stride = 3 * (size_t)image->width;
    uint8_t *smaller = realloc(image->data, image->stride * (size_t)image->height);
    image->data = smaller ? smaller : image->data;
    return GRABCUT_OK;
}

static int is_plane_of(const grabcut_image *plane, const grabcut_image *image) {
    return grabcut_image_valid(plane) && plane->channels == 1 && plane->width == image->width &&
           plane->height == image->height;
}

int grabcut_mask_from_alpha(grabcut_image *mask, const grabcut_image *alpha) {
    if (!grabcut_image_valid(mask) || mask->channels != 1 || !is_plane_of(alpha, mask)) {
        return GRABCUT_EINVAL;
    }
    for (size_t y = 0; y < (size_t)mask->height; y++) {
        uint8_t *out = mask->data + y * mask->stride;
        const uint8_t *in = alpha->data + y * alpha->stride;
        for (size_t x = 0; x < (size_t)mask->width; x++) {
            out[x] = in[x] == 0 ? GRABCUT_BGD : out[x];
        }
    }
    return GRABCUT_OK;
}

int grabcut_multiply_alpha(grabcut_image *cutout, const grabcut_image *alpha) {
    if (!grabcut_image_valid(cutout) || cutout->channels != 4 || !is_plane_of(alpha, cutout)) {
        return GRABCUT_EINVAL;
    }
    for (size_t y = 0; y < (size_t)cutout->height; y++) {
        uint8_t *out = cutout->data + y * cutout->stride;
        const uint8_t *in = alpha->data + y * alpha->stride;
        for (size_t x = 0; x < (size_t)cutout->width; x++, out += 4) {
            out[3] = (uint8_t)((out[3] * in[x] + 127) / 255);
            if (out[3] == 0) {
                memset(out, 0, 3);
            }
        }
    }
    return GRABCUT_OK;
}
