/*
 * Replaces a route that delegates by the routes of the delegate VirtualService, merged as Istio
 * merges them.
 */
#include "delegate.h"

#include "http_match.h"
#include "http_route.h"
#include "text.h"
#include "virtual_service.h"

/* ---- conflicts between a root's match and a delegate's ---- */

static bool is_set(const hr_string_match *m) {
    return m->kind != HR_SM_NONE;
}

/* `{}` and an empty value are alike to Istio here: neither counts as a value of its kind. */
static hr_str value_if(const hr_string_match *m, hr_sm_kind kind) {
    return m->kind == kind ? m->value : (hr_str){0};
}

static bool strings_conflict(const hr_string_match *root, const hr_string_match *leaf) {
    if (!is_set(root) || !is_set(leaf))
        return false;
    hr_str root_exact = value_if(root, HR_SM_EXACT), root_prefix = value_if(root, HR_SM_PREFIX);
    hr_str leaf_exact = value_if(leaf, HR_SM_EXACT), leaf_prefix = value_if(leaf, HR_SM_PREFIX);
    bool root_regex = value_if(root, HR_SM_REGEX).len > 0,
         leaf_regex = value_if(leaf, HR_SM_REGEX).len > 0;
    if (root_regex && (leaf_regex || leaf_prefix.len > 0 || leaf_exact.len > 0))
        return true;
    if (leaf_regex && (root_regex || root_prefix.len > 0 || root_exact.len > 0))
        return true;
    if (root_exact.len > 0)
        return leaf_prefix.len > 0 || !hr_str_eq(leaf_exact, root_exact);
    if (root_prefix.len > 0 && leaf_prefix.len > 0)
        return !hr_str_starts(leaf_prefix, root_prefix);
    if (root_prefix.len > 0 && leaf_exact.len > 0)
        return !hr_str_starts(leaf_exact, root_prefix);
    return true;
}

static const hr_string_match *find_named(hr_named_matches in, hr_str name) {
    static const hr_string_match none = {0};
    for (size_t i = 0; i < in.n; i++)
        if (hr_str_eq(in.v[i].name, name))
            return &in.v[i].match;
    return &none;
}

static bool named_conflict(hr_named_matches root, hr_named_matches leaf) {
    for (size_t i = 0; i < leaf.n; i++)
        if (strings_conflict(find_named(root, leaf.v[i].name), &leaf.v[i].match))
            return true;
    return false;
}

static bool labels_conflict(const hr_match_request *root, const hr_match_request *leaf) {
    for (size_t i = 0; i < leaf->n_source_labels; i++)
        for (size_t j = 0; j < root->n_source_labels; j++)
            if (hr_str_eq(root->source_labels[j].name, leaf->source_labels[i].name) &&
                !hr_str_eq(root->source_labels[j].value, leaf->source_labels[i].value))
                return true;
    return false;
}

static bool gateways_conflict(const hr_str_list *root, const hr_str_list *leaf) {
    if (root->n == 0 || leaf->n == 0)
        return false;
    if (root->n < leaf->n)
        return true;
    for (size_t i = 0; i < leaf->n; i++) {
        bool known = false;
        for (size_t j = 0; j < root->n && !known; j++)
            known = hr_str_eq(root->v[j], leaf->v[i]);
        if (!known)
            return true;
    }
    return false;
}

static bool field_conflicts(const hr_match_field *field, const hr_match_request *root,
                            const hr_match_request *leaf) {
    if (field->type != HR_MATCH_TYPE_MAP)
        return strings_conflict(hr_match_string(root, field), hr_match_string(leaf, field));
    return named_conflict(hr_match_map(root, field), hr_match_map(leaf, field));
}

static bool matches_conflict(const hr_match_request *root, const hr_match_request *leaf) {
    for (size_t i = 0; i < HR_MATCH_FIELD_COUNT; i++)
        if (field_conflicts(&hr_match_fields[i], root, leaf))
            return true;
    return root->ignore_uri_case != leaf->ignore_uri_case ||
           (root->port != 0 && leaf->port != 0 && root->port != leaf->port) ||
           (root->source_namespace.len > 0 &&
            !hr_str_eq(root->source_namespace, leaf->source_namespace)) ||
           labels_conflict(root, leaf) || gateways_conflict(&root->gateways, &leaf->gateways);
}

/* ---- merging ---- */

static hr_str joined_name(hr_arena *arena, hr_str root, hr_str leaf) {
    if (leaf.len == 0)
        return root;
    if (root.len == 0)
        return leaf;
    return hr_arena_printf(arena, "%.*s-%.*s", (int)root.len, root.p, (int)leaf.len, leaf.p);
}

