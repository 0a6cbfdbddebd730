/* grabcut.lowlevel: the public C header as SWIG sees it, less what Python has no use for. The package's
 * other modules are the surface for people; names here are C's and may change with it. */
%module(package="grabcut") lowlevel

%{
#include "grabcut_glue.h"
%}

%include <stdint.i>
#define GRABCUT_API

/* ---- buffers in ---- */

%typemap(in) const grabcut_image * (grabcut_glue_buffer buffer = {0}) {
    if (grabcut_glue_image(&buffer, $input, 0) != 0)
        SWIG_fail;
    $1 = &buffer.image;
}
%typemap(in) grabcut_image *mask (grabcut_glue_buffer buffer = {0}) {
    if (grabcut_glue_image(&buffer, $input, 1) != 0)
        SWIG_fail;
    $1 = &buffer.image;
}
%typemap(in) (const void *bytes, size_t len) (grabcut_glue_buffer buffer = {0}) {
    if (grabcut_glue_bytes(&buffer, $input) != 0)
        SWIG_fail;
    $1 = buffer.view.buf;
    $2 = (size_t)buffer.view.len;
}
%typemap(in) grabcut_models *models (grabcut_glue_buffer buffer = {0}) {
    if (grabcut_glue_models(&$1, &buffer, $input) != 0)
        SWIG_fail;
}
/* A profile, or None. */
%typemap(in) (const void *icc, size_t icc_len) (grabcut_glue_buffer buffer = {0}) {
    if ($input != Py_None && grabcut_glue_bytes(&buffer, $input) != 0)
        SWIG_fail;
    $1 = buffer.held ? buffer.view.buf : NULL;
    $2 = buffer.held ? (size_t)buffer.view.len : 0;
}
%typemap(freearg) const grabcut_image *, grabcut_image *mask, (const void *bytes, size_t len),
                  (const void *icc, size_t icc_len), grabcut_models *models {
    grabcut_glue_release(&buffer$argnum);
}

/* ---- what the header has and Python gets in another form ---- */

/* Pictures and files go through the calls below, which give the interpreter's lock up. */
%ignore grabcut_decode_options;
%ignore grabcut_decode;
%ignore grabcut_decode_estimate;
%ignore grabcut_probe;
%ignore grabcut_probe_header;
%ignore grabcut_encode_png;
%ignore grabcut_encode_jpeg;
%ignore grabcut_encode;
%ignore grabcut_encode_options;
%ignore GRABCUT_ENCODE_OPTIONS_INIT;
%ignore grabcut_icc_profile;
%ignore grabcut_mask_from_grey;
%ignore grabcut_mask_from_rect;
%ignore grabcut_mask_from_alpha;
%ignore grabcut_split_alpha;
%ignore grabcut_multiply_alpha;
%ignore grabcut_models_check;
%ignore grabcut_cutout;
%ignore grabcut_image_alloc;
%ignore grabcut_image_free;
%ignore grabcut_free;
%ignore grabcut_errbuf;
%ignore grabcut_rect_clamp;
/* So do runs. */
%ignore grabcut_segment;
%ignore grabcut_estimate;
%ignore grabcut_options;
%ignore grabcut_models;
%ignore grabcut_progress;
%ignore grabcut_workspace_new;
%ignore grabcut_workspace_free;
%ignore grabcut_workspace_bytes;
%ignore grabcut_engine;
%ignore grabcut_engine_fast;
%ignore GRABCUT_DECODE_OPTIONS_INIT;
%ignore GRABCUT_OPTIONS_INIT;
%ignore GRABCUT_PROBE_INIT;

/* A picture made by C owns its pixels; its address and shape make it an array without a copy. */
%nodefaultctor grabcut_image;
%ignore grabcut_image::data;
%extend grabcut_image {
    ~grabcut_image() {
        grabcut_image_free($self);
        free($self);
    }
    size_t address() { return (size_t)$self->data; }
}

%immutable;
%include <grabcut/grabcut.h>
%mutable;

/* ---- calls of our own ---- */

%{
static PyObject *own_image(grabcut_image *image)
{
    return SWIG_NewPointerObj(image, SWIGTYPE_p_grabcut_image, SWIG_POINTER_OWN);
}
%}

%inline %{
static PyObject *segment(grabcut_image *mask, const grabcut_image *image, grabcut_mode mode, int32_t iterations,
                         int32_t x, int32_t y, int32_t width, int32_t height, uint64_t seed,
                         grabcut_models *models, int32_t threads, grabcut_simd simd, uint64_t max_bytes,
                         PyObject *progress)
{
    grabcut_options opts = GRABCUT_OPTIONS_INIT;
    grabcut_rect rect = {x, y, width, height};

    opts.mode = mode;
    opts.iterations = iterations;
    opts.rect = rect;
    opts.seed = seed;
    opts.models = models;
    opts.threads = threads;
    opts.simd = simd;
    opts.max_bytes = max_bytes;
    return grabcut_glue_segment(mask, image, &opts, progress);
}

static PyObject *estimate(int32_t image_width, int32_t image_height, grabcut_mode mode, int32_t x, int32_t y,
                          int32_t width, int32_t height, int32_t threads)
{
    grabcut_options opts = GRABCUT_OPTIONS_INIT;
    grabcut_rect rect = {x, y, width, height};
    uint64_t bytes = 0;
    int code;

    opts.mode = mode;
    opts.rect = rect;
    opts.threads = threads;
    code = grabcut_estimate(grabcut_engine_fast(), &bytes, image_width, image_height, &opts);
    return Py_BuildValue("(iK)", code, (unsigned long long)bytes);
}

static PyObject *decode(const void *bytes, size_t len, uint64_t max_pixels, int ignore_orientation, uint64_t max_bytes,
                        int alpha, int allow_truncated)
{
    grabcut_decode_options opts = GRABCUT_DECODE_OPTIONS_INIT;

    opts.max_pixels = max_pixels;
    opts.ignore_orientation = ignore_orientation;
    opts.max_bytes = max_bytes;
    opts.alpha = alpha;
    opts.allow_truncated = allow_truncated;
    return grabcut_glue_decode(bytes, len, &opts, own_image);
}

static PyObject *probe(const void *bytes, size_t len)
{
    return grabcut_glue_probe(bytes, len);
}

static PyObject *icc_profile(const void *bytes, size_t len)
{
    return grabcut_glue_icc_profile(bytes, len);
}

static PyObject *encode(const grabcut_image *image, grabcut_format format, int level, int quality, const void *icc,
                        size_t icc_len)
{
    grabcut_encode_options opts = GRABCUT_ENCODE_OPTIONS_INIT;

    opts.format = format;
    opts.level = level;
    opts.quality = quality;
    opts.icc = icc;
    opts.icc_len = icc_len;
    return grabcut_glue_encode(image, &opts);
}

static PyObject *cutout(const grabcut_image *image, const grabcut_image *mask, grabcut_cutout_kind kind)
{
    return grabcut_glue_cutout(image, mask, kind, own_image);
}
%}
