/* BMP: plain rows, palettes, colour masks, and run-length coding. */
#include "bmp_decode.h"

#include "bmp_header.h"
#include "fail.h"

#include <string.h>

typedef struct source {
    const uint8_t *p, *end;
} source;

/* The palette with 256 entries; those that the file lacks are black. */
typedef struct palette {
    uint8_t bgra[256][4];
} palette;

/* What the functions below return at the end of the file, besides the codes. */
enum { CUT_OFF = 1 };

static inline void put_pixel(uint8_t *out, const uint8_t *bgra, size_t channels) {
    out[0] = bgra[0];
    out[1] = bgra[1];
    out[2] = bgra[2];
    if (channels == 4) {
        out[3] = bgra[3];
    }
}

static void fill_palette(palette *out, const grabcut_bmp *bmp) {
    memset(out, 0, sizeof(*out));
    for (int32_t i = 0; i < bmp->palette_entries; i++) {
        memcpy(out->bgra[i], bmp->palette + (size_t)i * (size_t)bmp->palette_entry_bytes, 3);
    }
    for (int i = 0; i < 256; i++) {
        out->bgra[i][3] = 255;
    }
}

/* Row y of the file in the image. */
static uint8_t *row_of(const grabcut_image *out, const grabcut_bmp *bmp, int32_t y) {
    size_t from_top = (size_t)(bmp->bottom_up ? out->height - 1 - y : y);
    return out->data + from_top * out->stride;
}

static void indexed_row(uint8_t *out, const uint8_t *in, size_t width, size_t channels, int bits,
                        const palette *pal) {
    size_t per_byte = 8 / (size_t)bits;
    for (size_t x = 0; x < width; x++) {
        unsigned shift = 8 - (unsigned)bits * (unsigned)(x % per_byte + 1);
        unsigned index = in[x / per_byte] >> shift & ((1u << bits) - 1);
        put_pixel(out + channels * x, pal->bgra[index], channels);
    }
}

/* How a channel becomes 8 bits. */
typedef struct channel {
    uint32_t mask;
    int shift;     /* to its lowest bit */
    uint32_t most; /* its largest value; 0: there is none */
    int left; /* cv2's way: only moved up, so that white is 248. -1: scaled, so that it is 255 */
} channel;

/* cv::imdecode knows 5-5-5 and 5-6-5 and moves their bits up; it refuses what is scaled here. */
static int is_moved_up(const grabcut_bmp *bmp) {
    const uint32_t *m = bmp->masks;
    return bmp->bits == 16 && m[0] == 0x1f &&
           ((m[1] == 0x3e0 && m[2] == 0x7c00) || (m[1] == 0x7e0 && m[2] == 0xf800));
}

static channel channel_of(uint32_t mask, int moved_up) {
    channel c = {mask, mask ? __builtin_ctz(mask) : 0, 0, -1};
    c.most = mask >> c.shift;
    c.left = moved_up ? 8 - (32 - __builtin_clz(c.most)) : -1;
    return c;
}

static uint8_t sample_of(uint32_t pixel, const channel *c) {
    uint64_t value = (pixel & c->mask) >> c->shift;
    if (c->left >= 0) {
        return (uint8_t)(value << c->left);
    }
    if (c->most == 0 || c->most == 255) {
        return (uint8_t)value;
    }
    return (uint8_t)((value * 255 + c->most / 2) / c->most);
}

static void masked_row(uint8_t *out, const uint8_t *in, size_t width, size_t channels,
                       const grabcut_bmp *bmp) {
    int moved_up = is_moved_up(bmp);
    const channel fields[4] = {channel_of(bmp->masks[0], moved_up),
                               channel_of(bmp->masks[1], moved_up),
                               channel_of(bmp->masks[2], moved_up), channel_of(bmp->masks[3], 0)};
    for (size_t x = 0; x < width; x++) {
        uint32_t pixel = bmp->bits == 16 ? grabcut_le16(in + 2 * x) : grabcut_le32(in + 4 * x);
        for (size_t c = 0; c < 3; c++) {
            out[channels * x + c] = sample_of(pixel, &fields[c]);
        }
        if (channels == 4) {
            out[channels * x + 3] = fields[3].most ? sample_of(pixel, &fields[3]) : 255;
        }
    }
}

static void plain_row(uint8_t *out, const uint8_t *in, size_t width, size_t channels) {
    if (channels == 3) {
        memcpy(out, in, 3 * width);
        return;
    }
    for (size_t x = 0; x < width; x++) {
        memcpy(out + 4 * x, in + 3 * x, 3);
        out[4 * x + 3] = 255;
    }
}

static int read_plain(const grabcut_image *out, const grabcut_bmp *bmp, source s,
                      const palette *pal, const grabcut_decode_options *opts, grabcut_errbuf *err) {
    size_t width = (size_t)bmp->width, channels = (size_t)out->channels;
    size_t pitch = (width * (size_t)bmp->bits + 31) / 32 * 4;
    for (int32_t y = 0; y < bmp->height; y++, s.p += pitch) {
        if ((size_t)(s.end - s.p) < pitch) {
            return CUT_OFF;
        }
        if (grabcut_is_cancelled(opts)) {
            return grabcut_fail_cancelled(err);
        }
        uint8_t *row = row_of(out, bmp, y);
        if (bmp->bits <= 8) {
            indexed_row(row, s.p, width, channels, bmp->bits, pal);
        } else if (bmp->bits == 24) {
            plain_row(row, s.p, width, channels);
        } else {
            masked_row(row, s.p, width, channels, bmp);
        }
    }
    return GRABCUT_OK;
}

