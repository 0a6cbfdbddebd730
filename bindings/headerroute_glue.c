/*
 * Converts between Python's objects and the structs of libheaderroute, one call for each
 * operation of the package.
 */
#include "headerroute_glue.h"

#include <stdio.h>
#include <stdlib.h>

/* Raises a TypeError that names the type of `got`. The stable ABI has no tp_name. */
static void raise_type(const char *expected, PyObject *got) {
    PyObject *name = PyObject_GetAttrString((PyObject *)Py_TYPE(got), "__name__");
    if (name == NULL)
        return;
    PyErr_Format(PyExc_TypeError, "expected %s, not %S", expected, name);
    Py_DECREF(name);
}

int hr_glue_str(hr_str *out, PyObject *value) {
    Py_ssize_t len = 0;
    out->p = NULL;
    out->len = 0;
    if (value == Py_None)
        return 0;
    if (PyUnicode_Check(value)) {
        out->p = PyUnicode_AsUTF8AndSize(value, &len);
        if (out->p == NULL)
            return -1;
    } else if (PyBytes_Check(value)) {
        out->p = PyBytes_AsString(value);
        len = PyBytes_Size(value);
    } else {
        raise_type("str, bytes or None", value);
        return -1;
    }
    out->len = (size_t)len;
    return 0;
}

/* Memory for `tuple`'s items; NULL without an exception for an empty one. */
static void *items_alloc(PyObject *tuple, size_t item_size, size_t *n, int *failed) {
    void *items;

    *n = 0;
    *failed = 1;
    if (!PyTuple_Check(tuple)) {
        raise_type("a tuple", tuple);
        return NULL;
    }
    *n = (size_t)PyTuple_Size(tuple);
    *failed = 0;
    if (*n == 0)
        return NULL;
    items = PyMem_Calloc(*n, item_size);
    if (items == NULL) {
        PyErr_NoMemory();
        *failed = 1;
    }
    return items;
}

static int is_tuple_of(PyObject *value, Py_ssize_t size) {
    if (PyTuple_Check(value) && PyTuple_Size(value) == size)
        return 1;
    char expected[64];
    snprintf(expected, sizeof(expected), "a tuple of %zd", size);
    raise_type(expected, value);
    return 0;
}

int hr_glue_pairs(hr_pair **out, size_t *n, PyObject *tuple) {
    int failed;
    hr_pair *pairs = items_alloc(tuple, sizeof(*pairs), n, &failed);

    *out = NULL;
    if (failed)
        return -1;
    for (size_t i = 0; i < *n; i++) {
        PyObject *item = PyTuple_GetItem(tuple, (Py_ssize_t)i);
        if (!is_tuple_of(item, 2) || hr_glue_str(&pairs[i].name, PyTuple_GetItem(item, 0)) != 0 ||
            hr_glue_str(&pairs[i].value, PyTuple_GetItem(item, 1)) != 0) {
            PyMem_Free(pairs);
            return -1;
        }
    }
    *out = pairs;
    return 0;
}

/* bytes without a zero inside, or None. */
static int zero_terminated(const char **out, PyObject *value) {
    char *text = NULL;

    if (value != Py_None && PyBytes_AsStringAndSize(value, &text, NULL) != 0)
        return -1;
    *out = text;
    return 0;
}

int hr_glue_sources(hr_source **out, size_t *n, PyObject *tuple) {
    int failed;
    hr_source *sources = items_alloc(tuple, sizeof(*sources), n, &failed);

    *out = NULL;
    if (failed)
        return -1;
    for (size_t i = 0; i < *n; i++) {
        PyObject *item = PyTuple_GetItem(tuple, (Py_ssize_t)i);
        if (!is_tuple_of(item, 3) ||
            zero_terminated(&sources[i].path, PyTuple_GetItem(item, 0)) != 0 ||
            zero_terminated(&sources[i].name, PyTuple_GetItem(item, 1)) != 0 ||
            hr_glue_str(&sources[i].text, PyTuple_GetItem(item, 2)) != 0) {
            PyMem_Free(sources);
            return -1;
        }
    }
    *out = sources;
    return 0;
}

