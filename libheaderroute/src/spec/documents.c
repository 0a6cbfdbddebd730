/* Documents of YAML into resources: which kind each document is of, and which resources are given
 * twice. */
#include "documents.h"

#include <stdlib.h>
#include <string.h>

#include "canary.h"
#include "crd_check.h"
#include "destination_rule.h"
#include "field_hints.h"
#include "gateway.h"
#include "kinds.h"
#include "load_limits.h"
#include "read_sources.h"
#include "reader.h"
#include "removed.h"
#include "rollout.h"
#include "rollout_expand.h"
#include "secret.h"
#include "service_entry.h"
#include "sidecar.h"
#include "template_text.h"
#include "text.h"
#include "unread.h"
#include "virtual_service.h"
#include "workload_entry.h"
#include "yaml_parse.h"

typedef struct load {
    hr_reader reader;
    hr_yaml_budget budget;
    hr_str default_namespace;
    hr_map names; /* "kind/namespace/name" to the hr_pos of the first */
    hr_crd_patterns *patterns, *gateway_api_patterns;
    size_t order;
    hr_leave_out_fn leave_out; /* may be NULL */
    void *leave_out_ctx;
    size_t source;   /* index of the source that is read */
    hr_map left_out; /* "group/kind/namespace/name" to its place in the order, a size_t */
    int lists;       /* depth of lists in lists */
    bool lenient, lint;
    bool passed_over;   /* a document of this file is not a resource, which was reported */
    size_t n_resources; /* of any kind */
} load;

/* ---- kinds ---- */

/* Those that are read. unread.c has those that are not, and may yet concern a decision. */
static const struct known_kind {
    const char *group, *kind;
    void (*read)(hr_reader *r, const hr_node *resource, const hr_meta *meta);
} kinds[] = {
    {"networking.istio.io", "VirtualService", hr_read_virtual_service},
    {"networking.istio.io", "DestinationRule", hr_read_destination_rule},
    {"networking.istio.io", "Gateway", hr_read_gateway},
    {"networking.istio.io", "ServiceEntry", hr_read_service_entry},
    {"networking.istio.io", "WorkloadEntry", hr_read_workload_entry},
    {"networking.istio.io", "Sidecar", hr_read_sidecar},
    {HR_GWAPI_GROUP, "GatewayClass", hr_read_gateway_class},
    {HR_GWAPI_GROUP, "Gateway", hr_read_gwapi_gateway},
    {HR_GWAPI_GROUP, "ListenerSet", hr_read_listener_set},
    {HR_GWAPI_GROUP, "BackendTLSPolicy", hr_read_backend_tls_policy},
    {HR_GWAPI_GROUP, "HTTPRoute", hr_read_gwapi_http_route},
    {HR_GWAPI_GROUP, "GRPCRoute", hr_read_gwapi_grpc_route},
    {HR_GWAPI_GROUP, "ReferenceGrant", hr_read_reference_grant},
    {"", "Service", hr_read_service},
    {"", "Pod", hr_read_pod},
    {"", "Node", hr_read_node},
    {"", "Secret", hr_read_secret},
    {"", "Endpoints", hr_read_endpoints},
    {"apps", "Deployment", hr_read_template},
    {"apps", "StatefulSet", hr_read_template},
    {"apps", "DaemonSet", hr_read_template},
    {"apps", "ReplicaSet", hr_read_template},
    {"apps.openshift.io", "DeploymentConfig", hr_read_template},
    {"batch", "Job", hr_read_template},
    {"batch", "CronJob", hr_read_template},
    {"argoproj.io", "Rollout", hr_read_rollout},
    {"discovery.k8s.io", "EndpointSlice", hr_read_endpoint_slice},
};

/* It is read only if the load expands rollouts. */
static const struct known_kind canary_kind = {"flagger.app", "Canary", hr_read_canary};

/* Kinds of Istio that have no effect on where a request goes. */
static bool is_beside_routing(hr_str group, hr_str kind) {
    return (hr_str_eq_c(group, "security.istio.io") && hr_str_eq_c(kind, "PeerAuthentication")) ||
           (hr_str_eq_c(group, "telemetry.istio.io") && hr_str_eq_c(kind, "Telemetry"));
}

