/* The answer to an inference request. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base64.h"
#include "infer_tensors.h"
#include "json_out.h"

/* Beyond the tensors: the members, an id whose every byte is escaped, names. */
#define ANSWER_FRAME (1024 + HR_INFER_ID * 6)

/* Decimal and a comma. */
#define TEXT_OF_VALUE 4
/* Of protobuf. */
#define VARINT_OF_VALUE 2

/* A PNG of pixels that do not compress: what deflate and the rows' filters add is less than this.
 */
#define PNG_BYTES 5

int64_t hr_infer_answer_bytes(const hr_infer *infer, int64_t pixels) {
    int64_t a_pixel = 0;
    if (infer->outputs[HR_INFER_MASK].wanted)
        a_pixel += infer->outputs[HR_INFER_MASK].binary ? 1 : 2;
    if (infer->outputs[HR_INFER_CUTOUT].wanted)
        a_pixel += infer->outputs[HR_INFER_CUTOUT].binary ? 3
                   : infer->message                       ? 3 * VARINT_OF_VALUE
                                                          : 3 * TEXT_OF_VALUE;
    if (infer->outputs[HR_INFER_PNG].wanted)
        a_pixel += infer->outputs[HR_INFER_PNG].binary || infer->message ? PNG_BYTES
                                                                         : PNG_BYTES * 4 / 3 + 1;
    return a_pixel * pixels + ANSWER_FRAME + 256;
}

/* A run of memory that is known to suffice. */
typedef struct writer {
    hr_text text;
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
static void put_values(writer *w, hr_infer_output output, const hr_infer_result *result) {
    const grabcut_image *image = output == HR_INFER_MASK ? result->mask : result->cutout;
    char *at = end_of(w);
    for (int32_t y = 0; y < image->height; ++y) {
        const uint8_t *row = image->data + (size_t)y * image->stride;
        for (int32_t x = 0; x < image->width; ++x) {
            if (output == HR_INFER_MASK) {
                at = put_value(at, row[x] & 1);
                continue;
            }
            for (int c = 2; c >= 0; --c)
                at = put_value(at, row[x * 3 + c]);
        }
    }
    w->text.len = (size_t)(at - w->text.p) - 1;
}

static void put_base64(writer *w, const hr_infer_result *result) {
    hr_text_str(&w->text, "\"");
    hr_base64_encode(end_of(w), result->png, result->png_len);
    w->text.len += hr_base64_length(result->png_len);
    hr_text_str(&w->text, "\"");
}

static void put_shape(writer *w, hr_infer_output output, const hr_infer_result *result) {
    if (output == HR_INFER_MASK)
        hr_text_printf(&w->text, "\"UINT8\",\"shape\":[%d,%d]", result->mask->height,
                       result->mask->width);
    else if (output == HR_INFER_CUTOUT)
        hr_text_printf(&w->text, "\"UINT8\",\"shape\":[%d,%d,3]", result->cutout->height,
                       result->cutout->width);
    else
        hr_text_str(&w->text, "\"BYTES\",\"shape\":[1]");
}

static void put_output(writer *w, hr_infer_output output, const hr_infer *infer,
                       const hr_infer_result *result) {
    bool binary = infer->outputs[output].binary;
    hr_text_printf(&w->text, "{\"name\":\"%s\",\"datatype\":", hr_infer_output_names[output]);
    put_shape(w, output, result);
    if (binary) {
        hr_text_printf(&w->text, ",\"parameters\":{\"binary_data_size\":%zu}}",
                       hr_infer_tensor_size(output, result));
        return;
    }
    if (output == HR_INFER_PNG)
        hr_text_str(&w->text, ",\"parameters\":{\"content_type\":\"base64\"}");
    hr_text_str(&w->text, ",\"data\":[");
    if (output == HR_INFER_PNG)
        put_base64(w, result);
    else
        put_values(w, output, result);
    hr_text_str(&w->text, "]}");
}

/* What the tensors take in the answer at most. */
static size_t room_for(const hr_infer *infer, const hr_infer_result *result) {
    size_t total = ANSWER_FRAME;
    for (int i = 0; i < HR_INFER_OUTPUTS; ++i) {
        if (!infer->outputs[i].wanted)
            continue;
        size_t bytes = hr_infer_tensor_size((hr_infer_output)i, result);
        bool binary = infer->outputs[i].binary;
        total += binary               ? bytes
                 : i == HR_INFER_MASK ? bytes * 2
                 : i == HR_INFER_PNG  ? hr_base64_length(bytes) + 2
                                      : bytes * TEXT_OF_VALUE;
    }
    return total;
}

char *hr_infer_write(size_t *len, size_t *json_len, const hr_infer *infer,
                     const hr_infer_result *result) {
    writer w = {.text = {.capacity = room_for(infer, result)}};
    const char *comma = "";
    w.text.p = malloc(w.text.capacity);
    if (w.text.p == NULL)
        return NULL;
    hr_text_str(&w.text, "{\"model_name\":\"" HR_INFER_MODEL
                         "\",\"model_version\":\"" HR_INFER_VERSION "\"");
    if (infer->has_id)
        hr_json_member(&w.text, "id", infer->id, infer->id_len);
    hr_text_str(&w.text, ",\"outputs\":[");
    for (int i = 0; i < HR_INFER_OUTPUTS; ++i) {
        if (!infer->outputs[i].wanted)
            continue;
        hr_text_str(&w.text, comma);
        put_output(&w, (hr_infer_output)i, infer, result);
        comma = ",";
    }
    hr_text_str(&w.text, "]}");
    *json_len = w.text.len;
    for (int i = 0; i < HR_INFER_OUTPUTS; ++i) {
        if (!infer->outputs[i].wanted || !infer->outputs[i].binary)
            continue;
        hr_infer_put_tensor((uint8_t *)end_of(&w), (hr_infer_output)i, result);
        w.text.len += hr_infer_tensor_size((hr_infer_output)i, result);
    }
    *len = w.text.len;
    if (w.text.failed) {
        hr_text_free(&w.text);
        return NULL;
    }
    return w.text.p;
}
