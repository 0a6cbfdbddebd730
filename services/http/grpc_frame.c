/* Cuts a gRPC stream into its messages, and writes what precedes a message. */
#include "grpc_frame.h"

#include <stdint.h>

sv_grpc_frame_result sv_grpc_read_frame(sv_grpc_frame *frame, const char *bytes, size_t n,
                                        size_t max_message) {
    const unsigned char *p = (const unsigned char *)bytes;
    if (n > 0 && p[0] > 1)
        return SV_GRPC_FRAME_MALFORMED;
    if (n < SV_GRPC_PREFIX)
        return SV_GRPC_FRAME_MORE;
    size_t len = (size_t)p[1] << 24 | (size_t)p[2] << 16 | (size_t)p[3] << 8 | p[4];
    if (len > max_message)
        return SV_GRPC_FRAME_TOO_LARGE;
    if (n - SV_GRPC_PREFIX < len)
        return SV_GRPC_FRAME_MORE;
    *frame = (sv_grpc_frame){.compressed = p[0] == 1,
                             .message = {bytes + SV_GRPC_PREFIX, len},
                             .used = SV_GRPC_PREFIX + len};
    return SV_GRPC_FRAME_DONE;
}

void sv_grpc_write_prefix(char to[SV_GRPC_PREFIX], size_t n) {
    to[0] = 0;
    for (int i = 1; i <= 4; i++)
        to[i] = (char)(unsigned char)(n >> (8 * (4 - i)));
}
