/*
 * The messages of a gRPC stream, as HTTP/2's content holds them: a flag byte, a length of four
 * bytes, and the message (PROTOCOL-HTTP2.md, Length-Prefixed-Message). No I/O, no allocation; all
 * functions are pure and thread-safe.
 */
#ifndef SV_GRPC_FRAME_H
#define SV_GRPC_FRAME_H

#include <stdbool.h>
#include <stddef.h>

#include <headerroute/headerroute.h>

/* Bytes before each message. */
#define SV_GRPC_PREFIX ((size_t)5)

typedef enum sv_grpc_frame_result {
    SV_GRPC_FRAME_DONE = 1,
    SV_GRPC_FRAME_MORE = 0,       /* well-formed so far, more bytes are needed */
    SV_GRPC_FRAME_MALFORMED = -1, /* the flag byte is neither 0 nor 1 */
    SV_GRPC_FRAME_TOO_LARGE = -2  /* the message has more than max_message bytes */
} sv_grpc_frame_result;

typedef struct sv_grpc_frame {
    bool compressed; /* as grpc-encoding says */
    hr_str message;  /* within the input */
    size_t used;     /* bytes of input that the message takes with its prefix */
} sv_grpc_frame;

/* Reads the message at the beginning of `n` bytes. *frame is set only by SV_GRPC_FRAME_DONE. An
 * error is reported as soon as the prefix shows it; the stream must not be read further then. */
sv_grpc_frame_result sv_grpc_read_frame(sv_grpc_frame *frame, const char *bytes, size_t n,
                                        size_t max_message);

/* Writes what precedes an uncompressed message of n bytes, at most UINT32_MAX. */
void sv_grpc_write_prefix(char to[SV_GRPC_PREFIX], size_t n);

#endif