/* ---- run-length coding ------------------------------------------------------------------- */

enum { ESCAPE_END_OF_LINE = 0, ESCAPE_END = 1, ESCAPE_DELTA = 2 };

typedef struct cursor {
    int32_t x, y;
} cursor;

/* Pixels of a row with its padding to whole 4 bytes, which ImageMagick's runs include. */
static int32_t padded_width(const grabcut_bmp *bmp) {
    int64_t step = 32 / bmp->bits;
    int64_t padded = ((int64_t)bmp->width + step - 1) / step * step;
    return padded > INT32_MAX ? INT32_MAX : (int32_t)padded;
}

/* n pixels at the cursor; those of the padding are dropped. Encoded runs repeat the indices in one
 * byte, absolute ones list them. */
static int put_run(const grabcut_image *out, const grabcut_bmp *bmp, cursor *at, int n,
                   const uint8_t *indices, int repeat, const palette *pal) {
    if (at->y >= bmp->height || n > padded_width(bmp) - at->x) {
        return GRABCUT_EDECODE;
    }
    uint8_t *row = row_of(out, bmp, at->y);
    size_t channels = (size_t)out->channels;
    int visible = n < bmp->width - at->x ? n : bmp->width - at->x;
    for (int i = 0; i < visible; i++) {
        int place = repeat ? (bmp->bits == 4 ? i & 1 : 0) : i;
        unsigned index = bmp->bits == 8     ? indices[place]
                         : (place & 1) == 0 ? indices[place / 2] >> 4
                                            : indices[place / 2] & 15u;
        put_pixel(row + channels * ((size_t)at->x + (size_t)i), pal->bgra[index], channels);
    }
    at->x += n;
    return GRABCUT_OK;
}

static int put_absolute(const grabcut_image *out, const grabcut_bmp *bmp, cursor *at, int n,
                        source *s, const palette *pal, grabcut_errbuf *err) {
    size_t bytes = bmp->bits == 8 ? (size_t)n : ((size_t)n + 1) / 2;
    size_t padded = (bytes + 1) & ~(size_t)1;
    if ((size_t)(s->end - s->p) < padded) {
        return CUT_OFF;
    }
    if (put_run(out, bmp, at, n, s->p, 0, pal)) {
        return grabcut_fail(err, GRABCUT_EDECODE, "BMP: a run leaves the image");
    }
    s->p += padded;
    return GRABCUT_OK;
}

static int move_cursor(cursor *at, const grabcut_bmp *bmp, source *s, grabcut_errbuf *err) {
    if (s->end - s->p < 2) {
        return CUT_OFF;
    }
    at->x += s->p[0];
    at->y += s->p[1];
    s->p += 2;
    if (at->x > padded_width(bmp) || at->y >= bmp->height) {
        return grabcut_fail(err, GRABCUT_EDECODE, "BMP: a run leaves the image");
    }
    return GRABCUT_OK;
}

/* Pixels that no run covers have the palette's first colour, as cv::imdecode gives them. */
static void fill_ground(const grabcut_image *out, const palette *pal) {
    size_t channels = (size_t)out->channels;
    for (size_t y = 0; y < (size_t)out->height; y++) {
        for (size_t x = 0; x < (size_t)out->width; x++) {
            put_pixel(out->data + y * out->stride + channels * x, pal->bgra[0], channels);
        }
    }
}

static int read_runs(const grabcut_image *out, const grabcut_bmp *bmp, source s, const palette *pal,
                     const grabcut_decode_options *opts, grabcut_errbuf *err) {
    cursor at = {0, 0};
    int32_t asked = -1;
    fill_ground(out, pal);
    for (;;) {
        int rc = GRABCUT_OK;
        if (s.end - s.p < 2) {
            return CUT_OFF;
        }
        if (at.y != asked && grabcut_is_cancelled(opts)) {
            return grabcut_fail_cancelled(err);
        }
        asked = at.y;
        int n = s.p[0], code = s.p[1];
        s.p += 2;
        if (n > 0) {
            if (put_run(out, bmp, &at, n, s.p - 1, 1, pal)) {
                rc = grabcut_fail(err, GRABCUT_EDECODE, "BMP: a run leaves the image");
            }
        } else if (code == ESCAPE_END) {
            return GRABCUT_OK;
        } else if (code == ESCAPE_END_OF_LINE) {
            at.x = 0;
            at.y += at.y < bmp->height;
        } else if (code == ESCAPE_DELTA) {
            rc = move_cursor(&at, bmp, &s, err);
        } else {
            rc = put_absolute(out, bmp, &at, code, &s, pal, err);
        }
        if (rc) {
            return rc;
        }
    }
}

int grabcut_read_bmp(const grabcut_image *out, grabcut_range file,
                     const grabcut_decode_options *opts, grabcut_errbuf *err) {
    grabcut_bmp bmp;
    palette pal;
    int rc = grabcut_bmp_header(&bmp, file, err);
    if (rc) {
        return rc;
    }
    fill_palette(&pal, &bmp);
    source s = {file.p + (bmp.pixels < file.len ? bmp.pixels : file.len), file.p + file.len};
    int runs = bmp.packing == GRABCUT_BMP_RLE4 || bmp.packing == GRABCUT_BMP_RLE8;
    rc = (runs ? read_runs : read_plain)(out, &bmp, s, &pal, opts, err);
    if (rc != CUT_OFF) {
        return rc;
    }
    return opts->allow_truncated ? GRABCUT_OK
                                 : grabcut_fail(err, GRABCUT_EDECODE, "BMP: the file is truncated");
}
