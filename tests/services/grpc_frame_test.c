/* A gRPC stream is cut into its messages, whatever arrives together. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

#include "grpc_frame.h"

static const char stream[] = "\0\0\0\0\3abc\1\0\0\0\0\0\0\0\0\2de";
static const size_t stream_len = sizeof(stream) - 1;

Test(grpc_frame, cuts_messages) {
    sv_grpc_frame frame;
    cr_assert_eq(sv_grpc_read_frame(&frame, stream, stream_len, 3), SV_GRPC_FRAME_DONE);
    cr_assert_not(frame.compressed);
    cr_assert_eq(frame.message.len, 3);
    cr_assert_eq(memcmp(frame.message.p, "abc", 3), 0);
    cr_assert_eq(frame.used, 8);
    cr_assert_eq(sv_grpc_read_frame(&frame, stream + 8, stream_len - 8, 3), SV_GRPC_FRAME_DONE);
    cr_assert(frame.compressed);
    cr_assert_eq(frame.message.len, 0);
    cr_assert_eq(frame.used, 5);
    cr_assert_eq(sv_grpc_read_frame(&frame, stream + 13, stream_len - 13, 3), SV_GRPC_FRAME_DONE);
    cr_assert_eq(frame.message.len, 2);
    cr_assert_eq(frame.used, stream_len - 13);
}

Test(grpc_frame, waits_for_the_whole_message) {
    sv_grpc_frame frame = {.used = 77};
    for (size_t n = 0; n < 8; n++) {
        cr_assert_eq(sv_grpc_read_frame(&frame, stream, n, 3), SV_GRPC_FRAME_MORE, "%zu", n);
        cr_assert_eq(frame.used, 77);
    }
}

Test(grpc_frame, refuses_by_the_prefix) {
    sv_grpc_frame frame;
    cr_assert_eq(sv_grpc_read_frame(&frame, "\2", 1, 3), SV_GRPC_FRAME_MALFORMED);
    cr_assert_eq(sv_grpc_read_frame(&frame, "P", 1, 3), SV_GRPC_FRAME_MALFORMED);
    cr_assert_eq(sv_grpc_read_frame(&frame, stream, 5, 2), SV_GRPC_FRAME_TOO_LARGE);
    cr_assert_eq(sv_grpc_read_frame(&frame, "\0\377\377\377\377", 5, 1 << 20),
                 SV_GRPC_FRAME_TOO_LARGE);
    cr_assert_eq(sv_grpc_read_frame(&frame, "\0\0\0\0\0", 5, 0), SV_GRPC_FRAME_DONE);
}

Test(grpc_frame, writes_what_it_reads) {
    static const size_t lengths[] = {0, 1, 255, 256, 65536, 16777216, 4294967295u};
    char prefix[SV_GRPC_PREFIX];
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        sv_grpc_frame frame;
        size_t n = lengths[i];
        sv_grpc_write_prefix(prefix, n);
        cr_assert_eq(sv_grpc_read_frame(&frame, prefix, sizeof(prefix), n),
                     n == 0 ? SV_GRPC_FRAME_DONE : SV_GRPC_FRAME_MORE, "%zu", n);
        if (n > 0)
            cr_assert_eq(sv_grpc_read_frame(&frame, prefix, sizeof(prefix), n - 1),
                         SV_GRPC_FRAME_TOO_LARGE, "%zu", n);
    }
}
