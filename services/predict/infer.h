/*
 * The body of an inference request and of its answer, as the Open Inference Protocol version 2 and
 * its binary tensor data extension have them
 * (https://github.com/kserve/open-inference-protocol, Triton's extension_binary_data).
 *
 * One input, `image`: UINT8 of shape [height, width, 3] (or with a 1 before it), RGB; or BYTES of
 * one element, a JPEG, PNG, WebP or BMP file: in JSON its base64, in binary form its bytes.
 * Three outputs: `mask` UINT8 [height, width], 1 foreground; `cutout` UINT8 [height, width, 3],
 * RGB, background black; `png` BYTES [1], what /predict answers with.
 */
#ifndef SV_PREDICT_INFER_H
#define SV_PREDICT_INFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <grabcut/grabcut.h>

#define SV_INFER_MODEL "grabcut"
#define SV_INFER_VERSION "1"
#define SV_INFER_PLATFORM "headerroute_grabcut"

/* The longest id, in bytes. */
#define SV_INFER_ID 256

typedef enum sv_infer_output {
    SV_INFER_MASK,
    SV_INFER_CUTOUT,
    SV_INFER_PNG,
    SV_INFER_OUTPUTS
} sv_infer_output;

typedef struct sv_infer {
    char id[SV_INFER_ID + 1]; /* zero-terminated */
    size_t id_len;
    bool has_id;

    bool message; /* it came as a protobuf message, and its answer is one */

    /* the parameters of the request; empty where not given */
    char rect[64], output[16], iterations[24], seed[24];

    /* The picture. Both point into the body, or `file` into `owned`. */
    uint8_t *pixels; /* RGB, width * height * 3 bytes; NULL where it is a file */
    int32_t width, height;
    char *file;
    size_t file_len;
    char *owned; /* free() it */

    struct {
        bool wanted, binary;
    } outputs[SV_INFER_OUTPUTS];
} sv_infer;

/* The parts of an answer; outputs that the request does not ask for may be empty. */
typedef struct sv_infer_result {
    const grabcut_image *mask;   /* any of the four values */
    const grabcut_image *cutout; /* 3 channels, BGR */
    const uint8_t *png;
    size_t png_len;
} sv_infer_result;

#endif
