/* The answer to an inference request. */
#include "infer_write.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base64.h"
#include "infer_parts.h"
#include "infer_tensors.h"
#include "json_out.h"

/* Beyond the tensors: the members, an id whose every byte is escaped, names. */
#define ANSWER_FRAME (1024 + SV_INFER_ID * 6)

/* Decimal and a comma. */
#define TEXT_OF_VALUE 4
/* Of protobuf. */
#define VARINT_OF_VALUE 2

/* A PNG of pixels that do not compress: what deflate and the rows' filters add is less than this.
 */
#define PNG_BYTES 5

int64_t sv_infer_answer_bytes(const sv_infer *infer, int64_t pixels) {
    int64_t a_pixel = 0;
    if (infer->outputs[SV_INFER_MASK].wanted)
        a_pixel += infer->outputs[SV_INFER_MASK].binary ? 1 : 2;
    if (infer->outputs[SV_INFER_CUTOUT].wanted)
        a_pixel += infer->outputs[SV_INFER_CUTOUT].binary ? 3
                   : infer->message                       ? 3 * VARINT_OF_VALUE
                                                          : 3 * TEXT_OF_VALUE;
    if (infer->outputs[SV_INFER_PNG].wanted)
        a_pixel += infer->outputs[SV_INFER_PNG].binary || infer->message ? PNG_BYTES
                                                                         : PNG_BYTES * 4 / 3 + 1;
    return a_pixel * pixels + ANSWER_FRAME + 256;
}

/* A run of memory that is known to suffice. */
typedef struct writer {
    sv_text text;
} writer;

static char *end_of(writer *w) {
    return w->text.p + w->text.len;
}

static char *put_value(char *at, unsigned value) {
    if (value >= 100)
        *at++ = (char)('0' + value / 100);
    if (value >= 10)
        *at++ = (char)('0' + value / 10 % 10);
    *at++ = (char)('0' + value % 10);
    *at++ = ',';
    return at;
}

/* Values in decimal, without the last comma. */
static void put_values(writer *w, sv_infer_output output, const sv_infer_result *result) {
    const grabcut_image *image = output == SV_INFER_MASK ? result->mask : result->cutout;
    char *at = end_of(w);
    for (int32_t y = 0; y < image->height; ++y) {
        const uint8_t *row = image->data + (size_t)y * image->stride;
        for (int32_t x = 0; x < image->width; ++x) {
            if (output == SV_INFER_MASK) {
                at = put_value(at, row[x] & 1);
                continue;
            }
            for (int c = 2; c >= 0; --c)
                at = put_value(at, row[x * 3 + c]);
        }
    }
    w->text.len = (size_t)(at - w->text.p) - 1;
}

static void put_base64(writer *w, const sv_infer_result *result) {
    sv_text_str(&w->text, "\"");
    sv_base64_encode(end_of(w), result->png, result->png_len);
    w->text.len += sv_base64_length(result->png_len);
    sv_text_str(&w->text, "\"");
}

static void put_shape(writer *w, sv_infer_output output, const sv_infer_result *result) {
    if (output == SV_INFER_MASK)
        sv_text_printf(&w->text, "\"UINT8\",\"shape\":[%d,%d]", result->mask->height,
                       result->mask->width);
    else if (output == SV_INFER_CUTOUT)
        sv_text_printf(&w->text, "\"UINT8\",\"shape\":[%d,%d,3]", result->cutout->height,
                       result->cutout->width);
    else
        sv_text_str(&w->text, "\"BYTES\",\"shape\":[1]");
}

static void put_output(writer *w, sv_infer_output output, const sv_infer *infer,
                       const sv_infer_result *result) {
    bool binary = infer->outputs[output].binary;
    sv_text_printf(&w->text, "{\"name\":\"%s\",\"datatype\":", sv_infer_output_names[output]);
    put_shape(w, output, result);
    if (binary) {
        sv_text_printf(&w->text, ",\"parameters\":{\"binary_data_size\":%zu}}",
                       sv_infer_tensor_size(output, result));
        return;
    }
    if (output == SV_INFER_PNG)
        sv_text_str(&w->text, ",\"parameters\":{\"content_type\":\"base64\"}");
    sv_text_str(&w->text, ",\"data\":[");
    if (output == SV_INFER_PNG)
        put_base64(w, result);
    else
        put_values(w, output, result);
    sv_text_str(&w->text, "]}");
}

/* What the tensors take in the answer at most. */
static size_t room_for(const sv_infer *infer, const sv_infer_result *result) {
    size_t total = ANSWER_FRAME;
    for (int i = 0; i < SV_INFER_OUTPUTS; ++i) {
        if (!infer->outputs[i].wanted)
            continue;
        size_t bytes = sv_infer_tensor_size((sv_infer_output)i, result);
        bool binary = infer->outputs[i].binary;
        total += binary               ? bytes
                 : i == SV_INFER_MASK ? bytes * 2
                 : i == SV_INFER_PNG  ? sv_base64_length(bytes) + 2
                                      : bytes * TEXT_OF_VALUE;
    }
    return total;
}

char *sv_infer_write(size_t *len, size_t *json_len, const sv_infer *infer,
                     const sv_infer_result *result) {
    writer w = {.text = {.capacity = room_for(infer, result)}};
    const char *comma = "";
    w.text.p = malloc(w.text.capacity);
    if (w.text.p == NULL)
        return NULL;
    sv_text_str(&w.text, "{\"model_name\":\"" SV_INFER_MODEL
                         "\",\"model_version\":\"" SV_INFER_VERSION "\"");
    if (infer->has_id)
        sv_json_member(&w.text, "id", infer->id, infer->id_len);
    sv_text_str(&w.text, ",\"outputs\":[");
    for (int i = 0; i < SV_INFER_OUTPUTS; ++i) {
        if (!infer->outputs[i].wanted)
            continue;
        sv_text_str(&w.text, comma);
        put_output(&w, (sv_infer_output)i, infer, result);
        comma = ",";
    }
    sv_text_str(&w.text, "]}");
    *json_len = w.text.len;
    for (int i = 0; i < SV_INFER_OUTPUTS; ++i) {
        if (!infer->outputs[i].wanted || !infer->outputs[i].binary)
            continue;
        sv_infer_put_tensor((uint8_t *)end_of(&w), (sv_infer_output)i, result);
        w.text.len += sv_infer_tensor_size((sv_infer_output)i, result);
    }
    *len = w.text.len;
    if (w.text.failed) {
        sv_text_free(&w.text);
        return NULL;
    }
    return w.text.p;
}
