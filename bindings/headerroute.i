/* headerroute.lowlevel: the public C header as SWIG sees it, less what Python has no use for. The
 * package's other modules are the surface for people; names here are C's and may change with it. */
%module(package="headerroute") lowlevel

%{
#include <headerroute/headerroute.h>
#include "headerroute_glue.h"

/* The option of a view whose value is not allowed. */
typedef struct hr_refused {
    size_t option;
    const char *expected; /* NULL: every value is allowed */
} hr_refused;
%}

%include <stdint.i>
#define HR_API

/* ---- strings and lists ---- */

%typemap(in) hr_str {
    if (hr_glue_str(&$1, $input) != 0)
        SWIG_fail;
}
%typemap(out) hr_str {
    $result = hr_glue_to_python($1);
}
%typemap(out) hr_str * {
    $result = hr_glue_to_python(*$1);
}

%typemap(in) (const hr_pair *pairs, size_t n_pairs) (hr_pair *pairs = NULL) {
    if (hr_glue_pairs(&pairs, &$2, $input) != 0)
        SWIG_fail;
    $1 = pairs;
}
%typemap(freearg) (const hr_pair *pairs, size_t n_pairs) {
    PyMem_Free(pairs$argnum);
}
%apply (const hr_pair *pairs, size_t n_pairs) {(const hr_pair *facts, size_t n_facts)};
%apply (const hr_pair *pairs, size_t n_pairs) {(const hr_pair *claims, size_t n_claims)};
%apply (const hr_pair *pairs, size_t n_pairs) {(const hr_pair *options, size_t n_options)};
%typemap(in) (const hr_source *sources, size_t n_sources) (hr_source *sources = NULL) {
    if (hr_glue_sources(&sources, &$2, $input) != 0)
        SWIG_fail;
    $1 = sources;
}
%typemap(freearg) (const hr_source *sources, size_t n_sources) {
    PyMem_Free(sources$argnum);
}

/* ---- outputs: (code, object or None, ...) ---- */

%define HR_OUT(TYPE)
%typemap(in, numinputs=0) TYPE **out (TYPE *value = NULL), TYPE **diagnostics (TYPE *value = NULL) {
    $1 = &value;
}
%typemap(argout) TYPE **out, TYPE **diagnostics {
    PyObject *object = *$1 != NULL ? SWIG_NewPointerObj(*$1, $*1_descriptor, SWIG_POINTER_OWN)
                                   : SWIG_Py_Void();
    %append_output(object); // SWIG 4.3 gave SWIG_Python_AppendOutput another argument
}
%enddef
HR_OUT(hr_table)
HR_OUT(hr_diagnostics)
HR_OUT(hr_view)
HR_OUT(hr_scratch)

%typemap(in, numinputs=0) hr_refused *refused (hr_refused value = {0, NULL}) {
    $1 = &value;
}
%typemap(argout) hr_refused *refused {
    PyObject *object = $1->expected != NULL ? Py_BuildValue("(ns)", (Py_ssize_t)$1->option, $1->expected) : SWIG_Py_Void();
    %append_output(object);
}

/* Opaque in C; here classes without members whose destructor gives the reference back. */
%nodefaultctor;
typedef struct hr_table {} hr_table;
typedef struct hr_diagnostics {} hr_diagnostics;
typedef struct hr_view {} hr_view;
typedef struct hr_scratch {} hr_scratch;
%clearnodefaultctor;
%extend hr_table { ~hr_table() { hr_table_unref($self); } }
%extend hr_diagnostics { ~hr_diagnostics() { hr_diagnostics_free($self); } }
%extend hr_view { ~hr_view() { hr_view_unref($self); } }
%extend hr_scratch { ~hr_scratch() { hr_scratch_free($self); } }

/* ---- what the header has and Python gets in another form ---- */

/* Lifetimes: Python's references do this. */
%ignore hr_table_ref;
%ignore hr_table_unref;
%ignore hr_diagnostics_free;
%ignore hr_view_ref;
%ignore hr_view_unref;
%ignore hr_view_table;
%ignore hr_view_gateway_server;
%ignore hr_view_unserved;
%ignore hr_gateway_server;
%ignore hr_scratch_free;
%ignore hr_scratch_bytes;
%ignore hr_scratch_limit_regexes;
%ignore hr_scratch_trim;
/* Loading, views and requests take borrowed strings in structs; the functions below take them as
 * arguments. */