PyObject *hr_glue_to_python(hr_str s) {
    if (s.p == NULL)
        Py_RETURN_NONE;
    return PyUnicode_DecodeUTF8(s.p, (Py_ssize_t)s.len, "surrogateescape");
}

struct trace {
    PyObject *events;
    int failed; /* an exception is set; the rest of the events is passed over */
};

static void append_event(struct trace *trace, const hr_trace_event *event) {
    PyObject *item =
        Py_BuildValue("(iiNNiiiNNNN)", (int)event->kind, event->ok,
                      hr_glue_to_python(event->virtual_service), hr_glue_to_python(event->file),
                      event->line, (int)event->route_index, (int)event->match_index,
                      hr_glue_to_python(event->field), hr_glue_to_python(event->expected),
                      hr_glue_to_python(event->actual), hr_glue_to_python(event->detail));

    if (item == NULL || PyList_Append(trace->events, item) != 0)
        trace->failed = 1;
    Py_XDECREF(item);
}

static void on_event(void *ctx, const hr_trace_event *event) {
    struct trace *trace = ctx;
    PyGILState_STATE lock;

    if (trace->failed)
        return;
    lock = PyGILState_Ensure();
    append_event(trace, event);
    PyGILState_Release(lock);
}

/* hr_route or hr_explain of the request as rules of the view see it, as JSON. */
static int decide_at_edge(hr_str *text, const hr_view *view, hr_scratch *scratch,
                          const hr_request *request, struct trace *trace) {
    hr_request edge;
    hr_decision decision = HR_DECISION_INIT;
    size_t size = 0;
    int code = hr_edge_request(&edge, view, request, NULL, &size);
    if (code != HR_ENOSPC)
        return code;
    void *memory = malloc(size);
    if (memory == NULL)
        return HR_ENOMEM;
    code = hr_edge_request(&edge, view, request, memory, &size);
    if (code == HR_OK)
        code = trace == NULL ? hr_route(&decision, view, &edge, scratch)
                             : hr_explain(&decision, view, &edge, scratch, on_event, trace);
    if (code == HR_OK)
        code = hr_decision_json(text, &decision, &edge, scratch);
    free(memory);
    return code;
}

