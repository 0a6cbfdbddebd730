/* Converts between Python's buffers and the images and masks of libgrabcut. */
#include "grabcut_glue.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- buffers ---- */

static int fail(grabcut_glue_buffer *buffer, PyObject *exception, const char *sentence) {
    grabcut_glue_release(buffer);
    PyErr_SetString(exception, sentence);
    return -1;
}

int grabcut_glue_image(grabcut_glue_buffer *out, PyObject *object, int writable) {
    Py_buffer *view = &out->view;
    Py_ssize_t channels;

    memset(out, 0, sizeof(*out));
    if (PyObject_GetBuffer(object, view, (writable ? PyBUF_RECORDS : PyBUF_RECORDS_RO)) != 0)
        return -1;
    out->held = 1;
    if (view->itemsize != 1 || (view->format != NULL && strcmp(view->format, "B") != 0))
        return fail(out, PyExc_TypeError, "a picture is of unsigned bytes (numpy: uint8)");
    if (view->ndim != 2 && view->ndim != 3)
        return fail(out, PyExc_ValueError,
                    "a picture has 2 dimensions (height, width) or 3 (with channels)");
    channels = view->ndim == 3 ? view->shape[2] : 1;
    if (channels != 1 && channels != 3 && channels != 4)
        return fail(out, PyExc_ValueError, "a picture has 1, 3 or 4 channels");
    if (view->shape[0] < 1 || view->shape[1] < 1)
        return fail(out, PyExc_ValueError, "the picture has no pixels");
    if (view->shape[0] > INT32_MAX || view->shape[1] > INT32_MAX)
        return fail(out, PyExc_ValueError, "the picture is too large");
    if ((view->ndim == 3 && view->strides[2] != 1) || view->strides[1] != channels ||
        view->strides[0] < view->shape[1] * channels)
        return fail(out, PyExc_ValueError, "the picture's pixels are not side by side in memory");
    out->image.data = view->buf;
    out->image.height = (int32_t)view->shape[0];
    out->image.width = (int32_t)view->shape[1];
    out->image.channels = (int32_t)channels;
    out->image.stride = (size_t)view->strides[0];
    return 0;
}

int grabcut_glue_bytes(grabcut_glue_buffer *out, PyObject *object) {
    memset(out, 0, sizeof(*out));
    if (PyObject_GetBuffer(object, &out->view, PyBUF_SIMPLE) != 0)
        return -1;
    out->held = 1;
    return 0;
}

int grabcut_glue_models(grabcut_models **models, grabcut_glue_buffer *out, PyObject *object) {
    memset(out, 0, sizeof(*out));
    *models = NULL;
    if (object == Py_None)
        return 0;
    if (PyObject_GetBuffer(object, &out->view, PyBUF_CONTIG | PyBUF_FORMAT) != 0)
        return -1;
    out->held = 1;
    if (out->view.format == NULL || strcmp(out->view.format, "d") != 0 ||
        out->view.len != (Py_ssize_t)sizeof(**models))
        return fail(out, PyExc_ValueError, "models are 2 x 65 doubles in one piece");
    *models = out->view.buf;
    return 0;
}

void grabcut_glue_release(grabcut_glue_buffer *buffer) {
    if (buffer->held)
        PyBuffer_Release(&buffer->view);
    buffer->held = 0;
}

/* ---- a run ---- */

struct run {
    PyObject *progress; /* or None */
    double next_check;  /* when to look for signals next */
    int failed;         /* an exception is set */
};

