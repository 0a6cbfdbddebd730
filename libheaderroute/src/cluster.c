/* Clusters: a service's port, whole or one subset of it, with its policy and its members. */
#include "balancer.h"
#include "text.h"
#include "view.h"

hr_str hr_cluster_name(hr_build *b, hr_str host, uint32_t port, hr_str subset) {
    return hr_b_printf(b, "outbound|%u|%.*s|%.*s", (unsigned)port, (int)subset.len,
                       subset.p == NULL ? "" : subset.p, (int)host.len, host.p);
}

const hr_merged_rule *hr_view_rule(hr_view_build *vb, const hr_svc *svc) {
    return hr_rule_find(&vb->table->rules, svc, vb->view->namespace_, vb->view->labels, vb->view->n_labels);
}

static hr_cluster_kind kind_of(const hr_view *view, const hr_svc *svc, const hr_traffic_policy *policy) {
    if (policy->lb == HR_LB_PASSTHROUGH)
        return HR_CLUSTER_ORIGINAL_DST;
    switch (svc->resolution) {
    case HR_RESOLUTION_DNS:
        return HR_CLUSTER_STRICT_DNS;
    case HR_RESOLUTION_DNS_ROUND_ROBIN:
        return HR_CLUSTER_LOGICAL_DNS;
    case HR_RESOLUTION_PASSTHROUGH: /* gateways have no original destination to go to */
        return view->gateway ? HR_CLUSTER_EDS : HR_CLUSTER_ORIGINAL_DST;
    default:
        return HR_CLUSTER_EDS;
    }
}

static void fill_members(hr_build *b, hr_cluster *cluster, const hr_svc_port *port) {
    hr_endpoint *members = HR_B_ARRAY(b, hr_endpoint, port->n_endpoints);
    size_t n = 0;
    for (size_t i = 0; i < port->n_endpoints; i++) {
        const hr_endpoint *e = &port->endpoints[i];
        if (hr_pairs_subset(cluster->labels, cluster->n_labels, e->labels, e->n_labels))
            members[n++] = *e;
    }
    cluster->endpoints = members;
    cluster->n_endpoints = n;
}

static hr_cluster *make(hr_view_build *vb, const hr_svc *svc, const hr_svc_port *port, hr_str name,
                        hr_str subset_name) {
    const hr_merged_rule *rule = hr_view_rule(vb, svc);
    const hr_subset *subset = NULL;
    if (subset_name.len > 0) {
        subset = hr_rule_subset(rule, subset_name);
        if (subset == NULL)
            return NULL;
    }
    hr_cluster *cluster = HR_B_NEW(vb->b, hr_cluster);
    *cluster = (hr_cluster){.name = name, .host = svc->host, .port = port->number};
    if (subset != NULL) {
        cluster->subset = subset->name;
        cluster->labels = subset->labels;
        cluster->n_labels = subset->n_labels;
    }
    hr_pos pos = rule != NULL ? rule->first->pos : svc->meta->pos;
    cluster->source_file = pos.file;
    cluster->source_line = pos.line;
    hr_policy_blocks blocks = hr_rule_policy(rule, subset, port->number);
    hr_traffic_policy_fill(&cluster->policy, &blocks);
    cluster->kind = kind_of(vb->view, svc, &cluster->policy);
    if (cluster->kind == HR_CLUSTER_ORIGINAL_DST)
        cluster->policy.lb = HR_LB_PASSTHROUGH;
    fill_members(vb->b, cluster, port);
    hr_balancer_build(vb->b, cluster, NULL);
    bool dns = cluster->kind == HR_CLUSTER_STRICT_DNS || cluster->kind == HR_CLUSTER_LOGICAL_DNS;
    return dns && cluster->n_endpoints == 0 ? NULL : cluster;
}

static void remember(hr_view_build *vb, hr_cluster *cluster) {
    hr_view *view = vb->view;
    cluster->index = (uint32_t)view->n_clusters;
    view->clusters = hr_b_grow(vb->b, view->clusters, view->n_clusters, &view->clusters_capacity,
                               sizeof(*view->clusters));
    view->clusters[view->n_clusters++] = cluster;
}

const hr_cluster *hr_cluster_get(hr_view_build *vb, hr_str host, uint32_t port_number, hr_str subset) {
    static const hr_cluster missing = {.port = 0};
    hr_str name = hr_cluster_name(vb->b, host, port_number, subset);
    void **place = hr_map_at(vb->b, &vb->view->clusters_by_name, name);
    if (*place == NULL) {
        *place = (void *)(uintptr_t)&missing;
        const hr_svc *svc = hr_registry_find(&vb->table->registry, host, vb->view->namespace_);
        const hr_svc_port *port = svc == NULL ? NULL : hr_svc_port_find(svc, port_number);
        bool has = port != NULL && port->protocol != HR_PROTOCOL_UDP && svc->resolution != HR_RESOLUTION_ALIAS;
        hr_cluster *cluster = has ? make(vb, svc, port, name, subset) : NULL;
        if (cluster != NULL) {
            *place = cluster;
            remember(vb, cluster);
        }
    }
    return *place == &missing ? NULL : *place;
}