static const struct known_kind *find_kind(hr_str group, hr_str kind) {
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (hr_str_eq_c(group, kinds[i].group) && hr_str_eq_c(kind, kinds[i].kind))
            return &kinds[i];
    return NULL;
}

/* ---- resources given twice ---- */

/* Kinds whose resources are in no namespace. */
static bool is_cluster_wide(hr_str kind) {
    static const char *const kinds_of_clusters[] = {"Namespace",
                                                    "Node",
                                                    "CustomResourceDefinition",
                                                    "ClusterRole",
                                                    "ClusterRoleBinding",
                                                    "PersistentVolume",
                                                    "StorageClass",
                                                    "IngressClass",
                                                    "GatewayClass",
                                                    "PriorityClass",
                                                    "APIService",
                                                    "MutatingWebhookConfiguration",
                                                    "ValidatingWebhookConfiguration"};
    for (size_t i = 0; i < sizeof(kinds_of_clusters) / sizeof(kinds_of_clusters[0]); i++)
        if (hr_str_eq_c(kind, kinds_of_clusters[i]))
            return true;
    return false;
}

/* "namespace/name", or the name alone. */
static hr_str full_name(hr_reader *r, hr_str kind, const hr_meta *meta) {
    if (is_cluster_wide(kind))
        return meta->name;
    return hr_arena_printf(r->arena, "%.*s/%.*s", (int)meta->namespace_.len, meta->namespace_.p,
                           (int)meta->name.len, meta->name.p);
}

/* "group/kind/" and the full name. */
static hr_str key_of_name(hr_reader *r, hr_str group, hr_str kind, hr_str name) {
    return hr_arena_printf(r->arena, "%.*s/%.*s/%.*s", (int)group.len, group.p, (int)kind.len,
                           kind.p, (int)name.len, name.p);
}

/* Where the same kind, namespace and name was given before, or NULL. */
static const hr_pos *first_place(load *l, const hr_node *resource, hr_str group, hr_str kind,
                                 hr_str name) {
    hr_reader *r = &l->reader;
    hr_str key = key_of_name(r, group, kind, name);
    hr_pos *pos = hr_map_get(&l->names, key);
    if (pos != NULL)
        return pos;
    pos = HR_NEW(r->arena, hr_pos);
    *pos = hr_reader_pos(r, resource);
    hr_map_add(r->arena, &l->names, key, pos);
    return NULL;
}

/* The folder of a file, if it contains a kustomization; else absent. A text has a name that is no
 * path, such as "<stdin>". */
static hr_str kustomized_folder(hr_str file) {
    hr_str folder = hr_folder_of(file);
    bool path = file.len > 0 && file.p[0] != '<' && file.p[0] != '(';
    return path && hr_folder_is_kustomized(folder) ? folder : (hr_str){0};
}

/* Returns false if the same kind, namespace and name is given earlier. */
static bool check_unique(load *l, const hr_node *resource, hr_str group, hr_str kind,
                         const hr_meta *meta) {
    hr_reader *r = &l->reader;
    hr_str name = full_name(r, kind, meta);
    const hr_pos *pos = first_place(l, resource, group, kind, name);
    if (pos == NULL)
        return true;
    hr_str folder = kustomized_folder(r->file);
    if (folder.p == NULL)
        folder = kustomized_folder(pos->file);
    r->out->n_repeated++;
    if (folder.p == NULL)
        hr_reader_error(r, resource, "%.*s %.*s is given twice: first at %.*s:%d:%d", (int)kind.len,
                        kind.p, (int)name.len, name.p, (int)pos->file.len, pos->file.p, pos->line,
                        pos->column);
    else
        hr_reader_error(r, resource,
                        "%.*s %.*s is given twice: first at %.*s:%d:%d; the files belong to a "
                        "kustomization: load what it builds, kubectl kustomize %.*s | headerroute "
                        "validate -",
                        (int)kind.len, kind.p, (int)name.len, name.p, (int)pos->file.len,
                        pos->file.p, pos->line, pos->column, (int)folder.len, folder.p);
    return false;
}

