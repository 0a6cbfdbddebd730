/*
 * Loading: from YAML to a table of validated resources, and what was found on the way.
 *
 * Include <headerroute/headerroute.h>, which includes this file.
 */
#ifndef HEADERROUTE_LOAD_H
#define HEADERROUTE_LOAD_H

#include <headerroute/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- diagnostics -------------------------------------------------------------------------- */

typedef enum hr_severity { HR_WARNING = 1, HR_SEVERITY_ERROR = 2 } hr_severity;

/* Returns "warning" or "error", or NULL if the value is unknown. */
HR_API const char *hr_severity_name(hr_severity severity);

/* One finding. The library makes it; its strings live as long as the hr_diagnostics. Later versions
 * may add members at the end. */
typedef struct hr_diagnostic {
    hr_severity severity;
    hr_str file;      /* The path, or the `name` of a text, as the caller gave it. */
    int line, column; /* From 1; 0 if the finding has no place. */
    hr_str field;     /* For example "spec.http[0].match[1].uri"; may be empty. */
    hr_str message;   /* What is wrong, and what would be right. */
    int left_out;     /* 1 if it is about what the load does not take into account: a file that is
                       * not a Kubernetes resource, or kinds that are not evaluated. */
    hr_str code;      /* Names a warning of the linter, for example "never-matches"; else empty. The
                       * names are stable: share/doc/headerroute/linter.md lists them. */
} hr_diagnostic;

/* The findings of a load, in the order of its sources and their lines. Immutable: any number of
 * threads may read it. */
typedef struct hr_diagnostics hr_diagnostics;

/* Returns the number of findings, 0 for NULL. */
HR_API size_t hr_diagnostics_count(const hr_diagnostics *diagnostics);

/* Returns the finding at `index`, or NULL beyond the last one. */
HR_API const hr_diagnostic *hr_diagnostics_get(const hr_diagnostics *diagnostics, size_t index);

/* Returns the number of findings with HR_SEVERITY_ERROR, 0 for NULL. */
HR_API size_t hr_diagnostics_errors(const hr_diagnostics *diagnostics);

/* Frees the findings and their strings. Does nothing for NULL. */
HR_API void hr_diagnostics_free(hr_diagnostics *diagnostics);

/* Writes "file:line:column: error: field: message" into `buf`, zero-terminated and cut to `size`
 * bytes; " [code]" follows if the finding has a code. A finding without a place begins with "file:
 * ". Returns the length of the whole text without the final zero, as snprintf() does. */
HR_API size_t hr_diagnostic_format(char *buf, size_t size, const hr_diagnostic *diagnostic);

/* ---- sources ------------------------------------------------------------------------------ */

/* Where YAML comes from: either `path` or `text`. Its layout is fixed. */
typedef struct hr_source {
    const char *path; /* A file, or a folder: its *.yaml, *.yml and *.json files in order of name,
                       * without hidden ones and kustomization.yaml. Subfolders are read only with
                       * the option `recursive`. */
    const char *name; /* What messages call the text; NULL means "text". */
    hr_str text;      /* Used if `path` is NULL. */
} hr_source;

/* A resource of a load, by what Kubernetes identifies it by. The strings are valid until the
 * hr_leave_out_fn returns. */
typedef struct hr_resource_name {
    size_t source;     /* Index of the hr_source that it comes from. */
    hr_str group;      /* Of its apiVersion; empty for the core group. */
    hr_str kind;       /* For example "VirtualService". */
    hr_str namespace_; /* The default namespace if it states none. Empty for a kind that is in no
                        * namespace, such as Node. */
    hr_str name;
} hr_resource_name;

/* Returns 1 to leave the resource out of the load, 0 to read it. It is called by the thread that
 * loads. */
typedef int (*hr_leave_out_fn)(void *ctx, const hr_resource_name *name);