%ignore hr_str;
%ignore hr_str_from;
%ignore hr_pair;
%ignore hr_source;
%ignore hr_load_options;
%ignore hr_resource_name;
%ignore hr_table_load;
%ignore hr_table_load_paths;
%ignore hr_view_options;
%ignore hr_view_options_set;
%ignore hr_view_options_get;
%ignore HR_VIEW_OPTION_NUMBER;
%ignore hr_view_new;
%ignore hr_request;
%ignore hr_draws;
%ignore hr_connection;
%ignore hr_edge_request;
%ignore hr_trim_blanks;
%ignore hr_response;
%ignore hr_diagnostic_format;
/* A decision comes as JSON, which outlives the scratch. */
%ignore hr_route;
%ignore hr_explain;
%ignore hr_decision;
%ignore hr_decision_json;
%ignore hr_decision_caveats;
%ignore hr_decision_has_finding;
%ignore hr_decision_lacks_service;
%ignore hr_view_json;
%ignore hr_upstream;
%ignore hr_upstream_request;
%ignore hr_response_headers;
%ignore hr_trace_event;
%ignore hr_retry_policy;
%ignore hr_header_ops;
%ignore hr_origin_match;
%ignore hr_cors_policy;
%ignore hr_hash_policy;
%ignore hr_mirror;
%ignore hr_local_reply;
%ignore hr_request_hash;
/* Balancing is for programs that hold connections. */
%ignore hr_view_cluster_count;
%ignore hr_view_cluster;
%ignore hr_endpoint;
%ignore hr_traffic_policy;
%ignore hr_cluster;
%ignore hr_workload;
%ignore hr_endpoint_state;
%ignore hr_cursor;
%ignore hr_pick;
%ignore hr_rings;
%ignore hr_rings_new;
%ignore hr_rings_free;
%ignore hr_balance;
%ignore hr_gateway_info::ports; /* an array: see hr_gateway_ports */
%ignore HR_STR;
%ignore HR_LOAD_OPTIONS_INIT;
%ignore HR_VIEW_OPTIONS_INIT;
%ignore HR_CONNECTION_INIT;
%ignore HR_REQUEST_INIT;
%ignore HR_RESPONSE_INIT;
%ignore HR_STATS_INIT;
%ignore HR_GATEWAY_INFO_INIT;
%ignore HR_PLACE_INIT;
%ignore HR_VIRTUAL_SERVICE_INFO_INIT;
%ignore HR_SERVICE_INFO_INIT;
%ignore HR_GATEWAY_SERVER_INIT;
%ignore HR_DECISION_INIT;
%ignore HR_UPSTREAM_INIT;
%ignore HR_PICK_INIT;

/* Documents and sources are for programs that work on files. */
%ignore hr_sources_read;
%ignore hr_documents_read;
%ignore hr_document;
%ignore hr_document_file;
%ignore hr_document_place;
%ignore hr_document_json;
%ignore hr_place;
%ignore hr_virtual_service_info;
%ignore hr_table_virtual_service_count;
%ignore hr_table_virtual_service;
%ignore hr_service_info;
%ignore hr_table_service_count;
%ignore hr_table_service;

/* Structs that Python makes and the library fills begin with their version. */
%define HR_VERSIONED(TYPE, INIT)
%extend TYPE {
    TYPE() {
        TYPE *made = malloc(sizeof(*made));
        if (made != NULL)
            *made = (TYPE)INIT;
        return made;
    }
}
%enddef
HR_VERSIONED(hr_stats, HR_STATS_INIT)
HR_VERSIONED(hr_gateway_info, HR_GATEWAY_INFO_INIT)

%immutable;
%include <headerroute/types.h>
%include <headerroute/load.h>
%include <headerroute/view.h>
%include <headerroute/route.h>
%include <headerroute/balance.h>
%mutable;

/* ---- calls of our own ---- */

