/* Server reflection, v1 and v1alpha, whose messages are the same: a client asks for the files that
 * declare the services, one request after the other on a stream. */
#include "grpc_reflection.h"

#include <string.h>

#include "answer_grpc.h"
#include "body_in.h"
#include "descriptors.h"
#include "grpc.h"
#include "grpc/reflection/v1/reflection.pb.h"
#include "grpc_frame.h"
#include "pb_memory.h"

/* Of a request: a name of at most 256 bytes, and a host. */
#define MAX_REQUEST 1024
/* Of an answer: the request again, and the largest file. */
#define MAX_ANSWER (MAX_REQUEST + 4096)

/* One stream, in the exchange's pool. Its memory does not grow with the requests. */
typedef struct reflection {
    sv_exchange *ex;
    char in[SV_GRPC_PREFIX + MAX_REQUEST]; /* requests that are not answered */
    size_t n_in;
    hr_str next; /* bytes of the body that are not in `in` yet */
    char out[SV_GRPC_PREFIX + MAX_ANSWER];
    bool sending, ended;
} reflection;

/* ---- one request ---- */

typedef struct request {
    hr_str bytes;
    bool lists; /* list_services is set */
    grpc_reflection_v1_ServerReflectionRequest fields;
} request;

static bool on_list_services(pb_istream_t *stream, const pb_field_t *field, void **arg) {
    (void)stream, (void)field;
    *(bool *)*arg = true;
    return true;
}

static bool put_services(pb_ostream_t *stream, const pb_field_t *field, void *const *arg) {
    bool ok = true;
    (void)arg;
    for (size_t i = 0; ok && i < sv_proto_services_count; i++) {
        hr_str name = sv_str(sv_proto_services[i]);
        const grpc_reflection_v1_ServiceResponse service = {
            .name = {{.encode = sv_pb_put_string}, &name}};
        ok = pb_encode_tag_for_field(stream, field) &&
             pb_encode_submessage(stream, grpc_reflection_v1_ServiceResponse_fields, &service);
    }
    return ok;
}

static const sv_proto_file *file_by_name(const char *name) {
    for (size_t i = 0; i < sv_proto_files_count; i++)
        if (strcmp(sv_proto_files[i].name, name) == 0)
            return &sv_proto_files[i];
    return NULL;
}

static const sv_proto_file *file_of_symbol(const char *name) {
    for (size_t i = 0; i < sv_proto_symbols_count; i++)
        if (strcmp(sv_proto_symbols[i].name, name) == 0)
            return &sv_proto_files[sv_proto_symbols[i].file];
    return NULL;
}

static void set_error(grpc_reflection_v1_ServerReflectionResponse *response, int status,
                      const char *message) {
    response->has_error_response = true;
    response->error_response.error_code = status;
    strcpy(response->error_response.error_message, message);
}

/* `file` is what an answer with a file points to. */
static void decide_reflection(grpc_reflection_v1_ServerReflectionResponse *response,
                              const request *r, hr_str *file) {
    const char *name = r->fields.file_by_filename, *symbol = r->fields.file_containing_symbol;
    const sv_proto_file *found = name[0] != '\0' ? file_by_name(name) : file_of_symbol(symbol);
    if (r->lists) {
        response->has_list_services_response = true;
        response->list_services_response.service.funcs.encode = put_services;
    } else if (found != NULL) {
        *file = (hr_str){(const char *)found->bytes, found->len};
        response->has_file_descriptor_response = true;
        response->file_descriptor_response.file_descriptor_proto =
            (pb_callback_t){{.encode = sv_pb_put_string}, file};
    } else if (name[0] != '\0') {
        set_error(response, SV_GRPC_NOT_FOUND, "there is no such file");
    } else if (symbol[0] != '\0') {
        set_error(response, SV_GRPC_NOT_FOUND, "there is no such symbol");
    } else if (r->fields.has_file_containing_extension ||
               r->fields.all_extension_numbers_of_type[0] != '\0') {
        set_error(response, SV_GRPC_NOT_FOUND, "there are no extensions");
    } else {
        set_error(response, SV_GRPC_INVALID_ARGUMENT, "the request asks for nothing");
    }
}

