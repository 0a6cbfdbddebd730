/* Reads an inference request that is a protobuf message, without a copy of its tensors. */
#include "infer_message.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "infer_parts.h"
#include "infer_tensors.h"
#include "json_out.h"
#include "open_inference_grpc.pb.h"
#include "pb_memory.h"

typedef struct reader {
    sv_infer_parts parts;
    int status;    /* of a refusal */
    uint8_t *body; /* values go to its beginning: each takes a byte of it, at least */
    bool has_model, has_name;
    size_t n_raw;
    uint8_t *raw;
    size_t raw_len;
} reader;

/* Reads no further: the sentence is what is reported, not nanopb's. */
#define STOP(r, ...) (sv_infer_stop(&(r)->parts, __VA_ARGS__) != 0)

/* ---- names ---- */

/* A string field, where it lies. */
static bool take_text(pb_istream_t *stream, hr_str *text) {
    uint8_t *bytes;
    if (!sv_pb_take(stream, &bytes, &text->len))
        return false;
    text->p = (const char *)bytes;
    return true;
}

static bool refuse_message_name(reader *r, const char *what, hr_str name) {
    r->status = 404;
    return STOP(r, "there is no %s %.*s", what, name.len > 100 ? 100 : (int)name.len, name.p);
}

static bool is(hr_str s, const char *text) {
    return s.len == strlen(text) && memcmp(s.p, text, s.len) == 0;
}

static bool on_model_name(pb_istream_t *stream, const pb_field_t *field, void **arg) {
    reader *r = *arg;
    hr_str name;
    (void)field;
    if (!take_text(stream, &name))
        return false;
    r->has_model = name.len > 0;
    return !r->has_model || is(name, SV_INFER_MODEL) || refuse_message_name(r, "model", name);
}

static bool on_model_version(pb_istream_t *stream, const pb_field_t *field, void **arg) {
    hr_str version;
    (void)field;
    if (!take_text(stream, &version))
        return false;
    return version.len == 0 || is(version, SV_INFER_VERSION) ||
           refuse_message_name(*arg, "version", version);
}

/* It goes into the answer, where a string that is not UTF-8 would be malformed. */
static bool is_utf8(hr_str text) {
    for (size_t i = 0, step; i < text.len; i += step)
        if ((step = sv_utf8_sequence((const unsigned char *)text.p + i, text.len - i)) == 0)
            return false;
    return true;
}

static bool on_id(pb_istream_t *stream, const pb_field_t *field, void **arg) {
    reader *r = *arg;
    sv_infer *out = r->parts.out;
    hr_str id;
    (void)field;
    if (!take_text(stream, &id))
        return false;
    if (!is_utf8(id))
        return STOP(r, "id is not UTF-8");
    out->has_id = id.len > 0;
    out->id_len = id.len;
    return sv_infer_copy(&r->parts, out->id, sizeof(out->id), "id", id.p, id.len) != 0;
}

/* ---- parameters ---- */

typedef struct parameter {
    hr_str key, value;
    bool is_string;
} parameter;

static bool on_parameter_key(pb_istream_t *stream, const pb_field_t *field, void **arg) {
    parameter *p = *arg;
    (void)field;
    return take_text(stream, &p->key);
}

static bool on_parameter_string(pb_istream_t *stream, const pb_field_t *field, void **arg) {
    parameter *p = *arg;
    (void)field;
    p->is_string = true;
    return take_text(stream, &p->value);
}

static bool keep_parameter(reader *r, const parameter *p, const char *name, char *to, size_t size) {
    if (!is(p->key, name))
        return true;
    if (!p->is_string)
        return STOP(r, "%s is of the wrong type", name);
    return sv_infer_copy(&r->parts, to, size, name, p->value.p, p->value.len) != 0;
}