/* The name and namespace of any resource; false if it has no name. */
static bool read_name(hr_meta *out, const load *l, const hr_node *resource) {
    const hr_node *metadata = hr_node_get(resource, HR_STR("metadata"));
    const hr_node *name = hr_node_get(metadata, HR_STR("name"));
    const hr_node *namespace_ = hr_node_get(metadata, HR_STR("namespace"));
    *out = (hr_meta){.namespace_ = l->default_namespace};
    if (name == NULL || name->kind != HR_NODE_STRING || name->u.text.len == 0)
        return false;
    out->name = name->u.text;
    if (namespace_ != NULL && namespace_->kind == HR_NODE_STRING && namespace_->u.text.len > 0)
        out->namespace_ = namespace_->u.text;
    return true;
}

/* A resource that is not read may be given twice: many files bring their own Namespace, and kubectl
 * uses the last one. */
static void check_unread(load *l, const hr_node *resource, hr_str group, hr_str kind) {
    hr_reader *r = &l->reader;
    hr_meta meta;
    if (!read_name(&meta, l, resource))
        return;
    hr_str full = full_name(r, kind, &meta);
    const hr_pos *pos = first_place(l, resource, group, kind, full);
    if (pos != NULL)
        hr_reader_warn(r, resource,
                       "%.*s %.*s is given twice: first at %.*s:%d:%d; kubectl apply uses the last "
                       "one",
                       (int)kind.len, kind.p, (int)full.len, full.p, (int)pos->file.len,
                       pos->file.p, pos->line, pos->column);
}

/* ---- resources left out ---- */

/* Whether the caller leaves it out. Its place in the order is kept for the one that replaces it. */
static bool is_left_out(load *l, const hr_node *resource, hr_str group, hr_str kind) {
    hr_reader *r = &l->reader;
    hr_meta meta;
    if (l->leave_out == NULL || !read_name(&meta, l, resource))
        return false;
    hr_resource_name name = {.source = l->source,
                             .group = group,
                             .kind = kind,
                             .namespace_ = is_cluster_wide(kind) ? HR_STR("") : meta.namespace_,
                             .name = meta.name};
    if (!l->leave_out(l->leave_out_ctx, &name))
        return false;
    size_t *order = HR_NEW(r->arena, size_t);
    *order = l->order++;
    hr_map_add(r->arena, &l->left_out, key_of_name(r, group, kind, full_name(r, kind, &meta)),
               order);
    return true;
}

/* The place in the order of a resource that is read. */
static size_t next_order(load *l, hr_str group, hr_str kind, const hr_meta *meta) {
    hr_reader *r = &l->reader;
    const size_t *order = NULL;
    if (l->leave_out != NULL)
        order = hr_map_get(&l->left_out, key_of_name(r, group, kind, full_name(r, kind, meta)));
    return order != NULL ? *order : l->order++;
}

/* ---- documents that are not resources ---- */

static bool is_string_node(const hr_node *node) {
    return node != NULL && node->kind == HR_NODE_STRING;
}

static bool is_known_kind(hr_str kind) {
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (hr_str_eq_c(kind, kinds[i].kind))
            return true;
    return false;
}

static bool is_known_group(hr_str version) {
    hr_str group = hr_str_of(version.p, hr_str_find(version, '/', 0));
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (kinds[i].group[0] != '\0' && hr_str_eq_c(group, kinds[i].group))
            return true;
    return hr_unread_group(group);
}

/* Whether the author of a document meant a Kubernetes resource: then what is missing is an error.
 * Chart.yaml of Helm has an apiVersion and neither kind nor metadata. */