static bool read_request(request *r, hr_str bytes) {
    pb_istream_t stream = pb_istream_from_buffer((const pb_byte_t *)bytes.p, bytes.len);
    *r = (request){.bytes = bytes};
    r->fields.list_services = (pb_callback_t){{.decode = on_list_services}, &r->lists};
    return pb_decode(&stream, grpc_reflection_v1_ServerReflectionRequest_fields, &r->fields);
}

/* The answer in s->out; 0: it does not fit. */
static size_t write_reflection(reflection *s, const request *r) {
    hr_str original = r->bytes, file;
    grpc_reflection_v1_ServerReflectionResponse response = {
        .original_request = {{.encode = sv_pb_put_string}, &original}};
    pb_ostream_t stream = pb_ostream_from_buffer((pb_byte_t *)s->out + SV_GRPC_PREFIX, MAX_ANSWER);
    decide_reflection(&response, r, &file);
    if (!pb_encode(&stream, grpc_reflection_v1_ServerReflectionResponse_fields, &response))
        return 0;
    sv_grpc_write_prefix(s->out, stream.bytes_written);
    return SV_GRPC_PREFIX + stream.bytes_written;
}

/* ---- the stream ---- */

static void end_reflection(reflection *s, int status, const char *detail) {
    s->ended = true;
    sv_answer_grpc_end(s->ex, status, detail);
}

static void serve_reflection(reflection *s, const sv_grpc_frame *frame) {
    request r;
    if (frame->compressed) {
        end_reflection(s, SV_GRPC_UNIMPLEMENTED, "messages must not be compressed");
        return;
    }
    if (!read_request(&r, frame->message)) {
        end_reflection(s, SV_GRPC_INVALID_ARGUMENT, "the message is not a ServerReflectionRequest");
        return;
    }
    size_t n = write_reflection(s, &r);
    memmove(s->in, s->in + frame->used, s->n_in - frame->used);
    s->n_in -= frame->used;
    if (n == 0) {
        end_reflection(s, SV_GRPC_INTERNAL, "the answer is too large");
        return;
    }
    s->sending = true;
    sv_answer_grpc_send(s->ex, (hr_str){s->out, n});
}

/* Moves bytes of the body to `in`. False: none has come. */
static bool fetch(reflection *s) {
    size_t room = sizeof(s->in) - s->n_in;
    if (s->next.len == 0)
        s->next = sv_body_next(s->ex);
    size_t n = s->next.len < room ? s->next.len : room;
    if (n == 0)
        return false;
    memcpy(s->in + s->n_in, s->next.p, n);
    s->n_in += n;
    s->next.p += n;
    s->next.len -= n;
    if (s->next.len == 0)
        sv_body_taken(s->ex);
    return true;
}

static void wait_or_finish(reflection *s) {
    if (!sv_body_is_taken(s->ex))
        return;
    if (s->n_in == 0)
        end_reflection(s, SV_GRPC_OK, NULL);
    else
        end_reflection(s, SV_GRPC_INTERNAL, "the call ends within a message");
}

/* Answers one request at a time. */
static void advance(sv_exchange *ex) {
    reflection *s = ex->data;
    sv_grpc_frame frame;
    while (!s->sending && !s->ended) {
        switch (sv_grpc_read_frame(&frame, s->in, s->n_in, MAX_REQUEST)) {
        case SV_GRPC_FRAME_DONE:
            serve_reflection(s, &frame);
            break;
        case SV_GRPC_FRAME_MORE:
            if (fetch(s))
                break;
            wait_or_finish(s);
            return;
        case SV_GRPC_FRAME_TOO_LARGE:
            end_reflection(s, SV_GRPC_RESOURCE_EXHAUSTED, "a request has at most 1024 bytes");
            return;
        default:
            end_reflection(s, SV_GRPC_INTERNAL, "the body is not a gRPC message");
            return;
        }
    }
}

static void on_reflection_sent(sv_exchange *ex) {
    reflection *s = ex->data;
    s->sending = false;
    advance(ex);
}

void sv_grpc_reflect(sv_exchange *ex) {
    reflection *s = sv_pool_alloc(ex->pool, sizeof(*s));
    s->ex = ex;
    s->n_in = 0;
    s->next = (hr_str){NULL, 0};
    s->sending = s->ended = false;
    ex->data = s;
    ex->on_body = advance;
    sv_answer_grpc_start(ex, on_reflection_sent);
    sv_body_stream(ex, 0);
    advance(ex);
}
