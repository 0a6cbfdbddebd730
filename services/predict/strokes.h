/* Strokes of a brush: marks for sure foreground and background, drawn into a start. */
#ifndef SV_PREDICT_STROKES_H
#define SV_PREDICT_STROKES_H

#include <stdbool.h>
#include <stddef.h>

#include <grabcut/grabcut.h>

#define SV_STROKES_MOST 1000         /* strokes of a request */
#define SV_STROKES_MOST_POINTS 20000 /* of all of them */
#define SV_STROKES_RADIUS 5          /* where a stroke has none; pixels */
#define SV_STROKES_MOST_RADIUS 500
#define SV_STROKES_FARTHEST 1e6 /* the largest coordinate, to each side of 0 */
/* Rows of the image that the segments of all strokes may cross, together: this many, or that many
 * for each pixel. Each 512 pixels of a row that are covered count as one more. */
#define SV_STROKES_ROWS 4000000
#define SV_STROKES_ROWS_PER_PIXEL 8

/*
 * Draws `text`, a JSON array of strokes, one over the other:
 *
 *     [{"label": "foreground", "points": [[x, y], ...], "radius": 5}, ...]
 *
 * `label` is foreground or background (GRABCUT_FGD, GRABCUT_BGD). A stroke covers the pixels whose
 * centre is at most `radius` from the line through its points; (0, 0) is the centre of the first
 * pixel of the upright image. What lies outside of the image is left out.
 *
 * `mask` may be NULL: then the text is only checked. Nothing is allocated: the points are drawn
 * as they are read. Strokes that cover too much of `mask` are an error. `stop` (NULL allowed) is
 * called between points; true ends the work early, with a sentence. 0, or -1 with a sentence in
 * `why`.
 */
int sv_strokes_draw(grabcut_image *mask, const char *text, size_t len, bool (*stop)(void *ctx),
                    void *ctx, char *why, size_t why_size);

#endif
