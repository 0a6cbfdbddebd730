/* The one EXIF tag that changes how an image looks (CIPA DC-008, 4.6.4; TIFF 6.0, section 2). */
#include "exif.h"

#include <string.h>

enum { TAG_ORIENTATION = 0x0112, TYPE_SHORT = 3, TYPE_LONG = 4, ENTRY_BYTES = 12 };

typedef struct tiff {
    const uint8_t *p;
    size_t len;
    int big_endian;
} tiff;

static uint32_t get16(const tiff *t, size_t at) {
    const uint8_t *p = t->p + at;
    return t->big_endian ? (uint32_t)p[0] << 8 | p[1] : (uint32_t)p[1] << 8 | p[0];
}

static uint32_t get32(const tiff *t, size_t at) {
    uint32_t first = get16(t, at), second = get16(t, at + 2);
    return t->big_endian ? first << 16 | second : second << 16 | first;
}

static uint32_t entry_value(const tiff *t, size_t at) {
    switch (get16(t, at + 2)) {
    case TYPE_SHORT:
        return get16(t, at + 8);
    case TYPE_LONG:
        return get32(t, at + 8);
    default:
        return 0;
    }
}

int32_t grabcut_exif_orientation(const uint8_t *p, size_t len) {
    if (len >= 6 && memcmp(p, "Exif\0\0", 6) == 0) {
        p += 6;
        len -= 6;
    }
    tiff t = {p, len, 0};
    if (len < 8 || (memcmp(p, "II", 2) != 0 && memcmp(p, "MM", 2) != 0)) {
        return 1;
    }
    t.big_endian = p[0] == 'M';
    size_t directory = get32(&t, 4);
    if (get16(&t, 2) != 42 || directory > len - 2) {
        return 1;
    }
    size_t at = directory + 2;
    for (uint32_t n = get16(&t, directory); n > 0 && at + ENTRY_BYTES <= len; n--) {
        if (get16(&t, at) == TAG_ORIENTATION) {
            uint32_t value = entry_value(&t, at);
            return value >= 1 && value <= 8 ? (int32_t)value : 1;
        }
        at += ENTRY_BYTES;
    }
    return 1;
}
