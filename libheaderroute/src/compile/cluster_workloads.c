/* Finds the workloads whose pods a cluster would have, where a load lists no pods: a Git repository
 * has Deployments, while Pods are in the cluster only. */
#include "cluster_workloads.h"

#include "registry_endpoints.h"
#include "resources.h"
#include "text.h"
#include "workload.h"

static bool is_template_of(const hr_spec_workload *w, const hr_mesh_service *svc) {
    return w->kind != HR_WORKLOAD_POD && hr_str_eq(w->meta.namespace_, svc->namespace_) &&
           hr_pairs_subset(svc->selector, svc->n_selector, w->labels, w->n_labels);
}

/* Labels that say where a pod runs are set once it runs: any pod may have them. */
static bool may_have_labels(const hr_cluster *cluster, const hr_spec_workload *w) {
    for (size_t i = 0; i < cluster->n_labels; i++)
        if (!hr_label_is_topology(cluster->labels[i].name) &&
            !hr_pairs_subset(&cluster->labels[i], 1, w->labels, w->n_labels))
            return false;
    return true;
}

static void add_workload(hr_view_build *vb, hr_workload *out, const hr_spec_workload *w) {
    *out = (hr_workload){.kind = hr_str_from(w->meta.kind),
                         .name = hr_arena_printf(vb->arena, "%.*s/%.*s",
                                                 (int)w->meta.namespace_.len, w->meta.namespace_.p,
                                                 (int)w->meta.name.len, w->meta.name.p),
                         .file = w->pos.file,
                         .line = w->pos.line};
}

/* Whether the table may lack pods that the service has in a cluster. */
static bool may_lack_pods(const hr_view_build *vb, const hr_cluster *cluster,
                          const hr_mesh_service *svc) {
    bool listed_by_hand = !svc->kubernetes && svc->n_selector == 0;
    return !vb->table->registry.pods_listed && !listed_by_hand &&
           (cluster->kind == HR_CLUSTER_EDS || cluster->kind == HR_CLUSTER_ORIGINAL_DST);
}

void hr_cluster_find_workloads(hr_view_build *vb, hr_cluster *cluster, const hr_mesh_service *svc,
                               size_t n_members) {
    const hr_resources *r = vb->table->resources;
    size_t n_templates = 0, n_running = 0;
    cluster->endpoints_known = 1;
    if (n_members > 0 || !may_lack_pods(vb, cluster, svc))
        return;
    for (size_t i = 0; svc->n_selector > 0 && i < r->n_workloads; i++) {
        bool backs = is_template_of(&r->workloads[i], svc);
        n_templates += backs;
        n_running +=
            backs && !r->workloads[i].scaled_to_zero && may_have_labels(cluster, &r->workloads[i]);
    }
    cluster->endpoints_known = n_templates > 0 && n_running == 0;
    hr_workload *workloads = HR_ARRAY(vb->arena, hr_workload, n_running);
    if (n_running == 0 || workloads == NULL)
        return;
    for (size_t i = 0; i < r->n_workloads; i++)
        if (is_template_of(&r->workloads[i], svc) && !r->workloads[i].scaled_to_zero &&
            may_have_labels(cluster, &r->workloads[i]))
            add_workload(vb, &workloads[cluster->n_workloads++], &r->workloads[i]);
    cluster->workloads = workloads;
}
