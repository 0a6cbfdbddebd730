/* The part of a rect that cv::grabCut uses. */
#ifndef GRABCUT_BASE_RECT_H
#define GRABCUT_BASE_RECT_H

#include <grabcut/grabcut.h>

/* The pixels that GRABCUT_INIT_WITH_RECT makes probable foreground, by the rule of cv::grabCut: a
 * negative x or y becomes 0 while the size stays, then the rectangle is clipped to the image.
 * Returns GRABCUT_ERECT if none is left. */
int grabcut_rect_effective(grabcut_rect *out, const grabcut_rect *rect, int32_t width,
                           int32_t height);

#endif
