/* Reads integers of a file, independent of the processor's byte order. The caller has checked the
 * bounds.
 */
#ifndef GRABCUT_BASE_BYTES_H
#define GRABCUT_BASE_BYTES_H

#include <stddef.h>
#include <stdint.h>

typedef struct grabcut_range {
    const uint8_t *p;
    size_t len;
} grabcut_range;

static inline uint32_t grabcut_le16(const uint8_t *p) {
    return (uint32_t)p[0] | (uint32_t)p[1] << 8;
}
static inline uint32_t grabcut_le24(const uint8_t *p) {
    return grabcut_le16(p) | (uint32_t)p[2] << 16;
}
static inline uint32_t grabcut_le32(const uint8_t *p) {
    return grabcut_le16(p) | grabcut_le16(p + 2) << 16;
}
static inline uint32_t grabcut_be16(const uint8_t *p) {
    return (uint32_t)p[0] << 8 | p[1];
}
static inline uint32_t grabcut_be32(const uint8_t *p) {
    return grabcut_be16(p) << 16 | grabcut_be16(p + 2);
}

#endif
