/*
 * Reads the part of a lossless WebP that determines how many prefix codes its decoder holds: the
 * transforms and the entropy image (RFC 9649, sections 3.4 to 3.7).
 *
 * No field holds that number. It is the largest pixel of the entropy image, which is itself
 * compressed and follows the compressed images of the transforms. So these are decoded here,
 * without storing a pixel: copies and the colour cache repeat pixels that were literals before, and
 * only the largest literal counts.
 */
#include "vp8l.h"

#include <string.h>

enum {
    LENGTH_CODES = 24,
    DISTANCE_CODES = 40,
    LONGEST_CODE = 15,
    MOST_CACHE_BITS = 11,
    MOST_SYMBOLS = 256 + LENGTH_CODES + (1 << MOST_CACHE_BITS),
    CODE_LENGTHS = 19,
    CODES_A_GROUP = 5
};

enum { PREDICTOR, CROSS_COLOUR, SUBTRACT_GREEN, COLOUR_INDEXING };

typedef struct vp8l_bits {
    const uint8_t *p, *end;
    uint64_t value;
    unsigned count;
    int failed; /* the data ended or are invalid */
} vp8l_bits;

/* A prefix code in canonical form: symbols sorted by length, then by value. */
typedef struct vp8l_code {
    uint16_t of_length[LONGEST_CODE + 1];
    uint16_t symbols[MOST_SYMBOLS];
    unsigned count; /* symbols that have a code; a code of one symbol takes no bits */
} vp8l_code;

typedef struct vp8l_reader {
    vp8l_bits bits;
    vp8l_code codes[CODES_A_GROUP];
    uint8_t lengths[MOST_SYMBOLS];
} vp8l_reader;

/* ---- bits, the least significant one first ---- */

static void vp8l_fill(vp8l_bits *b) {
    while (b->count <= 56 && b->p < b->end) {
        b->value |= (uint64_t)*b->p++ << b->count;
        b->count += 8;
    }
}

static uint32_t vp8l_take(vp8l_bits *b, unsigned n) {
    if (b->count < n) {
        vp8l_fill(b);
    }
    if (b->count < n) {
        b->failed = 1;
        return 0;
    }
    uint32_t bits = (uint32_t)(b->value & ((UINT64_C(1) << n) - 1));
    b->value >>= n;
    b->count -= n;
    return bits;
}

/* ---- prefix codes (3.7.2) ---- */

/* Whether a code of these lengths assigns a meaning to every sequence of bits. */
static int vp8l_is_complete(const vp8l_code *code) {
    uint32_t open = 1;
    for (unsigned length = 1; length <= LONGEST_CODE; length++) {
        open *= 2;
        if (code->of_length[length] > open) {
            return 0;
        }
        open -= code->of_length[length];
    }
    return open == 0;
}

static int vp8l_build(vp8l_code *code, const uint8_t *lengths, unsigned symbols) {
    unsigned at[LONGEST_CODE + 2] = {0};
    memset(code->of_length, 0, sizeof(code->of_length));
    code->count = 0;
    for (unsigned s = 0; s < symbols; s++) {
        code->of_length[lengths[s]] += lengths[s] != 0;
        code->count += lengths[s] != 0;
    }
    for (unsigned length = 1; length <= LONGEST_CODE; length++) {
        at[length + 1] = at[length] + code->of_length[length];
    }
    for (unsigned s = 0; s < symbols; s++) {
        if (lengths[s]) {
            code->symbols[at[lengths[s]]++] = (uint16_t)s;
        }
    }
    return code->count == 1 || (code->count > 1 && vp8l_is_complete(code));
}

/* Codes of one length are consecutive numbers, their first bit first. */
static unsigned vp8l_symbol(vp8l_bits *b, const vp8l_code *code) {
    if (code->count == 1) {
        return code->symbols[0];
    }
    uint32_t value = 0, first = 0, index = 0;
    for (unsigned length = 1; length <= LONGEST_CODE; length++) {
        value |= vp8l_take(b, 1);
        if (value - first < code->of_length[length]) {
            return code->symbols[index + (value - first)];
        }
        index += code->of_length[length];
        first = (first + code->of_length[length]) << 1;
        value <<= 1;
    }
    b->failed = 1;
    return 0;
}