static bool is_meant_as_resource(const hr_node *document) {
    const hr_node *kind = hr_node_get(document, HR_STR("kind"));
    const hr_node *version = hr_node_get(document, HR_STR("apiVersion"));
    const hr_node *metadata = hr_node_get(document, HR_STR("metadata"));
    if (is_string_node(kind) && is_string_node(version))
        return true;
    if (!is_string_node(kind) && !is_string_node(version))
        return false;
    return (metadata != NULL && metadata->kind == HR_NODE_MAP) ||
           (is_string_node(kind) && is_known_kind(kind->u.text)) ||
           (is_string_node(version) && is_known_group(version->u.text));
}

static const char *why_passed_over(const load *l, const hr_node *document) {
    if (hr_is_kustomization(l->reader.file))
        return "a kustomization is not read: load what `kubectl kustomize DIR` prints";
    if (hr_node_get(document, HR_STR("testCases")) != NULL)
        return "test cases are not read here: give the file to `headerroute test`";
    return "not a Kubernetes resource, not read: it has no apiVersion and kind";
}

/* Reports the first such document of a file. */
static void pass_over(load *l, const hr_node *document) {
    if (!l->passed_over)
        hr_diag_left_out(l->reader.d, hr_reader_pos(&l->reader, document), "%s",
                         why_passed_over(l, document));
    l->passed_over = true;
}

/* The first action of a Helm template in the strings of a part of a resource. A response body may
 * contain any text. */
static hr_str helm_action_in(const hr_node *node) {
    hr_str found = {0};
    if (node == NULL)
        return found;
    if (node->kind == HR_NODE_STRING) {
        found = hr_template_find(node->u.text);
        return found.p != NULL && hr_template_is_helm(found) ? found : (hr_str){0};
    }
    if (node->kind == HR_NODE_LIST)
        for (const hr_node *c = node->u.children.first; c != NULL && found.p == NULL; c = c->next)
            found = helm_action_in(c);
    if (node->kind == HR_NODE_MAP)
        for (const hr_node *k = node->u.children.first; k != NULL && found.p == NULL; k = k->next)
            if (!hr_str_eq_c(k->u.text, "directResponse"))
                found = helm_action_in(k->value);
    return found;
}

static bool is_template(load *l, const hr_node *resource) {
    const hr_node *metadata = hr_node_get(resource, HR_STR("metadata"));
    hr_str found = helm_action_in(hr_node_get(metadata, HR_STR("name")));
    if (found.p == NULL)
        found = helm_action_in(hr_node_get(metadata, HR_STR("namespace")));
    if (found.p == NULL)
        found = helm_action_in(hr_node_get(resource, HR_STR("spec")));
    if (found.p == NULL)
        return false;
    hr_diag_left_out(l->reader.d, hr_reader_pos(&l->reader, resource),
                     "%.*s makes this a Helm template: render it with `helm template` first; it is "
                     "not read",
                     (int)found.len, found.p);
    return true;
}

/* ---- documents ---- */

/* The type of the items of a list that do not state it: the API server leaves it out. */
typedef struct type {
    hr_str kind, version; /* absent outside of a list */
} type;

static void read_resource(load *l, const hr_node *resource, type otherwise);

static void read_list_kind(load *l, const hr_node *list, type of_list) {
    const hr_node *items = hr_node_get(list, HR_STR("items"));
    if (items == NULL || items->kind == HR_NODE_NULL)
        return;
    hr_path step = {.up = NULL, .name = HR_STR("items")};
    type of_items = {hr_str_from_to(of_list.kind, 0, of_list.kind.len - strlen("List")),
                     of_list.version};
    if (of_items.kind.len == 0) /* kind: List, of anything */
        of_items = (type){0};
    l->reader.path = &step;
    if (hr_reader_expect(&l->reader, items, HR_NODE_LIST) && l->lists < 4) {
        l->lists++;
        for (const hr_node *item = items->u.children.first; item != NULL; item = item->next)
            read_resource(l, item, of_items);
        l->lists--;
    }
    l->reader.path = NULL;
}