static double monotonic_seconds(void) {
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* Taking the lock costs other threads their turn: without a callable only now and then, often
 * enough that Ctrl-C feels immediate. */
#define SIGNAL_CHECK_SECONDS 0.05

static int call_progress(struct run *run, const grabcut_progress *progress) {
    PyObject *answer;
    int stop;

    if (PyErr_CheckSignals() != 0)
        return -1;
    if (run->progress == Py_None)
        return 0;
    answer =
        PyObject_CallFunction(run->progress, "iiid", (int)progress->phase, (int)progress->iteration,
                              (int)progress->iterations, progress->done);
    if (answer == NULL)
        return -1;
    stop = PyObject_IsTrue(answer);
    Py_DECREF(answer);
    return stop;
}

static int on_progress(void *ctx, const grabcut_progress *progress) {
    struct run *run = ctx;
    PyGILState_STATE lock;
    int stop;

    if (run->failed)
        return 1;
    if (run->progress == Py_None) {
        double now = monotonic_seconds();
        if (now < run->next_check)
            return 0;
        run->next_check = now + SIGNAL_CHECK_SECONDS;
    }
    lock = PyGILState_Ensure();
    stop = call_progress(run, progress);
    PyGILState_Release(lock);
    if (stop < 0)
        run->failed = 1;
    return stop != 0;
}

PyObject *grabcut_glue_segment(grabcut_image *mask, const grabcut_image *image,
                               grabcut_options *opts, PyObject *progress) {
    struct run run = {progress, 0, 0};
    grabcut_errbuf err = {""};
    int code;

    run.next_check = monotonic_seconds() + SIGNAL_CHECK_SECONDS;
    opts->progress = on_progress;
    opts->progress_ctx = &run;
    Py_BEGIN_ALLOW_THREADS code = grabcut_segment(grabcut_engine_fast(), mask, image, opts, &err);
    Py_END_ALLOW_THREADS if (run.failed) return NULL;
    return Py_BuildValue("(is)", code, err.text);
}

/* ---- pictures ---- */

static PyObject *picture_result(int code, const char *text, grabcut_image *image,
                                grabcut_glue_wrap wrap) {
    PyObject *picture;

    if (code != GRABCUT_OK) {
        free(image);
        return Py_BuildValue("(isO)", code, text, Py_None);
    }
    picture = wrap(image);
    if (picture == NULL) {
        grabcut_image_free(image);
        free(image);
        return NULL;
    }
    return Py_BuildValue("(isN)", code, text, picture);
}

PyObject *grabcut_glue_decode(const void *bytes, size_t len, const grabcut_decode_options *opts,
                              grabcut_glue_wrap wrap) {
    grabcut_image *image = calloc(1, sizeof(*image));
    grabcut_errbuf err = {""};
    int code;

    if (image == NULL)
        return PyErr_NoMemory();
    Py_BEGIN_ALLOW_THREADS code = grabcut_decode(image, bytes, len, opts, &err);
    Py_END_ALLOW_THREADS return picture_result(code, err.text, image, wrap);
}

PyObject *grabcut_glue_cutout(const grabcut_image *image, const grabcut_image *mask,
                              grabcut_cutout_kind kind, grabcut_glue_wrap wrap) {
    grabcut_image *out = calloc(1, sizeof(*out));
    int code;

    if (out == NULL)
        return PyErr_NoMemory();
    Py_BEGIN_ALLOW_THREADS code = grabcut_cutout(out, image, mask, kind);
    Py_END_ALLOW_THREADS return picture_result(code, "", out, wrap);
}

PyObject *grabcut_glue_encode(const grabcut_image *image, const grabcut_encode_options *opts) {
    grabcut_errbuf err = {""};
    uint8_t *file = NULL;
    size_t len = 0;
    PyObject *result;
    int code;

    Py_BEGIN_ALLOW_THREADS code = grabcut_encode(&file, &len, image, opts, &err);
    Py_END_ALLOW_THREADS result = Py_BuildValue("(isy#)", code, err.text, (char *)file,
                                                (Py_ssize_t)len); /* NULL gives None */
    grabcut_free(file);
    return result;
}

PyObject *grabcut_glue_probe(const void *bytes, size_t len) {
    grabcut_probe probe = GRABCUT_PROBE_INIT;
    grabcut_errbuf err = {""};
    int code;

    Py_BEGIN_ALLOW_THREADS code = grabcut_probe_header(&probe, bytes, len, &err);
    Py_END_ALLOW_THREADS if (code != GRABCUT_OK) return Py_BuildValue("(isO)", code, err.text,
                                                                      Py_None);
    return Py_BuildValue("(is(iiii))", code, err.text, (int)probe.format, (int)probe.width,
                         (int)probe.height, (int)probe.orientation);
}

PyObject *grabcut_glue_icc_profile(const void *bytes, size_t len) {
    grabcut_errbuf err = {""};
    uint8_t *profile = NULL;
    size_t profile_len = 0;
    PyObject *result;
    int code;

    Py_BEGIN_ALLOW_THREADS code = grabcut_icc_profile(&profile, &profile_len, bytes, len, &err);
    Py_END_ALLOW_THREADS result =
        Py_BuildValue("(isy#)", code, err.text, (char *)profile, (Py_ssize_t)profile_len);
    grabcut_free(profile);
    return result;
}
