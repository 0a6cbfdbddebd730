/*
 * What the Python package `headerroute` calls besides the functions that SWIG wraps unchanged: one
 * call for what takes several in C (a view's options, a request, its decision as JSON), so that the
 * interpreter's lock is released once. Every function is called with the lock held, releases it
 * around the library's work, and returns a new reference or NULL with an exception set.
 */
#ifndef HEADERROUTE_GLUE_H
#define HEADERROUTE_GLUE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <headerroute/headerroute.h>

/* Python values to C, for the typemaps. Both point into immutable Python objects (str, bytes,
 * tuple), which the caller's argument tuple keeps alive while the lock is released; that is why
 * lists are refused. 0, or -1 with an exception set. */

/* str, bytes or None (absent). */
int hr_glue_str(hr_str *out, PyObject *value);
/* A tuple of (name, value) tuples. *out is NULL for none, else free with PyMem_Free. */
int hr_glue_pairs(hr_pair **out, size_t *n, PyObject *tuple);
/* A tuple of (path, name, text) tuples; path and name are bytes or None. Free as above. */
int hr_glue_sources(hr_source **out, size_t *n, PyObject *tuple);

/* str, or None for an absent one. Bytes that are no UTF-8 become lone surrogates (PEP 383). */
PyObject *hr_glue_to_python(hr_str s);

/* (code, text): the decision's JSON, or for HR_EREQUEST the sentence that says why. `events` is
 * None, or a list that takes a tuple for each event of the trace, in the order of hr_trace_event's
 * fields. */
PyObject *hr_glue_route(const hr_view *view, hr_scratch *scratch, const hr_request *request,
                        PyObject *events);

/* (code, complete, views, regions, undecided) of hr_diff_new: tuples in the order of the members of
 * hr_diff_view, hr_diff_region and hr_diff_undecided. `only` has hr_change bits, 0 for the default;
 * `view` is NULL for all views. */
PyObject *hr_glue_diff(hr_table *before, hr_table *after, unsigned only,
                       const hr_view_options *view, const hr_view_options *base);

#endif