/* The delegate's entries behind those of the root that it does not have. */
static hr_named_matches merge_named(hr_arena *arena, hr_named_matches root, hr_named_matches leaf) {
    hr_named_matches merged = {.v = HR_ARRAY(arena, hr_named_match, leaf.n + root.n)};
    if (merged.v == NULL)
        return merged;
    for (size_t i = 0; i < root.n; i++)
        if (!is_set(find_named(leaf, root.v[i].name)))
            merged.v[merged.n++] = root.v[i];
    for (size_t i = 0; i < leaf.n; i++)
        merged.v[merged.n++] = leaf.v[i];
    return merged;
}

static void merge_field(hr_arena *arena, const hr_match_field *field, hr_match_request *out,
                        const hr_match_request *root) {
    if (field->type == HR_MATCH_TYPE_MAP) {
        hr_match_map_set(out, field,
                         merge_named(arena, hr_match_map(root, field), hr_match_map(out, field)));
        return;
    }
    if (!is_set(hr_match_string(out, field)))
        hr_match_string_set(out, field, hr_match_string(root, field));
}

static void merge_labels(hr_arena *arena, hr_match_request *out, const hr_match_request *root) {
    hr_pair *merged = HR_ARRAY(arena, hr_pair, out->n_source_labels + root->n_source_labels);
    if (merged == NULL)
        return;
    size_t n = 0;
    for (size_t i = 0; i < root->n_source_labels; i++) {
        bool known = false;
        for (size_t j = 0; j < out->n_source_labels && !known; j++)
            known = hr_str_eq(out->source_labels[j].name, root->source_labels[i].name);
        if (!known)
            merged[n++] = root->source_labels[i];
    }
    for (size_t j = 0; j < out->n_source_labels; j++)
        merged[n++] = out->source_labels[j];
    out->source_labels = merged;
    out->n_source_labels = n;
}

static hr_match_request merge_match(hr_arena *arena, const hr_match_request *root,
                                    const hr_match_request *leaf) {
    hr_match_request out = *leaf;
    out.name = joined_name(arena, root->name, leaf->name);
    for (size_t i = 0; i < HR_MATCH_FIELD_COUNT; i++)
        merge_field(arena, &hr_match_fields[i], &out, root);
    if (out.port == 0)
        out.port = root->port;
    merge_labels(arena, &out, root);
    if (out.source_namespace.len == 0)
        out.source_namespace = root->source_namespace;
    if (out.gateways.n == 0)
        out.gateways = root->gateways;
    return out;
}

/* All compatible pairs, the delegate's matches outside. false: a delegate match has no root match
 * to go with, which drops its whole route. */
static bool merge_matches(hr_arena *arena, hr_spec_http_route *out, hr_mesh_http_route *entry,
                          const hr_spec_http_route *root) {
    if (root->n_match == 0)
        return true;
    if (out->n_match == 0) {
        entry->has_root_matches = true;
        out->match = root->match;
        out->n_match = root->n_match;
        return true;
    }
    hr_match_request *merged = HR_ARRAY(arena, hr_match_request, root->n_match * out->n_match);
    int32_t *index = HR_ARRAY(arena, int32_t, root->n_match * out->n_match);
    if (merged == NULL || index == NULL)
        return false;
    size_t n = 0;
    for (size_t l = 0; l < out->n_match; l++) {
        size_t before = n;
        for (size_t r = 0; r < root->n_match; r++) {
            if (matches_conflict(&root->match[r], &out->match[l]))
                continue;
            index[n] = (int32_t)l;
            merged[n++] = merge_match(arena, &root->match[r], &out->match[l]);
        }
        if (n == before)
            return false;
    }
    out->match = merged;
    out->n_match = n;
    entry->match_index = index;
    return true;
}

static void inherit(hr_spec_http_route *out, const hr_spec_http_route *root) {
    if (out->rewrite == NULL)
        out->rewrite = root->rewrite;
    if (out->direct_response == NULL)
        out->direct_response = root->direct_response;
    if (out->timeout_ns < 0)
        out->timeout_ns = root->timeout_ns;
    if (out->retries == NULL)
        out->retries = root->retries;
    if (out->fault == NULL)
        out->fault = root->fault;
    if (out->mirror == NULL)
        out->mirror = root->mirror;
    if (out->mirror_percent < 0)
        out->mirror_percent = root->mirror_percent;
    if (out->mirror_percentage < 0)
        out->mirror_percentage = root->mirror_percentage;
    if (out->cors_policy == NULL)
        out->cors_policy = root->cors_policy;
    if (out->n_mirrors == 0) {
        out->mirrors = root->mirrors;
        out->n_mirrors = root->n_mirrors;
    }
    if (!out->headers.present)
        out->headers = root->headers;
}

