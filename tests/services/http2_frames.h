/* Frames of HTTP/2 written by hand, for tests of its codec. */
#ifndef HTTP2_FRAMES_H
#define HTTP2_FRAMES_H

#include <stdint.h>
#include <string.h>

#include "http2.h"

enum {
    FRAME_DATA = 0,
    FRAME_HEADERS = 1,
    FRAME_PRIORITY = 2,
    FRAME_RST_STREAM = 3,
    FRAME_SETTINGS = 4,
    FRAME_PUSH_PROMISE = 5,
    FRAME_PING = 6,
    FRAME_GOAWAY = 7,
    FRAME_WINDOW_UPDATE = 8,
    FRAME_CONTINUATION = 9,
    FLAG_ACK = 1,
    FLAG_END_STREAM = 1,
    FLAG_END_HEADERS = 4
};

struct wire {
    char bytes[256 << 10];
    size_t n;
};

static inline void put(struct wire *w, const void *bytes, size_t n) {
    memcpy(w->bytes + w->n, bytes, n);
    w->n += n;
}

static inline void put_number(struct wire *w, uint32_t number, size_t size) {
    for (size_t i = size; i-- > 0;)
        w->bytes[w->n++] = (char)(number >> (8 * i));
}

static inline void put_frame(struct wire *w, int type, int flags, uint32_t stream,
                             const void *payload, size_t n) {
    put_number(w, (uint32_t)n, 3);
    put_number(w, (uint32_t)type, 1);
    put_number(w, (uint32_t)flags, 1);
    put_number(w, stream, 4);
    put(w, payload, n);
}

/* The client's preface with empty settings. */
static inline void put_preface(struct wire *w) {
    put(w, SV_HTTP2_PREFACE, SV_HTTP2_PREFACE_LEN);
    put_frame(w, FRAME_SETTINGS, 0, 0, "", 0);
}

static inline void put_hpack_number(struct wire *w, int first, unsigned prefix, size_t number) {
    size_t max = ((size_t)1 << prefix) - 1;
    if (number < max) {
        put_number(w, (uint32_t)first | (uint32_t)number, 1);
        return;
    }
    put_number(w, (uint32_t)first | (uint32_t)max, 1);
    for (number -= max; number >= 128; number /= 128)
        put_number(w, (uint32_t)(number % 128 + 128), 1);
    put_number(w, (uint32_t)number, 1);
}

/* Literal, never indexed, without Huffman coding (RFC 7541 section 6.2.3). */
static inline void put_field_n(struct wire *w, const char *name, const char *value, size_t n) {
    put_number(w, 0x10, 1);
    put_hpack_number(w, 0, 7, strlen(name));
    put(w, name, strlen(name));
    put_hpack_number(w, 0, 7, n);
    put(w, value, n);
}

static inline void put_field(struct wire *w, const char *name, const char *value) {
    put_field_n(w, name, value, strlen(value));
}

static inline void put_fields(struct wire *w, const char *const (*fields)[2]) {
    for (size_t i = 0; fields[i][0] != NULL; i++)
        put_field(w, fields[i][0], fields[i][1]);
}

/* A GET without content; `more` are further fields, NULL: none. */
static inline void put_get(struct wire *w, uint32_t stream, const char *const (*more)[2]) {
    static const char *const usual[][2] = {
        {":method", "GET"}, {":scheme", "http"}, {":authority", "a"}, {":path", "/"}, {NULL, NULL}};
    struct wire block = {.n = 0};
    put_fields(&block, usual);
    if (more != NULL)
        put_fields(&block, more);
    put_frame(w, FRAME_HEADERS, FLAG_END_STREAM | FLAG_END_HEADERS, stream, block.bytes, block.n);
}

static inline uint32_t get_number(const char *p, size_t size) {
    uint32_t number = 0;
    for (size_t i = 0; i < size; i++)
        number = number << 8 | (unsigned char)p[i];
    return number;
}

/* Calls `each` for every frame in the output of this end. */
static inline void each_frame(const char *bytes, size_t n, void *ctx,
                              void (*each)(void *ctx, int type, int flags, uint32_t stream,
                                           const char *payload, size_t len)) {
    while (n >= 9) {
        size_t len = get_number(bytes, 3);
        if (len > n - 9)
            return;
        each(ctx, bytes[3], bytes[4], get_number(bytes + 5, 4), bytes + 9, len);
        bytes += 9 + len;
        n -= 9 + len;
    }
}

#endif
