/* Strokes of a brush, read from JSON and drawn. */
#include "strokes.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json_parse.h"

/* Filling this many pixels of a row takes about as long as finding which ones. */
#define PIXELS_A_ROW 512

typedef struct point {
    double x, y;
} point;

/* The members of a stroke. */
typedef enum member { LABEL, POINTS, RADIUS, MEMBERS } member;

static const char *const member_names[MEMBERS] = {"label", "points", "radius"};

/* Where a value stands: outside, in the array, in a stroke, in its points, in a point. */
enum { AT_START, IN_STROKES, IN_STROKE, IN_POINTS, IN_POINT };

typedef struct reader {
    grabcut_image *mask; /* NULL: nothing is drawn */
    const char *text;
    char *why;
    size_t why_size;
    yajl_handle parser;
    bool (*stop)(void *ctx);
    void *ctx;
    int depth;
    long strokes, points; /* so far */
    int64_t rows;         /* that may still be drawn */
    /* the stroke */
    member member;
    unsigned given;
    int label; /* GRABCUT_FGD or GRABCUT_BGD */
    double radius;
    const char *points_text; /* drawn when label and radius are known, too */
    size_t points_len;
    /* the point */
    double coordinates[2];
    int n;
} reader;

__attribute__((format(printf, 2, 3))) static int stop(reader *r, const char *fmt, ...) {
    va_list args;
    int n = r->strokes > 0 ? snprintf(r->why, r->why_size, "strokes[%ld]: ", r->strokes - 1)
                           : snprintf(r->why, r->why_size, "strokes: ");
    va_start(args, fmt);
    vsnprintf(r->why + n, r->why_size - (size_t)n, fmt, args);
    va_end(args);
    return 0;
}

/* ---- drawing ---- */

/* Widens [*from, *to] by what the row has of a disc. */
static void span_disc(double *from, double *to, point centre, double radius, double y) {
    double dy = y - centre.y, square = radius * radius - dy * dy;
    if (square < 0)
        return;
    double half = sqrt(square);
    *from = fmin(*from, centre.x - half);
    *to = fmax(*to, centre.x + half);
}

/* Widens it by the place where the row crosses an edge. */
static void span_edge(double *from, double *to, point a, point b, double y) {
    if ((a.y < y) == (b.y < y))
        return;
    double x = a.x + (y - a.y) / (b.y - a.y) * (b.x - a.x);
    *from = fmin(*from, x);
    *to = fmax(*to, x);
}

/* All pixels within `radius` of the segment: two discs and the rectangle between them, which are
 * convex, so a row has one span of them. */
static void draw_segment(reader *r, point a, point b) {
    double length = hypot(b.x - a.x, b.y - a.y), radius = r->radius;
    double nx = length > 0 ? (a.y - b.y) / length * radius : 0,
           ny = length > 0 ? (b.x - a.x) / length * radius : 0;
    const point corners[5] = {{a.x + nx, a.y + ny},
                              {b.x + nx, b.y + ny},
                              {b.x - nx, b.y - ny},
                              {a.x - nx, a.y - ny},
                              {a.x + nx, a.y + ny}};
    double top = fmax(ceil(fmin(a.y, b.y) - radius), 0),
           bottom = fmin(floor(fmax(a.y, b.y) + radius), r->mask->height - 1);
    for (double y = top; y <= bottom; ++y) {
        double from = INFINITY, to = -INFINITY;
        span_disc(&from, &to, a, radius, y);
        span_disc(&from, &to, b, radius, y);
        for (int i = 0; length > 0 && i < 4; ++i)
            span_edge(&from, &to, corners[i], corners[i + 1], y);
        from = fmax(ceil(from), 0);
        to = fmin(floor(to), r->mask->width - 1);
        r->rows -= 1 + (from <= to ? (int64_t)(to - from) / PIXELS_A_ROW : 0);
        if (from <= to)
            memset(r->mask->data + (size_t)y * r->mask->stride + (size_t)from, r->label,
                   (size_t)(to - from) + 1);
    }
}

/* ---- the points of a stroke, once it is complete ---- */

typedef struct pen {
    reader *r;
    point last, next;
    int coordinate;
    bool down;
} pen;

static int on_pen_number(void *ctx, const char *text, size_t len) {
    pen *p = ctx;
    double value = strtod(text, NULL);
    (void)len;
    if (p->coordinate++ == 0)
        p->next.x = value;
    else
        p->next.y = value;
    return 1;
}

static int on_pen_start(void *ctx) {
    ((pen *)ctx)->coordinate = 0;
    return 1;
}

static int on_pen_end(void *ctx) {
    pen *p = ctx;
    if (p->coordinate != 2)
        return 1; /* of the array of all points */
    if (p->r->stop != NULL && p->r->stop(p->r->ctx))
        return stop(p->r, "the work was cancelled");
    if (p->r->rows < 0)
        return stop(p->r, "the strokes cover too much of the image; "
                          "fewer points or a smaller radius are needed");
    draw_segment(p->r, p->down ? p->last : p->next, p->next);
    p->down = true;
    p->last = p->next;
    p->coordinate = 0;
    return 1;
}

static int draw_points(reader *r) {
    static const yajl_callbacks callbacks = {.yajl_number = on_pen_number,
                                             .yajl_start_array = on_pen_start,
                                             .yajl_end_array = on_pen_end};
    pen p = {.r = r};
    return r->mask == NULL || sv_json_parse(&callbacks, &p, r->points_text, r->points_len,
                                            "strokes", r->why, r->why_size) == 0;
}

/* ---- reading ---- */

