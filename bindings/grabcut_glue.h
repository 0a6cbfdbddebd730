/*
 * What the Python package `grabcut` calls besides the functions that SWIG wraps unchanged: buffers
 * in (numpy arrays, bytes), pictures out, and a run with its options as arguments. Called with the
 * interpreter's lock held; released around the library's work. New references, or NULL with an
 * exception set.
 */
#ifndef GRABCUT_GLUE_H
#define GRABCUT_GLUE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <grabcut/grabcut.h>

/* A picture over the memory of an object with the buffer protocol: unsigned bytes, 2 dimensions (1
 * channel) or 3 (1, 3 or 4 channels), pixels side by side, rows in ascending order. The object
 * cannot be resized until grabcut_glue_release. `writable` asks for memory that may be written. 0,
 * or -1 with TypeError or ValueError set. */
typedef struct grabcut_glue_buffer {
    Py_buffer view;
    int held;
    grabcut_image image;
} grabcut_glue_buffer;
int grabcut_glue_image(grabcut_glue_buffer *out, PyObject *object, int writable);
/* Any contiguous bytes: out->view.buf, out->view.len. */
int grabcut_glue_bytes(grabcut_glue_buffer *out, PyObject *object);
/* The memory of one grabcut_models; NULL where the object is None. */
int grabcut_glue_models(grabcut_models **models, grabcut_glue_buffer *out, PyObject *object);
void grabcut_glue_release(grabcut_glue_buffer *buffer);

/* (code, text). `progress` is None or a callable that gets (phase, iteration, iterations, done) and
 * stops the run by a true result; an exception that it raises stops the run and comes out here, as
 * does one that a signal handler raises meanwhile (Ctrl-C). opts->progress is set by this function.
 */
PyObject *grabcut_glue_segment(grabcut_image *mask, const grabcut_image *image,
                               grabcut_options *opts, PyObject *progress);

/* (code, text, picture or None): the picture is a SWIG object that owns its pixels; `wrap` makes
 * it. */
typedef PyObject *(*grabcut_glue_wrap)(grabcut_image *image);
PyObject *grabcut_glue_decode(const void *bytes, size_t len, const grabcut_decode_options *opts,
                              grabcut_glue_wrap wrap);
PyObject *grabcut_glue_cutout(const grabcut_image *image, const grabcut_image *mask,
                              grabcut_cutout_kind kind, grabcut_glue_wrap wrap);

/* (code, text, bytes or None). */
PyObject *grabcut_glue_encode(const grabcut_image *image, const grabcut_encode_options *opts);

/* (code, text, bytes or None). */
PyObject *grabcut_glue_icc_profile(const void *bytes, size_t len);

/* (code, text, (format, width, height, orientation) or None). */
PyObject *grabcut_glue_probe(const void *bytes, size_t len);

#endif