static bool visible_to(const hr_mesh_virtual_service *delegate, hr_str namespace_) {
    bool visible = delegate->public_;
    for (size_t i = 0; i < delegate->n_export_to && !visible; i++)
        visible = hr_str_eq(delegate->export_to[i], namespace_);
    return visible;
}

/* Whether each match of the delegate goes with one of the root's. */
static bool matches_go_together(const hr_spec_http_route *root, const hr_spec_http_route *leaf) {
    for (size_t l = 0; root->n_match > 0 && l < leaf->n_match; l++) {
        bool any = false;
        for (size_t r = 0; r < root->n_match && !any; r++)
            any = !matches_conflict(&root->match[r], &leaf->match[l]);
        if (!any)
            return false;
    }
    return true;
}

const char *hr_delegate_why_dropped(const hr_spec_http_route *root,
                                    const hr_spec_http_route *leaf) {
    if (leaf->has_delegate)
        return "it delegates again: Istio drops it";
    if (!matches_go_together(root, leaf))
        return "its match conflicts with that of the rule that delegates to it (a regex beside "
               "another value of the same "
               "field, or values that exclude each other): Istio drops it";
    return NULL;
}

static const hr_mesh_virtual_service *find_delegate(hr_arena *arena, const hr_spec_http_route *root,
                                                    hr_str root_namespace,
                                                    const hr_map *delegates) {
    hr_str ns = root->delegate_namespace.len > 0 ? root->delegate_namespace : root_namespace;
    hr_str id = hr_arena_printf(arena, "%.*s/%.*s", (int)ns.len, ns.p, (int)root->delegate_name.len,
                                root->delegate_name.p == NULL ? "" : root->delegate_name.p);
    const hr_mesh_virtual_service *delegate = hr_map_get(delegates, id);
    return delegate != NULL && visible_to(delegate, root_namespace) ? delegate : NULL;
}

typedef HR_LIST(hr_mesh_http_route) entry_list;
typedef HR_LIST(hr_dropped_rule) dropped_list;

static void note_dropped(hr_arena *arena, dropped_list *dropped,
                         const hr_mesh_virtual_service *author, size_t index, const char *reason) {
    hr_dropped_rule rule = {author->id, author->resource->http[index].pos, (int32_t)index, reason};
    HR_PUSH(arena, dropped, rule);
}

static void expand(hr_arena *arena, entry_list *out, dropped_list *dropped,
                   const hr_spec_http_route *root, int32_t root_index,
                   const hr_mesh_virtual_service *delegate) {
    for (size_t i = 0; i < delegate->resource->n_http; i++) {
        const hr_spec_http_route *leaf = &delegate->resource->http[i];
        hr_mesh_http_route entry = {
            .index = (int32_t)i, .root_index = root_index, .delegate = delegate->id};
        hr_spec_http_route *merged = HR_NEW(arena, hr_spec_http_route);
        const char *reason = hr_delegate_why_dropped(root, leaf);
        *merged = *leaf;
        if (reason != NULL)
            note_dropped(arena, dropped, delegate, i, reason);
        if (reason != NULL || !merge_matches(arena, merged, &entry, root))
            continue;
        merged->name = joined_name(arena, root->name, leaf->name);
        inherit(merged, root);
        entry.http = merged;
        HR_PUSH(arena, out, entry);
    }
}

void hr_delegates_merge(hr_arena *arena, hr_mesh_virtual_service *vs, const hr_map *delegates) {
    const hr_spec_virtual_service *in = vs->resource;
    entry_list entries = {.v = HR_ARRAY(arena, hr_mesh_http_route, in->n_http),
                          .capacity = in->n_http};
    dropped_list dropped = {0};
    for (size_t i = 0; i < in->n_http && !hr_arena_failed(arena); i++) {
        const hr_spec_http_route *http = &in->http[i];
        if (!http->has_delegate) {
            hr_mesh_http_route entry = {
                .http = http, .index = (int32_t)i, .root_index = (int32_t)i};
            HR_PUSH(arena, &entries, entry);
            continue;
        }
        const hr_mesh_virtual_service *delegate =
            find_delegate(arena, http, in->meta.namespace_, delegates);
        if (delegate != NULL)
            expand(arena, &entries, &dropped, http, (int32_t)i, delegate);
        else
            note_dropped(
                arena, &dropped, vs, i,
                "its delegate is not loaded, has hosts, or is not exported to this namespace");
    }
    vs->dropped = dropped.v;
    vs->n_dropped = dropped.n;
    vs->http = entries.v;
    vs->n_http = entries.n;
}