static int stroke_unexpected(reader *r) {
    static const char *const words[] = {[LABEL] = "foreground or background",
                                        [POINTS] = "an array of points [x, y]",
                                        [RADIUS] = "a number of pixels from 1 to 500"};
    switch (r->depth) {
    case IN_STROKE:
        return stop(r, "%s must be %s", member_names[r->member], words[r->member]);
    case IN_POINTS:
    case IN_POINT:
        return stop(r, "a point must be an array [x, y] of two numbers");
    default:
        return stop(r, "expected an array of objects");
    }
}

static int stroke_on_null(void *ctx) {
    return stroke_unexpected(ctx);
}

static int stroke_on_boolean(void *ctx, int value) {
    (void)value;
    return stroke_unexpected(ctx);
}

static int stroke_on_number(void *ctx, const char *text, size_t len) {
    reader *r = ctx;
    char copy[64];
    if (len >= sizeof(copy))
        return stroke_unexpected(r);
    memcpy(copy, text, len);
    copy[len] = '\0';
    double value = strtod(copy, NULL);
    if (r->depth == IN_STROKE && r->member == RADIUS && value >= 1 &&
        value <= SV_STROKES_MOST_RADIUS) {
        r->radius = value;
        return 1;
    }
    if (r->depth != IN_POINT || r->n == 2)
        return stroke_unexpected(r);
    if (!(fabs(value) <= SV_STROKES_FARTHEST))
        return stop(r, "a coordinate is out of range: %.30s", copy);
    r->coordinates[r->n++] = value;
    return 1;
}

static int stroke_on_string(void *ctx, const unsigned char *p, size_t len) {
    reader *r = ctx;
    if (r->depth != IN_STROKE || r->member != LABEL)
        return stroke_unexpected(r);
    if (len != 10 || (memcmp(p, "foreground", 10) != 0 && memcmp(p, "background", 10) != 0))
        return stroke_unexpected(r);
    r->label = p[0] == 'f' ? GRABCUT_FGD : GRABCUT_BGD;
    return 1;
}

static int stroke_on_key(void *ctx, const unsigned char *name, size_t len) {
    reader *r = ctx;
    for (int i = 0; i < MEMBERS; ++i) {
        if (strlen(member_names[i]) != len || memcmp(member_names[i], name, len) != 0)
            continue;
        if (r->given & 1U << i)
            return stop(r, "%s is given twice", member_names[i]);
        r->given |= 1U << i;
        r->member = (member)i;
        return 1;
    }
    return stop(r, "unknown member \"%.*s\"; the known ones are label, points, radius",
                len > 40 ? 40 : (int)len, (const char *)name);
}

static int stroke_on_start_map(void *ctx) {
    reader *r = ctx;
    if (r->depth != IN_STROKES)
        return stroke_unexpected(r);
    if (++r->strokes > SV_STROKES_MOST)
        return stop(r, "there are more than %d strokes", SV_STROKES_MOST);
    r->depth = IN_STROKE;
    r->given = 0;
    r->radius = SV_STROKES_RADIUS;
    return 1;
}

static int stroke_on_end_map(void *ctx) {
    reader *r = ctx;
    r->depth = IN_STROKES;
    for (int i = 0; i < MEMBERS; ++i)
        if (i != RADIUS && !(r->given & 1U << i))
            return stop(r, "the member %s is missing", member_names[i]);
    return draw_points(r);
}

static int stroke_on_start_array(void *ctx) {
    reader *r = ctx;
    if (r->depth == IN_STROKE && r->member == POINTS)
        r->points_text = r->text + yajl_get_bytes_consumed(r->parser) - 1;
    else if (r->depth != AT_START && r->depth != IN_POINTS)
        return stroke_unexpected(r);
    r->depth = r->depth == AT_START ? IN_STROKES : r->depth == IN_STROKE ? IN_POINTS : IN_POINT;
    r->n = 0;
    return 1;
}

static int stroke_on_end_array(void *ctx) {
    reader *r = ctx;
    if (r->depth == IN_POINT) {
        if (r->n != 2)
            return stroke_unexpected(r);
        if (++r->points > SV_STROKES_MOST_POINTS)
            return stop(r, "there are more than %d points", SV_STROKES_MOST_POINTS);
    }
    if (r->depth == IN_POINTS)
        r->points_len = (size_t)(r->text + yajl_get_bytes_consumed(r->parser) - r->points_text);
    --r->depth;
    return 1;
}

/* Time grows with the rows, not with the points: one from corner to corner of a tall image takes as
 * long as thousands of short ones. */
static int64_t most_rows(const grabcut_image *mask) {
    int64_t most =
        mask == NULL ? 0 : (int64_t)mask->width * mask->height * SV_STROKES_ROWS_PER_PIXEL;
    return most > SV_STROKES_ROWS ? most : SV_STROKES_ROWS;
}

int sv_strokes_draw(grabcut_image *mask, const char *text, size_t len, bool (*stop_now)(void *ctx),
                    void *ctx, char *why, size_t why_size) {
    static const yajl_callbacks callbacks = {.yajl_null = stroke_on_null,
                                             .yajl_boolean = stroke_on_boolean,
                                             .yajl_number = stroke_on_number,
                                             .yajl_string = stroke_on_string,
                                             .yajl_start_map = stroke_on_start_map,
                                             .yajl_map_key = stroke_on_key,
                                             .yajl_end_map = stroke_on_end_map,
                                             .yajl_start_array = stroke_on_start_array,
                                             .yajl_end_array = stroke_on_end_array};
    reader r = {.mask = mask,
                .rows = most_rows(mask),
                .text = text,
                .why = why,
                .why_size = why_size,
                .stop = stop_now,
                .ctx = ctx};
    return sv_json_parse_placed(&callbacks, &r, &r.parser, text, len, "strokes", why, why_size);
}