static hr_str string_of(load *l, const hr_node *resource, const char *name, const char *example,
                        hr_str otherwise) {
    const hr_node *node = hr_node_get(resource, hr_str_from(name));
    hr_path step = {.up = NULL, .name = hr_str_from(name)};
    hr_str text = {0};
    l->reader.path = &step;
    if ((node == NULL || node->kind == HR_NODE_NULL) && otherwise.p != NULL)
        text = otherwise;
    else if (node == NULL || node->kind == HR_NODE_NULL)
        hr_reader_error(&l->reader, resource, "is required, for example %s: %s", name, example);
    else if (hr_reader_expect(&l->reader, node, HR_NODE_STRING))
        text = node->u.text;
    l->reader.path = NULL;
    return text;
}

/* The top level of an Istio resource is strict, too. */
static const hr_field top_fields[] = {
    {"apiVersion", hr_read_nothing, 0, 0, NULL, 0}, {"kind", hr_read_nothing, 0, 0, NULL, 0},
    {"metadata", hr_read_nothing, 0, 0, NULL, 0},   {"spec", hr_read_nothing, 0, 0, NULL, 0},
    {"status", hr_read_nothing, 0, 0, NULL, 0},
};

/* Warns of what only the CustomResourceDefinitions of the experimental channel have. */
static void check_standard_channel(load *l, const hr_node *resource, hr_str group, hr_str kind) {
    hr_reader *r = &l->reader;
    hr_diagnostics *all = r->d, *found = hr_diagnostics_new();
    size_t index = hr_crd_find(&hr_crd_gateway_api, group, kind, 1);
    if (found == NULL) {
        hr_arena_fail(r->arena);
        return;
    }
    r->d = found;
    hr_crd_check(r, l->gateway_api_patterns, index, resource, 0);
    r->d = all;
    for (size_t i = 0; i < hr_diagnostics_count(found); i++) {
        const hr_diagnostic *f = hr_diagnostics_get(found, i);
        hr_pos pos = {.file = r->file, .line = f->line, .column = f->column};
        hr_str field = hr_arena_printf(r->document, "%.*s", (int)f->field.len, f->field.p);
        if (f->severity == HR_SEVERITY_ERROR && field.p != NULL)
            hr_diag_note(all, pos, "gateway-api-experimental", field.p,
                         "only the experimental channel of the Gateway API's definitions accepts "
                         "this; the standard channel: %.*s",
                         (int)f->message.len, f->message.p);
    }
    if (hr_diagnostics_oom(found))
        hr_arena_fail(r->arena);
    hr_diagnostics_free(found);
}

/* Reports what the API server refuses by the schema of the kind and no check has reported yet. */
static void check_schema(load *l, const hr_node *resource, hr_str group, hr_str kind, size_t mark) {
    bool gateway_api = hr_str_eq_c(group, HR_GWAPI_GROUP);
    const hr_crd_table *table = gateway_api ? &hr_crd_gateway_api : &hr_crd_istio;
    hr_crd_patterns *patterns = gateway_api ? l->gateway_api_patterns : l->patterns;
    size_t index = hr_crd_find(table, group, kind, 0);
    if (index == table->n_kinds || hr_arena_failed(l->reader.arena))
        return;
    size_t faults = hr_crd_check(&l->reader, patterns, index, resource, mark);
    if (l->lint && gateway_api && faults == 0 && !hr_arena_failed(l->reader.arena))
        check_standard_channel(l, resource, group, kind);
}

/* Resources of these groups are strict, down to their metadata. */
static const struct strict_group {
    const char *group, *versions[3], *use;
} strict_groups[] = {
    {"networking.istio.io",
     {"v1", "v1beta1", "v1alpha3"},
     "networking.istio.io/v1, v1beta1 or v1alpha3"},
    {HR_GWAPI_GROUP, {"v1", "v1beta1", "v1"}, HR_GWAPI_GROUP "/v1 or v1beta1"},
};

static const struct strict_group *strict_group_of(const struct known_kind *kind) {
    for (size_t i = 0; i < sizeof(strict_groups) / sizeof(strict_groups[0]); i++)
        if (strcmp(kind->group, strict_groups[i].group) == 0)
            return &strict_groups[i];
    return NULL;
}