/* A whole number, as an int64 or as text. */
static bool keep_number(reader *r, const parameter *p, const inference_InferParameter *value,
                        const char *name, char *to, size_t size) {
    char text[24];
    if (p->is_string || !is(p->key, name) || value->bool_param || value->double_param != 0)
        return keep_parameter(r, p, name, to, size);
    int n = snprintf(text, sizeof(text), "%lld", (long long)value->int64_param);
    return sv_infer_copy(&r->parts, to, size, name, text, (size_t)n) != 0;
}

static bool on_parameter(pb_istream_t *stream, const pb_field_t *field, void **arg) {
    reader *r = *arg;
    sv_infer *out = r->parts.out;
    parameter p = {.is_string = false};
    inference_ModelInferRequest_ParametersEntry entry = {
        .key = {{.decode = on_parameter_key}, &p},
        .value = {.string_param = {{.decode = on_parameter_string}, &p}}};
    (void)field;
    return sv_pb_take_message(stream, inference_ModelInferRequest_ParametersEntry_fields, &entry) &&
           keep_parameter(r, &p, "rect", out->rect, sizeof(out->rect)) &&
           sv_infer_check_parameter(&r->parts, p.key.p, p.key.len) &&
           keep_parameter(r, &p, "output", out->output, sizeof(out->output)) &&
           keep_number(r, &p, &entry.value, "iterations", out->iterations,
                       sizeof(out->iterations)) &&
           keep_number(r, &p, &entry.value, "seed", out->seed, sizeof(out->seed));
}

/* ---- the input ---- */

static bool add_message_value(reader *r, uint64_t value) {
    sv_infer_parts *parts = &r->parts;
    if (value > 255)
        return STOP(r, "element %zu of uint_contents is %llu; UINT8 goes from 0 to 255",
                    parts->n_values, (unsigned long long)value);
    parts->values = r->body;
    parts->values[parts->n_values++] = (uint8_t)value;
    return true;
}

/* A varint of up to 10 bytes at p; returns what follows it, or NULL. */
static const uint8_t *read_varint(uint64_t *value, const uint8_t *p, const uint8_t *end) {
    *value = 0;
    for (unsigned shift = 0; p < end && shift < 64; shift += 7) {
        *value |= (uint64_t)(*p & 0x7F) << shift;
        if (*p++ < 0x80)
            return p;
    }
    return NULL;
}

/* Packed, or one by one. */
static bool on_values(pb_istream_t *stream, const pb_field_t *field, void **arg) {
    reader *r = *arg;
    uint64_t value;
    uint8_t *bytes;
    size_t len;
    (void)field;
    if (!sv_pb_is_length_delimited(stream))
        return pb_decode_varint(stream, &value) && add_message_value(r, value);
    if (!sv_pb_take(stream, &bytes, &len))
        return false;
    for (const uint8_t *p = bytes, *end = bytes + len; p < end;) {
        if ((p = read_varint(&value, p, end)) == NULL)
            return STOP(r, "uint_contents has a malformed number");
        if (!add_message_value(r, value))
            return false;
    }
    return true;
}

static bool on_file(pb_istream_t *stream, const pb_field_t *field, void **arg) {
    reader *r = *arg;
    sv_infer *out = r->parts.out;
    uint8_t *bytes;
    (void)field;
    if (!sv_pb_take(stream, &bytes, &out->file_len))
        return false;
    out->file = (char *)bytes;
    return ++r->parts.n_strings == 1 || STOP(r, "bytes_contents holds more than one file");
}

static bool on_other_contents(pb_istream_t *stream, const pb_field_t *field, void **arg) {
    (void)stream, (void)field;
    return STOP((reader *)*arg,
                "contents must be uint_contents for UINT8, or bytes_contents for BYTES");
}

static bool on_contents(pb_istream_t *stream, const pb_field_t *field, void **arg) {
    const pb_callback_t other = {{.decode = on_other_contents}, *arg};
    inference_InferTensorContents contents = {other, other, other, {{.decode = on_values}, *arg},
                                              other, other, other, {{.decode = on_file}, *arg}};
    (void)field;
    return sv_pb_take_message(stream, inference_InferTensorContents_fields, &contents);
}

