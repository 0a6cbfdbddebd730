/* Cuts rects to an image. */
#include "rect.h"

static int32_t min32(int32_t a, int32_t b) {
    return a < b ? a : b;
}

int grabcut_rect_effective(grabcut_rect *out, const grabcut_rect *rect, int32_t width,
                           int32_t height) {
    grabcut_rect r = *rect;
    *out = (grabcut_rect){0, 0, 0, 0};
    r.x = r.x < 0 ? 0 : r.x;
    r.y = r.y < 0 ? 0 : r.y;
    r.width = min32(r.width, width - r.x);
    r.height = min32(r.height, height - r.y);
    if (r.width < 1 || r.height < 1) {
        return GRABCUT_ERECT;
    }
    *out = r;
    return GRABCUT_OK;
}

/* What is left out at each end of a side: at least a pixel where one is left between. */
static int32_t inset_of(int32_t side, int percent) {
    int32_t inset = (int32_t)((int64_t)side * percent / 100);
    return inset == 0 && percent > 0 && side > 2 ? 1 : inset;
}

grabcut_rect grabcut_rect_inset(int32_t width, int32_t height, int percent) {
    if (width < 1 || height < 1) {
        return (grabcut_rect){0, 0, 0, 0};
    }
    percent = percent < 0 ? 0 : min32(percent, 49);
    int32_t dx = inset_of(width, percent), dy = inset_of(height, percent);
    grabcut_rect rect = {dx, dy, width - 2 * dx, height - 2 * dy};
    if (percent > 0 && rect.width == width && rect.height == height) {
        rect.width -= width == 2;
        rect.height -= width == 1 && height == 2;
    }
    return rect;
}

int grabcut_rect_clamp(grabcut_rect *rect, int32_t width, int32_t height) {
    if (!rect) {
        return GRABCUT_EINVAL;
    }
    int64_t left = rect->x, top = rect->y;
    int64_t right = left + rect->width, bottom = top + rect->height;
    left = left < 0 ? 0 : left;
    top = top < 0 ? 0 : top;
    right = right > width ? width : right;
    bottom = bottom > height ? height : bottom;
    if (right <= left || bottom <= top) {
        return GRABCUT_ERECT;
    }
    *rect = (grabcut_rect){(int32_t)left, (int32_t)top, (int32_t)(right - left),
                           (int32_t)(bottom - top)};
    return GRABCUT_OK;
}
