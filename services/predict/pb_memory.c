/* nanopb's streams over the memory of a message. */
#include "pb_memory.h"

#include <string.h>

/* ---- reading ---- */

static bool read_bytes(pb_istream_t *stream, pb_byte_t *buf, size_t count) {
    sv_pb_place *place = stream->state;
    memcpy(buf, place->at, count);
    place->at += count;
    return true;
}

pb_istream_t sv_pb_reader(sv_pb_place *place, uint8_t *bytes, size_t len) {
    place->at = bytes;
    return (pb_istream_t){.callback = read_bytes, .state = place, .bytes_left = len};
}

bool sv_pb_is_length_delimited(const pb_istream_t *stream) {
    return stream->callback == read_bytes;
}

bool sv_pb_take(pb_istream_t *stream, uint8_t **bytes, size_t *len) {
    sv_pb_place *place = stream->state;
    if (!sv_pb_is_length_delimited(stream))
        PB_RETURN_ERROR(stream, "wrong wire type");
    *bytes = place->at;
    *len = stream->bytes_left;
    place->at += stream->bytes_left;
    stream->bytes_left = 0;
    return true;
}

bool sv_pb_take_message(pb_istream_t *stream, const pb_msgdesc_t *fields, void *message) {
    if (!sv_pb_is_length_delimited(stream))
        PB_RETURN_ERROR(stream, "wrong wire type");
    return pb_decode(stream, fields, message);
}

/* ---- writing ---- */

static bool write_bytes(pb_ostream_t *stream, const pb_byte_t *buf, size_t count) {
    sv_pb_place *place = stream->state;
    memcpy(place->at, buf, count);
    place->at += count;
    return true;
}

pb_ostream_t sv_pb_writer(sv_pb_place *place, uint8_t *bytes, size_t size) {
    place->at = bytes;
    return (pb_ostream_t){.callback = write_bytes, .state = place, .max_size = size};
}

uint8_t *sv_pb_put(pb_ostream_t *stream, uint32_t tag, size_t len, bool *ok) {
    *ok = pb_encode_tag(stream, PB_WT_STRING, tag) && pb_encode_varint(stream, len);
    if (!*ok)
        return NULL;
    if (stream->callback == NULL) { /* sizes only */
        *ok = pb_write(stream, NULL, len);
        return NULL;
    }
    *ok = len <= stream->max_size - stream->bytes_written;
    if (!*ok)
        return NULL;
    sv_pb_place *place = stream->state;
    uint8_t *at = place->at;
    place->at += len;
    stream->bytes_written += len;
    return at;
}

bool sv_pb_put_string(pb_ostream_t *stream, const pb_field_t *field, void *const *arg) {
    const hr_str *text = *arg;
    return pb_encode_tag_for_field(stream, field) &&
           pb_encode_string(stream, (const pb_byte_t *)text->p, text->len);
}