/* How to load. Start from HR_LOAD_OPTIONS_INIT; 0 and NULL choose the defaults. */
typedef struct hr_load_options {
    unsigned version;              /* HR_LOAD_OPTIONS_VERSION */
    const char *domain;            /* DNS domain of the cluster (default: "cluster.local") */
    const char *root_namespace;    /* Istio's rootNamespace (default: "istio-system") */
    const char *default_namespace; /* For resources without one (default: "default") */
    size_t max_bytes;              /* Size of one file or text (default: 64 MiB) */
    size_t max_depth;              /* Nesting of YAML (default: 64) */
    size_t max_nodes; /* YAML nodes of one load, aliases followed (default: 16 million) */
    int lint;         /* 1 adds the linter's warnings to the diagnostics. */

    /* 1 if the caller sends requests as the decisions say. Fields that decisions do not carry are
     * then errors instead of warnings: proxyProtocol, for example. Whether resources that are not
     * evaluated select the caller depends on its view: hr_view_unserved(). Since version 2. */
    int serves;

    /* 1 reads the subfolders of folders, too. 0: a folder that has YAML only in subfolders is an
     * error. Since version 3, as those below. */
    int recursive;

    /* 1 passes over documents that are not Kubernetes resources, files that are not YAML and do
     * not mention `apiVersion`, and Helm templates, with a warning. 0: each is an error. */
    int lenient;

    /* The severity of the finding that the sources contain no Kubernetes resource at all. 0: that
     * is not reported. */
    int no_resources;

    /* 1 replaces VirtualServices by what the controllers of Argo Rollouts and Flagger write while
     * the step `rollout_step` of a Rollout (setWeight, setHeaderRoute, setMirrorRoute) or of a
     * Canary (analysis and promotion) is under way. A Canary's Services and DestinationRules are
     * added. A warning lists the rules of each. Since version 4, as `rollout_step`. */
    int expand_rollouts;
    int rollout_step; /* From 1; beyond the last step the rollout is complete. 0: the step that the
                       * status names if there is one, else the last (of a Canary's analysis). */

    /* Chooses resources to leave out: it is called with each resource that has a name, in the order
     * in which they are read, items of lists included. What is left out is not validated, and can
     * be given again in a later source, where it takes the place of the first in the order of the
     * load. The YAML around it is read, so that aliases to anchors in it are followed. Since
     * version 5, as `leave_out_ctx`. */
    hr_leave_out_fn leave_out;
    void *leave_out_ctx; /* Passed to it. */
} hr_load_options;
#define HR_LOAD_OPTIONS_VERSION 5 /* Older versions are accepted, too. */
#define HR_LOAD_OPTIONS_INIT                                                                       \
    { HR_LOAD_OPTIONS_VERSION, NULL, NULL, NULL, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, NULL, NULL }

/* Receives one text with its name: the path of the file, or the name of the hr_source. Both are
 * valid until it returns. It returns HR_OK to go on, or an error other than HR_EIO, which ends the
 * reading. */
typedef int (*hr_text_fn)(void *ctx, hr_str name, hr_str text);

/* Reads the sources in order and calls `fn` with each text, as hr_table_load() does before it
 * parses.
 *
 * `*diagnostics` may be NULL; it receives the findings, which the caller frees, also on success.
 * Of `options`, which may be NULL, max_bytes and recursive are used. A source that cannot be read
 * is reported and the next one is read.
 *
 * Returns HR_OK, HR_EIO if a source could not be read or is too large, HR_EINVAL, HR_ENOMEM, or
 * the error that `fn` returned. */
HR_API int hr_sources_read(hr_diagnostics **diagnostics, const hr_source *sources, size_t n,
                           const hr_load_options *options, hr_text_fn fn, void *ctx);

/* ---- documents ---------------------------------------------------------------------------- */

/* One YAML document as the library reads it: scalars are resolved as Kubernetes' tools resolve
 * them (sigs.k8s.io/yaml), aliases and merge keys are followed. Valid until the hr_document_fn
 * returns. */
typedef struct hr_document hr_document;

/* Receives one document; an empty one is passed over. It returns HR_OK to go on, or an error other
 * than HR_EIO, which ends the reading. */
typedef int (*hr_document_fn)(void *ctx, const hr_document *document);