static bool on_input_name(pb_istream_t *stream, const pb_field_t *field, void **arg) {
    reader *r = *arg;
    hr_str name;
    (void)field;
    r->has_name = true;
    return take_text(stream, &name) && sv_infer_name_input(&r->parts, name.p, name.len) != 0;
}

static bool on_datatype(pb_istream_t *stream, const pb_field_t *field, void **arg) {
    sv_infer_parts *parts = &((reader *)*arg)->parts;
    hr_str type;
    (void)field;
    return take_text(stream, &type) &&
           sv_infer_copy(parts, parts->datatype, sizeof(parts->datatype), "datatype", type.p,
                         type.len) != 0;
}

static bool on_shape(pb_istream_t *stream, const pb_field_t *field, void **arg) {
    reader *r = *arg;
    uint64_t size;
    (void)field;
    while (stream->bytes_left > 0)
        if (!pb_decode_varint(stream, &size) ||
            !sv_infer_add_dimension(&r->parts, size > INT64_MAX ? -1 : (int64_t)size))
            return false;
    return true;
}

static bool on_input(pb_istream_t *stream, const pb_field_t *field, void **arg) {
    reader *r = *arg;
    inference_ModelInferRequest_InferInputTensor input = {.name = {{.decode = on_input_name}, r},
                                                          .datatype = {{.decode = on_datatype}, r},
                                                          .shape = {{.decode = on_shape}, r},
                                                          .contents = {{.decode = on_contents}, r}};
    (void)field;
    r->has_name = false;
    if (!sv_infer_begin_input(&r->parts) ||
        !sv_pb_take_message(stream, inference_ModelInferRequest_InferInputTensor_fields, &input))
        return false;
    return r->has_name || STOP(r, "the input has no name");
}

static bool on_raw(pb_istream_t *stream, const pb_field_t *field, void **arg) {
    reader *r = *arg;
    (void)field;
    if (!sv_pb_take(stream, &r->raw, &r->raw_len))
        return false;
    return ++r->n_raw == 1 || STOP(r, "raw_input_contents holds more than one tensor");
}

/* ---- the outputs ---- */

static bool on_output_name(pb_istream_t *stream, const pb_field_t *field, void **arg) {
    reader *r = *arg;
    hr_str name;
    int output;
    (void)field;
    r->has_name = true;
    return take_text(stream, &name) &&
           sv_infer_name_output(&r->parts, &output, name.p, name.len) != 0;
}

static bool on_output(pb_istream_t *stream, const pb_field_t *field, void **arg) {
    reader *r = *arg;
    inference_ModelInferRequest_InferRequestedOutputTensor output = {
        .name = {{.decode = on_output_name}, r}};
    (void)field;
    ++r->parts.n_outputs;
    r->has_name = false;
    if (!sv_pb_take_message(stream, inference_ModelInferRequest_InferRequestedOutputTensor_fields,
                            &output))
        return false;
    return r->has_name || STOP(r, "an output has no name");
}

/* ---- what the fields mean together ---- */

static bool parse_message(reader *r, uint8_t *message, size_t len) {
    sv_pb_place place;
    pb_istream_t stream = sv_pb_reader(&place, message, len);
    inference_ModelInferRequest request = {.model_name = {{.decode = on_model_name}, r},
                                           .model_version = {{.decode = on_model_version}, r},
                                           .id = {{.decode = on_id}, r},
                                           .parameters = {{.decode = on_parameter}, r},
                                           .inputs = {{.decode = on_input}, r},
                                           .outputs = {{.decode = on_output}, r},
                                           .raw_input_contents = {{.decode = on_raw}, r}};
    if (pb_decode(&stream, inference_ModelInferRequest_fields, &request))
        return r->has_model || STOP(r, "the request names no model: the model is " SV_INFER_MODEL);
    if (r->parts.why[0] == '\0')
        sv_infer_stop(&r->parts, "the message is not a ModelInferRequest: %s",
                      PB_GET_ERROR(&stream));
    return false;
}

