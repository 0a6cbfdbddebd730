/* Checks the pieces of an inference request, and puts them together. */
#include "infer_parts.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *const sv_infer_output_names[SV_INFER_OUTPUTS] = {"mask", "cutout", "png"};

int sv_infer_stop(sv_infer_parts *parts, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    vsnprintf(parts->why, parts->why_size, fmt, args);
    va_end(args);
    return 0;
}

/* ---- pieces ---- */

int sv_infer_copy(sv_infer_parts *parts, char *to, size_t size, const char *name, const char *p,
                  size_t len) {
    if (len >= size || memchr(p, '\0', len) != NULL)
        return sv_infer_stop(parts, "%s is too long, or holds a zero", name);
    memcpy(to, p, len);
    to[len] = '\0';
    return 1;
}

int sv_infer_check_parameter(sv_infer_parts *parts, const char *name, size_t len) {
    /* Those behind `seed` Triton's and KServe's clients may send to any model; they change nothing
     * here. */
    static const char *const known[] = {"iterations",  "output",         "rect",         "seed",
                                        "sequence_id", "sequence_start", "sequence_end", "priority",
                                        "timeout",     "content_type",   "headers"};
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); ++i)
        if (strlen(known[i]) == len && memcmp(known[i], name, len) == 0)
            return 1;
    return sv_infer_stop(parts,
                         "unknown parameter \"%.*s\"; the known ones are binary_data_output, "
                         "iterations, output, rect, seed",
                         len > 40 ? 40 : (int)len, name);
}

int sv_infer_begin_input(sv_infer_parts *parts) {
    if (++parts->n_inputs > 1)
        return sv_infer_stop(parts, "there is more than one input: the input is image");
    return 1;
}

int sv_infer_name_input(sv_infer_parts *parts, const char *p, size_t len) {
    if (len == 5 && memcmp(p, "image", 5) == 0)
        return 1;
    return sv_infer_stop(parts, "there is no input %.*s: the input is image",
                         len > 64 ? 64 : (int)len, p);
}

int sv_infer_name_output(sv_infer_parts *parts, int *output, const char *p, size_t len) {
    for (int i = 0; i < SV_INFER_OUTPUTS; ++i) {
        const char *name = sv_infer_output_names[i];
        if (strlen(name) != len || memcmp(name, p, len) != 0)
            continue;
        if (parts->out->outputs[i].wanted)
            return sv_infer_stop(parts, "output %s is asked for twice", name);
        parts->out->outputs[i].wanted = true;
        *output = i;
        return 1;
    }
    return sv_infer_stop(parts, "there is no output %.*s: the outputs are mask, cutout and png",
                         len > 64 ? 64 : (int)len, p);
}

int sv_infer_add_dimension(sv_infer_parts *parts, int64_t size) {
    if (size <= 0)
        return sv_infer_stop(parts, "shape must hold whole numbers above 0");
    if (parts->rank == SV_INFER_MAX_RANK)
        return sv_infer_stop(parts, "shape has more than %d dimensions", SV_INFER_MAX_RANK);
    parts->shape[parts->rank++] = size;
    return 1;
}

/* ---- together ---- */

/* The shape of a file: one element. */
static int check_file_shape(sv_infer_parts *parts) {
    for (int i = 0; i < parts->rank; ++i)
        if (parts->shape[i] != 1)
            return sv_infer_stop(parts, "the shape of a BYTES image is [1]: one file");
    return 1;
}

int sv_infer_check(sv_infer_parts *parts, bool *bytes) {
    if (parts->n_inputs == 0)
        return sv_infer_stop(parts, "the request has no input: the input is image");
    *bytes = strcmp(parts->datatype, "BYTES") == 0;
    if (!*bytes && strcmp(parts->datatype, "UINT8") != 0)
        return sv_infer_stop(parts, "the datatype of image must be UINT8 or BYTES");
    if (parts->rank == 0)
        return sv_infer_stop(parts, "the input has no shape");
    return *bytes ? check_file_shape(parts) : 1;
}

/* [height, width, 3], or with a batch of 1 before it. */
int sv_infer_take_pixels(sv_infer_parts *parts, uint8_t *pixels, size_t n) {
    bool batch = parts->rank == 4 && parts->shape[0] == 1;
    const int64_t *shape = batch ? parts->shape + 1 : parts->shape;
    if ((batch ? parts->rank != 4 : parts->rank != 3) || shape[2] != 3)
        return sv_infer_stop(
            parts, "the shape of a UINT8 image is [height, width, 3] or [1, height, width, 3]");
    if (shape[0] > INT32_MAX || shape[1] > INT32_MAX || shape[0] * shape[1] > INT64_MAX / 3 ||
        (uint64_t)(shape[0] * shape[1] * 3) != n)
        return sv_infer_stop(parts, "the shape [%lld, %lld, 3] does not go with %zu bytes",
                             (long long)shape[0], (long long)shape[1], n);
    parts->out->pixels = pixels;
    parts->out->height = (int32_t)shape[0];
    parts->out->width = (int32_t)shape[1];
    return 1;
}

int sv_infer_take_element(sv_infer_parts *parts, char *data, size_t len) {
    const unsigned char *p = (const unsigned char *)data;
    uint64_t size = len < 4 ? 0 : p[0] | p[1] << 8 | p[2] << 16 | (uint64_t)p[3] << 24;
    if (len < 4 || size != len - 4)
        return sv_infer_stop(parts, "the BYTES element does not fill its %zu bytes", len);
    parts->out->file = data + 4;
    parts->out->file_len = (size_t)size;
    return 1;
}