%inline %{
/* hr_table_load with its options as arguments. */
static int hr_load(hr_table **out, hr_diagnostics **diagnostics, const hr_source *sources, size_t n_sources,
                   const char *domain, const char *root_namespace, const char *default_namespace,
                   size_t max_bytes, size_t max_depth, size_t max_nodes, int lint, int recursive, int lenient)
{
    hr_load_options options = HR_LOAD_OPTIONS_INIT;
    int code;

    options.domain = domain;
    options.root_namespace = root_namespace;
    options.default_namespace = default_namespace;
    options.max_bytes = max_bytes;
    options.max_depth = max_depth;
    options.max_nodes = max_nodes;
    options.lint = lint;
    options.recursive = recursive;
    options.lenient = lenient;
    Py_BEGIN_ALLOW_THREADS
    code = hr_table_load(out, diagnostics, sources, n_sources, &options);
    Py_END_ALLOW_THREADS
    return code;
}

/* hr_view_new with its options as arguments. */
/* hr_view_new with its options by name, as hr_view_options_set takes them. */
static int hr_view_open(hr_view **out, hr_table *table, const hr_pair *options, size_t n_options, const hr_pair *pairs,
                        size_t n_pairs, hr_refused *refused)
{
    hr_view_options all = HR_VIEW_OPTIONS_INIT;
    int code = HR_OK;

    all.source_labels = pairs;
    all.n_source_labels = n_pairs;
    for (size_t i = 0; i < n_options && code == HR_OK; i++) {
        refused->option = i;
        code = hr_view_options_set(&all, options[i].name, options[i].value, &refused->expected);
    }
    if (code != HR_OK)
        return code;
    Py_BEGIN_ALLOW_THREADS
    code = hr_view_new(out, table, &all);
    Py_END_ALLOW_THREADS
    return code;
}

/* (code, text) of hr_glue_route. */
static PyObject *hr_decide(const hr_view *view, hr_scratch *scratch, hr_str method, hr_str scheme,
                           hr_str authority, hr_str connect_to, hr_str path, const hr_pair *pairs, size_t n_pairs, double weight,
                           double delay, double abort_, double mirror, hr_str peer_address, uint16_t peer_port,
                           unsigned trusted_proxies, hr_str request_id, const hr_pair *facts, size_t n_facts,
                           const hr_pair *claims, size_t n_claims, PyObject *events)
{
    hr_connection connection = HR_CONNECTION_INIT;
    hr_request request = HR_REQUEST_INIT;

    connection.peer_address = peer_address;
    connection.peer_port = peer_port;
    connection.trusted_proxies = trusted_proxies;
    connection.request_id = request_id;
    connection.facts = facts;
    connection.n_facts = n_facts;
    request.method = method;
    request.scheme = scheme;
    request.authority = authority;
    request.connect_to = connect_to;
    request.path = path;
    request.headers = pairs;
    request.n_headers = n_pairs;
    request.draws = (hr_draws){weight, delay, abort_, mirror};
    request.connection = &connection;
    request.claims = claims;
    request.n_claims = n_claims;
    return hr_glue_route(view, scratch, &request, events);
}

/* hr_glue_diff with the options of views by name. `one` is 0: all views are compared, and the options are those of all. */
static PyObject *hr_compare(hr_table *before, hr_table *after, unsigned only, int one, const hr_pair *options, size_t n_options,
                            const hr_pair *pairs, size_t n_pairs)
{
    hr_view_options all = HR_VIEW_OPTIONS_INIT;
    const char *expected = "another option";

    all.source_labels = pairs;
    all.n_source_labels = n_pairs;
    for (size_t i = 0; i < n_options; i++)
        if (hr_view_options_set(&all, options[i].name, options[i].value, &expected) != HR_OK)
            return PyErr_Format(PyExc_ValueError, "%s: expected %s, got '%s'", options[i].name.p, expected, options[i].value.p);
    return hr_glue_diff(before, after, only, one ? &all : NULL, &all);
}

static PyObject *hr_change_names(void)
{
    PyObject *names = PyTuple_New(HR_CHANGE_COUNT);

    for (size_t i = 0; names != NULL && i < HR_CHANGE_COUNT; i++)
        PyTuple_SetItem(names, (Py_ssize_t)i, PyUnicode_FromString(hr_change_name(i)));
    return names;
}

/* The server ports of a Gateway as a tuple. */
static PyObject *hr_gateway_ports(const hr_gateway_info *info)
{
    PyObject *ports = PyTuple_New((Py_ssize_t)info->n_ports);

    for (size_t i = 0; ports != NULL && i < info->n_ports; i++) {
        PyObject *port = PyLong_FromLong(info->ports[i]);
        if (port == NULL)
            Py_CLEAR(ports);
        else
            PyTuple_SetItem(ports, (Py_ssize_t)i, port);
    }
    return ports;
}
%}