static void settle_message_outputs(reader *r) {
    for (int i = 0; i < SV_INFER_OUTPUTS; ++i) {
        if (r->parts.n_outputs == 0)
            r->parts.out->outputs[i].wanted = true;
        r->parts.out->outputs[i].binary = r->n_raw > 0;
    }
}

static bool settle_contents(reader *r, bool bytes) {
    sv_infer_parts *parts = &r->parts;
    if (bytes)
        return (parts->n_values == 0 && parts->n_strings == 1) ||
               STOP(r, "contents of BYTES must be one element of bytes_contents: the file");
    if (parts->n_strings > 0)
        return STOP(r, "contents of UINT8 must be uint_contents");
    return sv_infer_take_pixels(parts, parts->values, parts->n_values) != 0;
}

static bool settle_message(reader *r) {
    sv_infer_parts *parts = &r->parts;
    bool bytes;
    if (!sv_infer_check(parts, &bytes))
        return false;
    settle_message_outputs(r);
    if (r->n_raw == 0)
        return settle_contents(r, bytes);
    if (parts->n_values > 0 || parts->n_strings > 0)
        return STOP(r, "the input has both contents and raw_input_contents");
    return (bytes ? sv_infer_take_element(parts, (char *)r->raw, r->raw_len)
                  : sv_infer_take_pixels(parts, r->raw, r->raw_len)) != 0;
}

int sv_infer_read_message(sv_infer *out, char *message, size_t len, char *why, size_t why_size) {
    reader r = {.parts = {.out = out, .why = why, .why_size = why_size},
                .status = 400,
                .body = (uint8_t *)message};
    *out = (sv_infer){.message = true};
    why[0] = '\0';
    if (parse_message(&r, r.body, len) && settle_message(&r))
        return 0;
    *out = (sv_infer){.message = true};
    return r.status;
}

/* ---- the answer ---- */

/* Beyond the tensors: names, shapes, the id, and what precedes each field. */
#define ANSWER_FRAME (1024 + SV_INFER_ID)

/* A tensor in contents. */
typedef struct contents {
    sv_infer_output output;
    const sv_infer_result *result;
    size_t len; /* of its only field */
} contents;

typedef struct writer {
    const sv_infer *infer;
    const sv_infer_result *result;
    contents contents[SV_INFER_OUTPUTS];
} writer;

/* A packed uint32: values above 127 take two bytes. */
static uint8_t *put_varints(uint8_t *to, sv_infer_output output, const sv_infer_result *result) {
    if (output == SV_INFER_MASK) {
        sv_infer_put_tensor(to, output, result);
        return to + sv_infer_tensor_size(output, result);
    }
    const grabcut_image *image = result->cutout;
    for (int32_t y = 0; y < image->height; ++y) {
        const uint8_t *row = image->data + (size_t)y * image->stride;
        for (int32_t x = 0; x < image->width; ++x, row += 3) {
            for (int c = 2; c >= 0; --c) {
                if (row[c] < 0x80) {
                    *to++ = row[c];
                    continue;
                }
                *to++ = row[c];
                *to++ = 1;
            }
        }
    }
    return to;
}

static size_t contents_length(sv_infer_output output, const sv_infer_result *result) {
    if (output == SV_INFER_PNG)
        return result->png_len;
    size_t n = sv_infer_tensor_size(output, result);
    if (output == SV_INFER_MASK)
        return n;
    const grabcut_image *image = result->cutout;
    for (int32_t y = 0; y < image->height; ++y) {
        const uint8_t *row = image->data + (size_t)y * image->stride;
        for (int32_t x = 0; x < image->width * 3; ++x)
            n += row[x] >> 7;
    }
    return n;
}

