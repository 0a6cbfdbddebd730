/* One protobuf message of a gRPC call, read from the request or sent as the answer. */
#include "grpc_message.h"

#include <stdio.h>

#include <pb_decode.h>
#include <pb_encode.h>

#include "answer_grpc.h"
#include "grpc.h"

/* Of a message that is not an inference: names, and their lengths. */
#define SMALL_ANSWER 512

void sv_grpc_answer_message(sv_exchange *ex, const pb_msgdesc_t *fields, const void *message) {
    char *bytes = sv_pool_alloc(ex->pool, SMALL_ANSWER);
    pb_ostream_t stream = pb_ostream_from_buffer((pb_byte_t *)bytes, SMALL_ANSWER);
    if (pb_encode(&stream, fields, message))
        sv_answer_grpc(ex, (hr_str){bytes, stream.bytes_written});
    else
        sv_answer_grpc_status(ex, SV_GRPC_INTERNAL, PB_GET_ERROR(&stream));
}

bool sv_grpc_read_message(sv_exchange *ex, sv_bytes from, const pb_msgdesc_t *fields,
                          void *message) {
    pb_istream_t stream = pb_istream_from_buffer((const pb_byte_t *)from.p, from.len);
    char detail[128];
    if (pb_decode(&stream, fields, message))
        return true;
    snprintf(detail, sizeof(detail), "the message is malformed: %s", PB_GET_ERROR(&stream));
    sv_answer_grpc_status(ex, SV_GRPC_INVALID_ARGUMENT, detail);
    return false;
}
