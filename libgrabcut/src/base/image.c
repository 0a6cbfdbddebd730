/* Allocates, frees and validates images. */
#include "image.h"

#include <stdlib.h>

int grabcut_image_alloc(grabcut_image *out, int32_t width, int32_t height, int32_t channels) {
    if (!out) {
        return GRABCUT_EINVAL;
    }
    *out = (grabcut_image){NULL, 0, 0, 0, 0};
    if (width < 1 || height < 1 || (channels != 1 && channels != 3 && channels != 4)) {
        return GRABCUT_EINVAL;
    }
    size_t stride = (size_t)width * (size_t)channels;
    uint8_t *data = calloc((size_t)height, stride);
    if (!data) {
        return GRABCUT_ENOMEM;
    }
    *out = (grabcut_image){data, width, height, channels, stride};
    return GRABCUT_OK;
}

void grabcut_image_free(grabcut_image *image) {
    if (!image) {
        return;
    }
    free(image->data);
    *image = (grabcut_image){NULL, 0, 0, 0, 0};
}

int grabcut_image_valid(const grabcut_image *image) {
    if (!image || !image->data || image->width < 1 || image->height < 1) {
        return 0;
    }
    if (image->channels != 1 && image->channels != 3 && image->channels != 4) {
        return 0;
    }
    return image->stride / (size_t)image->channels >= (size_t)image->width;
}

void grabcut_free(void *p) {
    free(p);
}
