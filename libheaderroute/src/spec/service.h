/* Service of Kubernetes: only the fields that routing needs, and what the API server would refuse
 * in them. */
#ifndef HR_SERVICE_H
#define HR_SERVICE_H

#include "meta.h"
#include "port.h"

typedef struct hr_spec_service {
    hr_meta meta;
    hr_str type, cluster_ip, external_name; /* cluster_ip "None": headless */
    hr_str_list cluster_ips;
    hr_pair *selector;
    size_t n_selector;
    bool publish_not_ready_addresses;
    hr_spec_port *ports;
    size_t n_ports;
    hr_str_list export_to; /* annotation networking.istio.io/exportTo */
    hr_str
        traffic_distribution; /* PreferClose, PreferSameZone, PreferSameNode; absent where unset */
    hr_pos pos;
} hr_spec_service;

/* `resource` is the whole document; `meta` is its metadata, with the default namespace filled in.
 */
void hr_read_service(hr_reader *r, const hr_node *resource, const hr_meta *meta);

#endif
