/*
 * nanopb's streams over the memory of a message, whose callbacks see where they stand in it. So
 * what is large is neither copied nor allocated: strings are taken where they lie, and bulk data is
 * written straight to its place.
 */
#ifndef SV_PREDICT_PB_MEMORY_H
#define SV_PREDICT_PB_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pb_decode.h>
#include <pb_encode.h>

#include <headerroute/headerroute.h>

/* Where a stream stands. */
typedef struct sv_pb_place {
    uint8_t *at;
} sv_pb_place;

/* A stream that reads `len` bytes at `bytes`. `place` must live as long as the stream. */
pb_istream_t sv_pb_reader(sv_pb_place *place, uint8_t *bytes, size_t len);

/* Within the callback of a string, bytes, packed or message field: takes all of the field. False,
 * with the stream's error set, if the field has another wire type: nanopb then hands over a stream
 * of a copy, and does not check the type itself. */
bool sv_pb_take(pb_istream_t *stream, uint8_t **bytes, size_t *len);
/* True if the stream is one over the message, so that sv_pb_take would succeed. */
bool sv_pb_is_length_delimited(const pb_istream_t *stream);
/* Decodes the message that a field holds. */
bool sv_pb_take_message(pb_istream_t *stream, const pb_msgdesc_t *fields, void *message);

/* A stream that writes to `bytes`, which has room for `size`. */
pb_ostream_t sv_pb_writer(sv_pb_place *place, uint8_t *bytes, size_t size);
/* Begins a field of `len` bytes. Returns where they go and counts them as written; NULL with *ok
 * true if the stream only computes sizes, and with *ok false if they do not fit. */
uint8_t *sv_pb_put(pb_ostream_t *stream, uint32_t tag, size_t len, bool *ok);

/* An encoding callback for a string or bytes field: its `arg` is an hr_str. */
bool sv_pb_put_string(pb_ostream_t *stream, const pb_field_t *field, void *const *arg);

#endif