PyObject *hr_glue_route(const hr_view *view, hr_scratch *scratch, const hr_request *request,
                        PyObject *events) {
    hr_str text = {NULL, 0};
    struct trace trace = {events, 0};
    int code;

    if (view == NULL || scratch == NULL || (events != Py_None && !PyList_Check(events))) {
        PyErr_SetString(PyExc_TypeError, "expected a view, a scratch, and a list or None");
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS code =
        decide_at_edge(&text, view, scratch, request, events == Py_None ? NULL : &trace);
    if (code == HR_EREQUEST)
        text = hr_scratch_error(scratch);
    Py_END_ALLOW_THREADS if (trace.failed) return NULL;
    return Py_BuildValue("(iN)", code, hr_glue_to_python(text));
}

/* ---- differences ---- */

/* A tuple of `n` items that `make` returns; NULL with an exception if one fails. */
static PyObject *tuple_of(size_t n, PyObject *(*make)(const void *ctx, size_t i), const void *ctx) {
    PyObject *tuple = PyTuple_New((Py_ssize_t)n);
    for (size_t i = 0; tuple != NULL && i < n; i++) {
        PyObject *item = make(ctx, i);
        if (item == NULL)
            Py_CLEAR(tuple);
        else
            PyTuple_SetItem(tuple, (Py_ssize_t)i, item);
    }
    return tuple;
}

static PyObject *make_pair(const void *ctx, size_t i) {
    const hr_pair *pairs = ctx;
    return Py_BuildValue("(NN)", hr_glue_to_python(pairs[i].name),
                         hr_glue_to_python(pairs[i].value));
}

static PyObject *make_where(const void *ctx, size_t i) {
    const hr_where *where = &((const hr_where *)ctx)[i];
    return Py_BuildValue("(NsNiN)", hr_glue_to_python(where->field), hr_where_op_name(where->op),
                         hr_glue_to_python(where->value), where->negated,
                         hr_glue_to_python(where->words));
}

static PyObject *make_where_list(const void *ctx, size_t i) {
    const hr_where_list *list = &((const hr_where_list *)ctx)[i];
    return tuple_of(list->n, make_where, list->v);
}

static PyObject *make_changed(const void *ctx, size_t i) {
    unsigned changed = *(const unsigned *)ctx;
    size_t bit = 0;
    for (size_t seen = 0; bit < HR_CHANGE_COUNT; bit++)
        if ((changed >> bit & 1) != 0 && seen++ == i)
            break;
    return PyUnicode_FromString(hr_change_name(bit));
}

static size_t count_bits(unsigned bits) {
    size_t n = 0;
    for (; bits != 0; bits &= bits - 1)
        n++;
    return n;
}

static PyObject *make_rule(const hr_diff_rule *rule) {
    return Py_BuildValue("(NiiNi)", hr_glue_to_python(rule->virtual_service),
                         (int)rule->route_index, (int)rule->match_index,
                         hr_glue_to_python(rule->file), rule->line);
}

static PyObject *make_witness(const hr_request *r) {
    const hr_draws *d = &r->draws;
    return Py_BuildValue("(NNNNNN(dddd))", hr_glue_to_python(r->method),
                         hr_glue_to_python(r->scheme), hr_glue_to_python(r->authority),
                         hr_glue_to_python(r->path), tuple_of(r->n_headers, make_pair, r->headers),
                         tuple_of(r->n_claims, make_pair, r->claims), d->weight, d->delay, d->abort,
                         d->mirror);
}

static PyObject *make_view(const void *ctx, size_t i) {
    hr_diff_view view = HR_DIFF_VIEW_INIT;
    hr_diff_view_get(&view, ctx, i);
    return Py_BuildValue("(NiNNnnn)", hr_glue_to_python(view.gateway), (int)view.port,
                         hr_glue_to_python(view.namespace_),
                         tuple_of(view.n_source_labels, make_pair, view.source_labels),
                         (Py_ssize_t)view.regions, (Py_ssize_t)view.changed,
                         (Py_ssize_t)view.undecided);
}

static PyObject *make_region(const void *ctx, size_t i) {
    hr_diff_region region = HR_DIFF_REGION_INIT;
    hr_diff_region_get(&region, ctx, i);
    return Py_BuildValue("(nNNNNNN)", (Py_ssize_t)region.view, make_where_list(&region.where, 0),
                         tuple_of(region.n_except, make_where_list, region.except),
                         tuple_of(count_bits(region.changed), make_changed, &region.changed),
                         make_rule(&region.before), make_rule(&region.after),
                         make_witness(region.witness));
}

static PyObject *make_undecided(const void *ctx, size_t i) {
    hr_diff_undecided u = HR_DIFF_UNDECIDED_INIT;
    hr_diff_undecided_get(&u, ctx, i);
    return Py_BuildValue("(nNNN)", (Py_ssize_t)u.view, hr_glue_to_python(u.reason),
                         make_rule(&u.before), make_rule(&u.after));
}

PyObject *hr_glue_diff(hr_table *before, hr_table *after, unsigned only,
                       const hr_view_options *view, const hr_view_options *base) {
    hr_diff_options options = HR_DIFF_OPTIONS_INIT;
    hr_diff *diff = NULL;
    int code;

    if (before == NULL || after == NULL) {
        PyErr_SetString(PyExc_TypeError, "expected two tables");
        return NULL;
    }
    options.only = only;
    options.view = view;
    options.base = base;
    Py_BEGIN_ALLOW_THREADS code = hr_diff_new(&diff, before, after, &options);
    Py_END_ALLOW_THREADS PyObject *result =
        Py_BuildValue("(iiNNN)", code, diff != NULL && hr_diff_complete(diff),
                      tuple_of(hr_diff_view_count(diff), make_view, diff),
                      tuple_of(hr_diff_region_count(diff), make_region, diff),
                      tuple_of(hr_diff_undecided_count(diff), make_undecided, diff));
    hr_diff_free(diff);
    return result;
}