static bool put_contents(pb_ostream_t *stream, const pb_field_t *field, void *const *arg) {
    const contents *c = *arg;
    pb_ostream_t sizing = PB_OSTREAM_SIZING;
    uint32_t tag = c->output == SV_INFER_PNG ? inference_InferTensorContents_bytes_contents_tag
                                             : inference_InferTensorContents_uint_contents_tag;
    bool ok;
    (void)sv_pb_put(&sizing, tag, c->len, &ok);
    if (!pb_encode_tag_for_field(stream, field) || !pb_encode_varint(stream, sizing.bytes_written))
        return false;
    uint8_t *to = sv_pb_put(stream, tag, c->len, &ok);
    if (to != NULL && c->output == SV_INFER_PNG)
        memcpy(to, c->result->png, c->len);
    else if (to != NULL)
        (void)put_varints(to, c->output, c->result);
    return ok;
}

static bool put_raw(pb_ostream_t *stream, const pb_field_t *field, void *const *arg) {
    const writer *w = *arg;
    bool ok = true;
    for (int i = 0; ok && i < SV_INFER_OUTPUTS; ++i) {
        if (!w->infer->outputs[i].wanted)
            continue;
        size_t n = sv_infer_tensor_size((sv_infer_output)i, w->result);
        uint8_t *to = sv_pb_put(stream, field->tag, n, &ok);
        if (to != NULL)
            sv_infer_put_tensor(to, (sv_infer_output)i, w->result);
    }
    return ok;
}

static inference_ModelInferResponse_InferOutputTensor describe(sv_infer_output output,
                                                               const sv_infer_result *result) {
    inference_ModelInferResponse_InferOutputTensor tensor = {.datatype = "UINT8"};
    strcpy(tensor.name, sv_infer_output_names[output]);
    const grabcut_image *image = output == SV_INFER_MASK ? result->mask : result->cutout;
    if (output == SV_INFER_PNG) {
        strcpy(tensor.datatype, "BYTES");
        tensor.shape_count = 1;
        tensor.shape[0] = 1;
        return tensor;
    }
    tensor.shape[0] = image->height;
    tensor.shape[1] = image->width;
    tensor.shape[2] = 3;
    tensor.shape_count = output == SV_INFER_MASK ? 2 : 3;
    return tensor;
}

/* Fills the response, and returns the room it takes at most. */
static size_t prepare(inference_ModelInferResponse *response, writer *w) {
    size_t room = ANSWER_FRAME;
    bool raw = false;
    for (int i = 0; i < SV_INFER_OUTPUTS; ++i) {
        sv_infer_output output = (sv_infer_output)i;
        if (!w->infer->outputs[i].wanted)
            continue;
        inference_ModelInferResponse_InferOutputTensor *tensor =
            &response->outputs[response->outputs_count++];
        *tensor = describe(output, w->result);
        raw = w->infer->outputs[i].binary;
        if (raw) {
            room += sv_infer_tensor_size(output, w->result);
            continue;
        }
        w->contents[i] = (contents){output, w->result, contents_length(output, w->result)};
        tensor->contents = (pb_callback_t){{.encode = put_contents}, &w->contents[i]};
        room += w->contents[i].len;
    }
    if (raw)
        response->raw_output_contents = (pb_callback_t){{.encode = put_raw}, w};
    return room;
}

char *sv_infer_write_message(size_t *len, const sv_infer *infer, const sv_infer_result *result) {
    inference_ModelInferResponse response = {.model_name = SV_INFER_MODEL,
                                             .model_version = SV_INFER_VERSION};
    writer w = {.infer = infer, .result = result};
    sv_pb_place place;
    memcpy(response.id, infer->id, infer->id_len);
    size_t room = prepare(&response, &w);
    char *bytes = malloc(room);
    if (bytes == NULL)
        return NULL;
    pb_ostream_t stream = sv_pb_writer(&place, (uint8_t *)bytes, room);
    if (!pb_encode(&stream, inference_ModelInferResponse_fields, &response)) {
        free(bytes);
        return NULL;
    }
    *len = stream.bytes_written;
    return bytes;
}