/* Reads the sources as hr_sources_read() does and calls `fn` with each YAML document. Nothing is
 * validated, so that the documents need not be resources. Of `options`, which may be NULL,
 * max_bytes, max_depth, max_nodes, recursive and lenient are used.
 *
 * Returns what hr_sources_read() returns, and HR_ECONFIG if a text is not valid YAML; the
 * diagnostics then have the place, and the documents before it were passed to `fn`. */
HR_API int hr_documents_read(hr_diagnostics **diagnostics, const hr_source *sources, size_t n,
                             const hr_load_options *options, hr_document_fn fn, void *ctx);

/* Returns the path or name of the text that a document comes from. */
HR_API hr_str hr_document_file(const hr_document *document);

/* Where a part of a document is. Start from HR_PLACE_INIT. */
typedef struct hr_place {
    unsigned version; /* HR_PLACE_VERSION */
    int line, column; /* Where it begins, from 1: at its key if it is a member of a map. */
    int last_line; /* Where the last value in it begins. A value of several lines (a block scalar,
                    * a text that is wrapped) and closing brackets go on below it. */
} hr_place;
#define HR_PLACE_VERSION 1
#define HR_PLACE_INIT                                                                              \
    { HR_PLACE_VERSION, 0, 0, 0 }

/* Finds a part of a document by its path, written as in hr_diagnostic: "spec.http[0].match[1].uri".
 * An absent or empty path is the whole document. A key with '.' or '[' in it cannot be reached.
 *
 * Returns HR_OK, HR_ENOENT if the document has no such part, or HR_EINVAL. */
HR_API int hr_document_place(hr_place *out, const hr_document *document, hr_str path);

/* Writes a part of a document as one line of JSON, zero-terminated, into the scratch, which it
 * resets. `path` is that of hr_document_place(). A number that JSON cannot express (.inf, .nan)
 * becomes null.
 *
 * Returns HR_OK, HR_ENOENT if the document has no such part, HR_EINVAL or HR_ENOMEM. */
HR_API int hr_document_json(hr_str *out, const hr_document *document, hr_str path,
                            hr_scratch *scratch);

/* ---- tables ------------------------------------------------------------------------------- */

/* The resources of one load, validated and with their names resolved. Immutable: any number of
 * threads may use it. */
typedef struct hr_table hr_table;

/* Reads the sources, validates their resources as Istio's admission does, and compiles them.
 *
 * `*out` receives a table with one reference, which hr_table_unref() drops; it is NULL on failure.
 * All errors are reported, not only the first. `diagnostics` may be NULL; otherwise `*diagnostics`
 * receives the findings, which the caller frees with hr_diagnostics_free(), also on success.
 * `options` may be NULL.
 *
 * Returns HR_OK, HR_ECONFIG if a resource has an error, HR_EIO if a source cannot be read,
 * HR_EINVAL or HR_ENOMEM. */
HR_API int hr_table_load(hr_table **out, hr_diagnostics **diagnostics, const hr_source *sources,
                         size_t n, const hr_load_options *options);

/* Does the same for files and folders. */
HR_API int hr_table_load_paths(hr_table **out, hr_diagnostics **diagnostics,
                               const char *const *paths, size_t n, const hr_load_options *options);

/* Adds a reference and returns the table. The count is atomic. Returns NULL for NULL. */
HR_API hr_table *hr_table_ref(hr_table *table);

/* Drops a reference; the last one frees the table. Does nothing for NULL. */
HR_API void hr_table_unref(hr_table *table);

/* ---- what a table holds ------------------------------------------------------------------- */

/* Counts. Start from HR_STATS_INIT. */
typedef struct hr_stats {
    unsigned version; /* HR_STATS_VERSION */
    size_t virtual_services, destination_rules, gateways, services, service_entries, workloads;
    size_t
        routes; /* Entries of spec.http, those of delegates merged in; rules of the Gateway API. */
    size_t clusters;           /* Ports of services; subsets are not counted. */
    size_t bytes;              /* Memory that the table holds. */
    size_t gateway_api_routes; /* HTTPRoutes and GRPCRoutes; `gateways` counts both kinds of
                                  Gateway. */
} hr_stats;
#define HR_STATS_VERSION 1
#define HR_STATS_INIT                                                                              \
    { HR_STATS_VERSION, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }

/* Counts what the table holds. Returns HR_OK or HR_EINVAL. */
HR_API int hr_table_stats(hr_stats *out, const hr_table *table);

/* A Gateway. Start from HR_GATEWAY_INFO_INIT; strings and arrays live as long as the table. */
typedef struct hr_gateway_info {
    unsigned version;      /* HR_GATEWAY_INFO_VERSION */
    hr_str name;           /* "namespace/name" */
    const uint16_t *ports; /* The port numbers of its servers, in order. */
    size_t n_ports;
} hr_gateway_info;
#define HR_GATEWAY_INFO_VERSION 1
#define HR_GATEWAY_INFO_INIT                                                                       \
    { HR_GATEWAY_INFO_VERSION, {NULL, 0}, NULL, 0 }

/* Returns the number of Gateways, 0 for NULL. */
HR_API size_t hr_table_gateway_count(const hr_table *table);

/* Describes the Gateway at `index`; the oldest comes first. Returns HR_OK, HR_ENOENT beyond the
 * last one, or HR_EINVAL. */
HR_API int hr_table_gateway(hr_gateway_info *out, const hr_table *table, size_t index);

/* A VirtualService with hosts; delegates have none. Start from HR_VIRTUAL_SERVICE_INFO_INIT;
 * strings and arrays live as long as the table. */
typedef struct hr_virtual_service_info {
    unsigned version;    /* HR_VIRTUAL_SERVICE_INFO_VERSION */
    hr_str name;         /* "namespace/name" */
    const hr_str *hosts; /* Fully qualified. */
    size_t n_hosts;
    const hr_str *gateways; /* "mesh" and "namespace/name"; a Gateway need not be in the table. */
    size_t n_gateways;
    const int32_t *routes; /* For each compiled route the index of its entry in spec.http. A rule
                            * with a delegate has one for each route of the delegate, none if the
                            * delegate is missing or its matches conflict. */
    size_t n_routes;
} hr_virtual_service_info;
#define HR_VIRTUAL_SERVICE_INFO_VERSION 1
#define HR_VIRTUAL_SERVICE_INFO_INIT                                                               \
    { HR_VIRTUAL_SERVICE_INFO_VERSION, {NULL, 0}, NULL, 0, NULL, 0, NULL, 0 }

/* Returns the number of VirtualServices with hosts, 0 for NULL. */
HR_API size_t hr_table_virtual_service_count(const hr_table *table);

/* Describes the VirtualService at `index`; the oldest comes first. Returns HR_OK, HR_ENOENT beyond
 * the last one, or HR_EINVAL. */
HR_API int hr_table_virtual_service(hr_virtual_service_info *out, const hr_table *table,
                                    size_t index);

/* A Kubernetes Service, or one host of a ServiceEntry. Start from HR_SERVICE_INFO_INIT; strings and
 * arrays live as long as the table. */
typedef struct hr_service_info {
    unsigned version;      /* HR_SERVICE_INFO_VERSION */
    hr_str host;           /* Fully qualified. */
    const uint16_t *ports; /* Port numbers, in order. */
    size_t n_ports;
} hr_service_info;
#define HR_SERVICE_INFO_VERSION 1
#define HR_SERVICE_INFO_INIT                                                                       \
    { HR_SERVICE_INFO_VERSION, {NULL, 0}, NULL, 0 }

/* Returns the number of services, 0 for NULL. */
HR_API size_t hr_table_service_count(const hr_table *table);

/* Describes the service at `index`; the oldest comes first. Returns HR_OK, HR_ENOENT beyond the
 * last one, or HR_EINVAL. */
HR_API int hr_table_service(hr_service_info *out, const hr_table *table, size_t index);

#ifdef __cplusplus
}
#endif
#endif