/* Reports a version that the group does not have. Some kinds have only v1. */
static bool has_version(load *l, const hr_node *resource, const struct strict_group *group,
                        const char *kind, hr_str version) {
    bool one = strcmp(kind, "GRPCRoute") == 0 || strcmp(kind, "ListenerSet") == 0 ||
               strcmp(kind, "BackendTLSPolicy") == 0;
    for (size_t i = 0; i < (one ? 1 : 3); i++)
        if (hr_str_eq_c(version, group->versions[i]))
            return true;
    hr_path step = {.up = NULL, .name = HR_STR("apiVersion")};
    l->reader.path = &step;
    hr_reader_error(&l->reader, hr_node_get(resource, step.name),
                    "%s has no version \"%.*s\"; use %s", kind, (int)version.len, version.p,
                    one ? HR_GWAPI_GROUP "/v1" : group->use);
    l->reader.path = NULL;
    return false;
}

static void read_known(load *l, const hr_node *resource, const struct known_kind *kind,
                       hr_str version) {
    hr_reader *r = &l->reader;
    const struct strict_group *group = strict_group_of(kind);
    bool strict = group != NULL;
    size_t mark = hr_diagnostics_count(r->d);
    if (strict && !has_version(l, resource, group, kind->kind, version))
        return;
    if (strict) {
        hr_schema top = {kind->kind, HR_FIELDS(top_fields), 0, -1, -1, 0, NULL, NULL};
        hr_read_fields(r, resource, NULL, &top);
    }
    hr_meta meta;
    hr_meta_fields fields = strict                         ? HR_META_STRICT
                            : kind->read == hr_read_secret ? HR_META_NAMES
                                                           : HR_META_KNOWN;
    if (!hr_read_meta(r, resource, l->default_namespace, fields, &meta))
        return;
    meta.order = next_order(l, hr_str_from(kind->group), hr_str_from(kind->kind), &meta);
    meta.kind = kind->kind;
    bool named = hr_node_get(hr_node_get(resource, HR_STR("metadata")), HR_STR("name")) != NULL;
    if (named &&
        !check_unique(l, resource, hr_str_from(kind->group), hr_str_from(kind->kind), &meta))
        return;
    kind->read(r, resource, &meta);
    check_schema(l, resource, hr_str_from(kind->group), hr_str_from(kind->kind), mark);
}

/* A kind that Istio does not have, or no longer has. */
static void refuse_kind(load *l, const hr_node *place, hr_str group, hr_str kind) {
    const char *instead = hr_removed_kind(group, kind);
    if (instead == NULL)
        hr_reader_error(&l->reader, place, "%.*s has no kind \"%.*s\"", (int)group.len, group.p,
                        (int)kind.len, kind.p);
    else
        hr_reader_error(&l->reader, place, "%.*s of %.*s is not supported: %s", (int)kind.len,
                        kind.p, (int)group.len, group.p, instead);
}

/* What is not evaluated of a resource, or the whole of it if its kind is not `known`. */
static void read_other(load *l, const hr_node *resource, hr_str group, hr_str kind, bool known) {
    hr_reader *r = &l->reader;
    const hr_unread_kind *unread = hr_unread_kind_of(group, kind);
    hr_path step = {.up = NULL, .name = HR_STR("kind")};
    const hr_node *place = hr_node_get(resource, step.name);
    if (hr_str_eq_c(group, "") && (hr_str_eq_c(kind, "Service") || hr_str_eq_c(kind, "Namespace")))
        hr_read_waypoint(r, resource, kind, l->default_namespace);
    if (hr_str_eq_c(group, "") && hr_str_eq_c(kind, "Namespace"))
        hr_read_namespace(r, resource);
    r->path = &step;
    if (r->expands_rollouts &&
        ((hr_str_eq_c(group, "argoproj.io") && hr_str_eq_c(kind, "Rollout")) ||
         (hr_str_eq_c(group, canary_kind.group) && hr_str_eq_c(kind, canary_kind.kind))))
        unread = NULL;
    if (unread != NULL)
        hr_read_unread(r, resource, unread, kind, l->default_namespace);
    else if (!known && hr_str_ends(group, HR_STR(".istio.io")) && !is_beside_routing(group, kind))
        refuse_kind(l, place == NULL ? resource : place, group, kind);
    r->path = NULL;
}