static void vp8l_read_simple(vp8l_reader *r) {
    int two = vp8l_take(&r->bits, 1) != 0;
    unsigned first_bits = vp8l_take(&r->bits, 1) ? 8 : 1;
    r->lengths[vp8l_take(&r->bits, first_bits)] = 1;
    if (two) {
        r->lengths[vp8l_take(&r->bits, 8)] = 1;
    }
}

/* The lengths are themselves coded, with runs of zeros and of the last length. */
static int vp8l_read_lengths(vp8l_reader *r, unsigned symbols) {
    static const uint8_t order[CODE_LENGTHS] = {17, 18, 0, 1,  2,  3,  4,  5,  16, 6,
                                                7,  8,  9, 10, 11, 12, 13, 14, 15};
    static const struct { uint8_t bits, offset; } runs[3] = {{2, 3}, {3, 3}, {7, 11}};
    uint8_t lengths[CODE_LENGTHS] = {0};
    vp8l_code code;
    unsigned n = vp8l_take(&r->bits, 4) + 4, last = 8, left = symbols;
    for (unsigned i = 0; i < n && i < CODE_LENGTHS; i++) {
        lengths[order[i]] = (uint8_t)vp8l_take(&r->bits, 3);
    }
    if (n > CODE_LENGTHS || !vp8l_build(&code, lengths, CODE_LENGTHS)) {
        return 0;
    }
    if (vp8l_take(&r->bits, 1)) {
        left = 2 + vp8l_take(&r->bits, 2 + 2 * vp8l_take(&r->bits, 3));
    }
    if (left > symbols) {
        return 0;
    }
    for (unsigned s = 0; s < symbols && left > 0 && !r->bits.failed; left--) {
        unsigned length = vp8l_symbol(&r->bits, &code);
        if (length < 16) {
            r->lengths[s++] = (uint8_t)length;
            last = length ? length : last;
            continue;
        }
        unsigned run = vp8l_take(&r->bits, runs[length - 16].bits) + runs[length - 16].offset;
        if (run > symbols - s) {
            return 0;
        }
        memset(r->lengths + s, length == 16 ? (int)last : 0, run);
        s += run;
    }
    return 1;
}

static int vp8l_read_code(vp8l_reader *r, vp8l_code *code, unsigned symbols) {
    memset(r->lengths, 0, sizeof(r->lengths));
    if (vp8l_take(&r->bits, 1)) {
        vp8l_read_simple(r);
    } else if (!vp8l_read_lengths(r, symbols)) {
        return 0;
    }
    return vp8l_build(code, r->lengths, symbols) && !r->bits.failed;
}

/* ---- images (3.6) ---- */

static int vp8l_read_cache_bits(vp8l_bits *b, uint32_t *cache_bits) {
    *cache_bits = vp8l_take(b, 1) ? vp8l_take(b, 4) : 0;
    return !b->failed && *cache_bits <= MOST_CACHE_BITS;
}

static uint32_t vp8l_copy_value(vp8l_bits *b, unsigned prefix) {
    if (prefix < 4) {
        return prefix + 1;
    }
    unsigned extra = (prefix - 2) >> 1;
    return ((2 + (prefix & 1)) << extra) + vp8l_take(b, extra) + 1;
}

static uint64_t vp8l_left(const vp8l_bits *b) {
    return b->count + 8 * (uint64_t)(b->end - b->p);
}

/* Reads the pixels of an image of one group of codes. *largest becomes the largest number that red
 * and green make together. Where codes of one symbol make a pixel of no bits, all that follow are
 * the same: they are not gone through, so that the work is bounded by the bits. */
static int vp8l_read_pixels(vp8l_reader *r, uint64_t pixels, uint32_t *largest) {
    enum { GREEN, RED, BLUE, ALPHA, DISTANCE };
    *largest = 0;
    while (pixels > 0 && !r->bits.failed) {
        uint64_t before = vp8l_left(&r->bits), covered = 1;
        unsigned symbol = vp8l_symbol(&r->bits, &r->codes[GREEN]);
        if (symbol < 256) {
            uint32_t number = vp8l_symbol(&r->bits, &r->codes[RED]) << 8 | symbol;
            vp8l_symbol(&r->bits, &r->codes[BLUE]);
            vp8l_symbol(&r->bits, &r->codes[ALPHA]);
            *largest = number > *largest ? number : *largest;
        } else if (symbol < 256 + LENGTH_CODES) {
            covered = vp8l_copy_value(&r->bits, symbol - 256);
            vp8l_copy_value(&r->bits, vp8l_symbol(&r->bits, &r->codes[DISTANCE]));
        }
        if (covered > pixels) {
            return 0;
        }
        if (vp8l_left(&r->bits) == before) {
            return pixels % covered == 0 && !r->bits.failed;
        }
        pixels -= covered;
    }
    return !r->bits.failed;
}

