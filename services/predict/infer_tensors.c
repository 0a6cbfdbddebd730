/* The tensors of an answer in binary form. */
#include "infer_tensors.h"

#include <string.h>

static void put_mask(uint8_t *to, const grabcut_image *mask) {
    for (int32_t y = 0; y < mask->height; ++y) {
        const uint8_t *row = mask->data + (size_t)y * mask->stride;
        for (int32_t x = 0; x < mask->width; ++x)
            *to++ = row[x] & 1;
    }
}

static void put_cutout(uint8_t *to, const grabcut_image *cutout) {
    for (int32_t y = 0; y < cutout->height; ++y) {
        const uint8_t *row = cutout->data + (size_t)y * cutout->stride;
        for (int32_t x = 0; x < cutout->width; ++x, row += 3)
            for (int c = 2; c >= 0; --c)
                *to++ = row[c];
    }
}

static void put_png(uint8_t *to, const sv_infer_result *result) {
    uint32_t n = (uint32_t)result->png_len;
    for (int i = 0; i < 4; ++i)
        to[i] = (uint8_t)(n >> (8 * i));
    memcpy(to + 4, result->png, result->png_len);
}

void sv_infer_put_tensor(uint8_t *to, sv_infer_output output, const sv_infer_result *result) {
    switch (output) {
    case SV_INFER_MASK:
        put_mask(to, result->mask);
        break;
    case SV_INFER_CUTOUT:
        put_cutout(to, result->cutout);
        break;
    default:
        put_png(to, result);
        break;
    }
}

size_t sv_infer_tensor_size(sv_infer_output output, const sv_infer_result *result) {
    switch (output) {
    case SV_INFER_MASK:
        return (size_t)result->mask->width * (size_t)result->mask->height;
    case SV_INFER_CUTOUT:
        return (size_t)result->cutout->width * (size_t)result->cutout->height * 3;
    default:
        return 4 + result->png_len;
    }
}