static void read_resource(load *l, const hr_node *resource, type otherwise) {
    hr_reader *r = &l->reader;
    r->path = NULL;
    if (resource->kind == HR_NODE_NULL)
        return;
    if (l->lenient && l->lists == 0 && !is_meant_as_resource(resource)) {
        pass_over(l, resource);
        return;
    }
    if (resource->kind != HR_NODE_MAP) {
        hr_reader_error(r, resource, "expected a Kubernetes resource (a map), got %s",
                        hr_node_kind_name(resource->kind));
        return;
    }
    hr_str kind = string_of(l, resource, "kind", "VirtualService", otherwise.kind);
    hr_str version =
        string_of(l, resource, "apiVersion", "networking.istio.io/v1", otherwise.version);
    if (kind.p == NULL || version.p == NULL)
        return;
    hr_str api_version = version;
    const char *slash = memchr(version.p, '/', version.len);
    hr_str group = slash == NULL ? HR_STR("") : (hr_str){version.p, (size_t)(slash - version.p)};
    if (slash != NULL)
        version = (hr_str){slash + 1, version.len - group.len - 1};
    if (hr_node_get(resource, HR_STR("items")) != NULL && hr_str_ends(kind, HR_STR("List"))) {
        read_list_kind(l, resource, (type){kind, api_version});
        return;
    }
    const struct known_kind *known = find_kind(group, kind);
    if (r->expands_rollouts && hr_str_eq_c(group, canary_kind.group) &&
        hr_str_eq_c(kind, canary_kind.kind))
        known = &canary_kind;
    if (l->lenient && known != NULL && is_template(l, resource))
        return;
    if (is_left_out(l, resource, group, kind))
        return;
    l->n_resources++;
    if (known != NULL)
        read_known(l, resource, known, version);
    else
        check_unread(l, resource, group, kind);
    if (known == NULL && hr_str_eq_c(group, HR_GWAPI_GROUP) && hr_str_eq_c(version, "v1"))
        check_schema(l, resource, group, kind, hr_diagnostics_count(r->d));
    read_other(l, resource, group, kind, known != NULL);
}

/* ---- a load ---- */

static int read_text(void *ctx, hr_str name, hr_str text) {
    load *l = ctx;
    hr_reader *r = &l->reader;
    r->file = hr_reader_copy(r, name);
    l->passed_over = false;
    hr_yaml *yaml = hr_yaml_open(r->file, text, &l->budget, r->d);
    int rc = yaml == NULL ? HR_ENOMEM : HR_OK;
    for (int more = 1; more && rc == HR_OK;) {
        const hr_node *document = NULL;
        hr_arena *nodes = hr_arena_new();
        rc = nodes == NULL ? HR_ENOMEM : hr_yaml_next(&document, yaml, nodes);
        more = document != NULL;
        r->document = nodes;
        if (more)
            read_resource(l, document, (type){0});
        if (hr_arena_failed(r->arena) || (nodes != NULL && hr_arena_failed(nodes)) ||
            hr_diagnostics_oom(r->d))
            rc = HR_ENOMEM;
        hr_arena_free(nodes);
    }
    hr_yaml_close(yaml);
    return rc;
}

/* A file of a kustomization may be a part of a resource: says how to load the whole. */
static void hint_at_kustomizations(load *l) {
    hr_map hinted = {0};
    size_t n = hr_diagnostics_count(l->reader.d);
    for (size_t i = 0; i < n && !hr_arena_failed(l->reader.arena); i++) {
        const hr_diagnostic *f = hr_diagnostics_get(l->reader.d, i);
        hr_str folder = hr_folder_of(f->file);
        if (f->severity != HR_SEVERITY_ERROR || f->line == 0 ||
            !hr_map_add(l->reader.arena, &hinted, folder, l) ||
            kustomized_folder(f->file).p == NULL)
            continue;
        hr_pos pos = {.file = hr_reader_copy(&l->reader, folder)};
        hr_diag_warn(
            l->reader.d, pos, "",
            "the folder contains a kustomization, and its files may be parts of resources: "
            "kubectl kustomize %.*s | headerroute validate -",
            (int)folder.len, folder.p);
    }
}