/* An image of a transform, or the entropy image: a colour cache, one group of codes, pixels. */
static int vp8l_read_subimage(vp8l_reader *r, uint64_t pixels, uint32_t *largest) {
    uint32_t cache_bits;
    if (!vp8l_read_cache_bits(&r->bits, &cache_bits)) {
        return 0;
    }
    const unsigned symbols[CODES_A_GROUP] = {
        256 + LENGTH_CODES + (cache_bits ? 1u << cache_bits : 0), 256, 256, 256, DISTANCE_CODES};
    for (int i = 0; i < CODES_A_GROUP; i++) {
        if (!vp8l_read_code(r, &r->codes[i], symbols[i])) {
            return 0;
        }
    }
    return vp8l_read_pixels(r, pixels, largest);
}

static uint64_t vp8l_tiles(int32_t width, int32_t height, unsigned bits) {
    uint64_t x = ((uint64_t)width + (1u << bits) - 1) >> bits;
    return x * (((uint64_t)height + (1u << bits) - 1) >> bits);
}

/* The width that the image has once several indices share a pixel (4.4). */
static int32_t vp8l_packed_width(int32_t width, uint32_t colours) {
    unsigned bits = colours > 16 ? 0 : colours > 4 ? 1 : colours > 2 ? 2 : 3;
    return (int32_t)(((uint32_t)width + (1u << bits) - 1) >> bits);
}

static int vp8l_read_transform(vp8l_reader *r, grabcut_vp8l *out, int32_t *width, unsigned *seen) {
    unsigned type = vp8l_take(&r->bits, 2);
    uint64_t pixels;
    uint32_t unused;
    if (*seen >> type & 1) {
        return 0;
    }
    *seen |= 1u << type;
    if (type == SUBTRACT_GREEN) {
        return 1;
    }
    if (type == COLOUR_INDEXING) {
        pixels = vp8l_take(&r->bits, 8) + 1;
        *width = vp8l_packed_width(*width, (uint32_t)pixels);
    } else {
        pixels = vp8l_tiles(*width, out->height, vp8l_take(&r->bits, 3) + 2);
    }
    out->subimage_pixels += pixels;
    return vp8l_read_subimage(r, pixels, &unused);
}

static int vp8l_read_size(vp8l_reader *r, grabcut_vp8l *out) {
    if (vp8l_take(&r->bits, 8) != 0x2f) {
        return 0;
    }
    out->width = (int32_t)vp8l_take(&r->bits, 14) + 1;
    out->height = (int32_t)vp8l_take(&r->bits, 14) + 1;
    vp8l_take(&r->bits, 1 + 3); /* alpha, version */
    return 1;
}

static int vp8l_read_prefix(vp8l_reader *r, grabcut_vp8l *out) {
    unsigned seen = 0;
    int32_t width = out->width;
    while (vp8l_take(&r->bits, 1)) {
        if (!vp8l_read_transform(r, out, &width, &seen)) {
            return 0;
        }
    }
    if (!vp8l_read_cache_bits(&r->bits, &out->cache_bits)) {
        return 0;
    }
    out->groups = 1;
    if (!vp8l_take(&r->bits, 1)) {
        return !r->bits.failed;
    }
    uint64_t pixels = vp8l_tiles(width, out->height, vp8l_take(&r->bits, 3) + 2);
    uint32_t largest = 0;
    out->subimage_pixels += pixels;
    if (!vp8l_read_subimage(r, pixels, &largest)) {
        return 0;
    }
    out->groups = largest + 1;
    return 1;
}

int grabcut_vp8l_read(grabcut_vp8l *out, grabcut_range data) {
    vp8l_reader r = {.bits = {data.p, data.p + data.len, 0, 0, 0}};
    memset(out, 0, sizeof(*out));
    return vp8l_read_size(&r, out) && vp8l_read_prefix(&r, out);
}

int grabcut_vp8l_read_alpha(grabcut_vp8l *out, grabcut_range data, int32_t width, int32_t height) {
    vp8l_reader r = {.bits = {data.p, data.p + data.len, 0, 0, 0}};
    memset(out, 0, sizeof(*out));
    out->width = width;
    out->height = height;
    return vp8l_read_prefix(&r, out);
}
