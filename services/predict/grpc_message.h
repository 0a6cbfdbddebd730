/* One protobuf message of a gRPC call, read from the request or sent as the answer. */
#ifndef SV_PREDICT_GRPC_MESSAGE_H
#define SV_PREDICT_GRPC_MESSAGE_H

#include <pb.h>

#include "exchange.h"

/* Answers with a message of at most 512 bytes. */
void sv_grpc_answer_message(sv_exchange *ex, const pb_msgdesc_t *fields, const void *message);
/* Reads a message. False: it is malformed, and the call is answered. */
bool sv_grpc_read_message(sv_exchange *ex, sv_bytes from, const pb_msgdesc_t *fields,
                          void *message);
#endif
