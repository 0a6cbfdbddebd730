/*
 * A gRPC stream on any bytes; the first says how large a message may be. Besides the sanitizers:
 * messages lie within the input one after the other, what comes of them does not depend on how much
 * has arrived, and the values of gRPC's fields are read and written alike.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "grpc.h"
#include "grpc_frame.h"

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition))                                                                          \
            abort();                                                                               \
    } while (0)

static void check_frames(const char *bytes, size_t n, size_t max) {
    sv_grpc_frame frame, again;
    sv_grpc_frame_result result;
    while ((result = sv_grpc_read_frame(&frame, bytes, n, max)) == SV_GRPC_FRAME_DONE) {
        char prefix[SV_GRPC_PREFIX];
        MUST(frame.used == SV_GRPC_PREFIX + frame.message.len && frame.used <= n);
        MUST(frame.message.p == bytes + SV_GRPC_PREFIX && frame.message.len <= max);
        sv_grpc_write_prefix(prefix, frame.message.len);
        MUST(memcmp(prefix + 1, bytes + 1, SV_GRPC_PREFIX - 1) == 0);
        for (size_t some = 0; some < frame.used; some++)
            MUST(sv_grpc_read_frame(&again, bytes, some, max) == SV_GRPC_FRAME_MORE);
        bytes += frame.used;
        n -= frame.used;
    }
    MUST(n > 0 || result == SV_GRPC_FRAME_MORE);
}

static void check_message(hr_str text) {
    char *to = malloc(SV_GRPC_MESSAGE_SIZE(text.len) + 1);
    hr_str encoded = sv_grpc_encode_message(to, text);
    size_t at = 0;
    MUST(encoded.len <= SV_GRPC_MESSAGE_SIZE(text.len));
    for (size_t i = 0; i < encoded.len; i++, at++) {
        unsigned char c = (unsigned char)encoded.p[i];
        MUST(at < text.len && c >= 0x20 && c <= 0x7E);
        if (c == '%') {
            const char hex[] = {encoded.p[i + 1], encoded.p[i + 2], 0};
            c = (unsigned char)strtoul(hex, NULL, 16);
            i += 2;
        }
        MUST(c == (unsigned char)text.p[at]);
    }
    MUST(at == text.len);
    free(to);
}

static void check_values(hr_str value) {
    int status;
    uint64_t ns;
    if (sv_grpc_parse_status(&status, value)) {
        hr_str digits = sv_grpc_status_digits(status);
        MUST(digits.len == value.len && memcmp(digits.p, value.p, value.len) == 0);
    }
    if (sv_grpc_parse_timeout(&ns, value))
        MUST(value.len >= 2 && value.len <= 9);
    (void)sv_grpc_is_content_type(value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0 || size > 4096)
        return 0;
    const char *bytes = (const char *)data + 1;
    check_frames(bytes, size - 1, (size_t)data[0] * 16);
    check_message((hr_str){bytes, size - 1});
    check_values((hr_str){bytes, size - 1});
    return 0;
}