static void report_no_resources(load *l, const hr_source *sources, size_t n,
                                const hr_load_options *options) {
    if (options->version < 3 || options->no_resources == 0)
        return;
    const hr_source *s = n == 0 ? NULL : &sources[0];
    const char *name = s == NULL ? "" : s->path != NULL ? s->path : s->name;
    hr_pos pos = {.file = hr_str_from(name == NULL ? "text" : name)};
    const char *sentence = n > 1 ? "no file contains a Kubernetes resource: nothing to evaluate"
                                 : "contains no Kubernetes resource: nothing to evaluate";
    if (options->no_resources >= HR_SEVERITY_ERROR)
        hr_diag_error(l->reader.d, pos, "", "%s", sentence);
    else
        hr_diag_warn(l->reader.d, pos, "", "%s", sentence);
}

static void expand_releases(hr_arena *arena, hr_diagnostics *d, hr_resources *resources, int step) {
    hr_canaries_settle(arena, resources);
    hr_rollouts_expand(arena, d, resources, step);
}

/* Each source; one that cannot be read does not end the reading. */
static int read_each(load *l, const hr_source *sources, size_t n, const hr_load_options *options) {
    int rc = HR_OK;
    for (; l->source < n && (rc == HR_OK || rc == HR_EIO); l->source++) {
        int error = hr_sources_each(&sources[l->source], 1, options, l->reader.d, read_text, l);
        rc = error == HR_OK ? rc : error;
    }
    return rc;
}

int hr_resources_read(hr_resources **out, hr_arena *arena, hr_diagnostics *d,
                      const hr_source *sources, size_t n, const hr_load_options *options) {
    static const hr_load_options defaults = HR_LOAD_OPTIONS_INIT;
    if (options == NULL)
        options = &defaults;
    *out = NULL;
    load l = {
        .reader = {.arena = arena,
                   .text = {.arena = arena},
                   .d = d,
                   .hint = hr_field_hint,
                   .serves = options->version >= 2 && options->serves,
                   .expands_rollouts = options->version >= 4 && options->expand_rollouts,
                   .rollout_step = options->version >= 4 ? options->rollout_step : 0},
        .budget = hr_limit_yaml(options),
        .lenient = hr_load_is_lenient(options),
        .lint = options->lint != 0,
        .leave_out = options->version >= 5 ? options->leave_out : NULL,
        .leave_out_ctx = options->version >= 5 ? options->leave_out_ctx : NULL,
        .default_namespace = options->default_namespace == NULL
                                 ? HR_STR("default")
                                 : hr_str_from(options->default_namespace),
    };
    hr_resources *resources = hr_resources_new(arena);
    l.patterns = hr_crd_patterns_new(arena, &hr_crd_istio);
    l.gateway_api_patterns = hr_crd_patterns_new(arena, &hr_crd_gateway_api);
    l.default_namespace = hr_reader_copy(&l.reader, l.default_namespace);
    if (resources == NULL || l.patterns == NULL || l.gateway_api_patterns == NULL ||
        hr_arena_failed(arena))
        return HR_ENOMEM;
    l.reader.out = resources;
    int rc = read_each(&l, sources, n, options);
    hr_endpoints_drop_mirrored(arena, resources);
    if (l.reader.expands_rollouts)
        expand_releases(arena, d, resources, options->rollout_step);
    hint_at_kustomizations(&l);
    hr_report_unread(arena, d, resources);
    if (rc == HR_OK && l.n_resources == 0 && hr_diagnostics_errors(d) == 0)
        report_no_resources(&l, sources, n, options);
    hr_diagnostics_sort(d);
    if (rc == HR_OK || rc == HR_EIO)
        *out = resources;
    return rc;
}
