/* Pods, the pod templates of Deployments and the other kinds that make pods, and the Nodes where
 * pods run. */
#ifndef HR_WORKLOAD_H
#define HR_WORKLOAD_H

#include "meta.h"
#include "port.h"

typedef struct hr_spec_node { /* Node: where its pods run */
    hr_meta meta;
} hr_spec_node;

typedef enum hr_spec_workload_kind {
    HR_WORKLOAD_POD,
    HR_WORKLOAD_DEPLOYMENT
} hr_spec_workload_kind;

/* A Pod, or the pod template of a Deployment, StatefulSet, DaemonSet, ReplicaSet, Job, CronJob,
 * Argo Rollout or DeploymentConfig (labels and named ports only: a template has no address). */
typedef struct hr_spec_workload {
    hr_spec_workload_kind kind;
    hr_meta meta;    /* of the Pod, or of the Deployment */
    hr_pair *labels; /* the pod's */
    size_t n_labels;
    hr_str pod_ip, phase, node_name; /* absent where unset */
    bool ready;                      /* status.conditions Ready, true if absent */
    bool terminating;                /* metadata.deletionTimestamp */
    bool scaled_to_zero;             /* spec.replicas of a template is 0 */
    hr_spec_named_port *ports;
    size_t n_ports;
    hr_pos pos;
} hr_spec_workload;

/* `resource` is the whole document; `meta` is its metadata, with the default namespace filled in.
 */
void hr_read_pod(hr_reader *r, const hr_node *resource, const hr_meta *meta);
void hr_read_node(hr_reader *r, const hr_node *resource, const hr_meta *meta);
void hr_read_template(hr_reader *r, const hr_node *resource, const hr_meta *meta);

#endif
