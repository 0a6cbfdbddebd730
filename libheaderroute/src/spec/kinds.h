/* The readers of resource kinds: one function a kind, and how each appends to the load. */
#ifndef HR_KINDS_H
#define HR_KINDS_H

#include "reader.h"
#include "resource.h"

/* `resource` is the whole document; `meta` its metadata, with the default namespace filled in. */
void hr_read_virtual_service(hr_reader *r, const hr_node *resource, const hr_meta *meta);
void hr_read_destination_rule(hr_reader *r, const hr_node *resource, const hr_meta *meta);
void hr_read_gateway(hr_reader *r, const hr_node *resource, const hr_meta *meta);
void hr_read_service_entry(hr_reader *r, const hr_node *resource, const hr_meta *meta);
void hr_read_workload_entry(hr_reader *r, const hr_node *resource, const hr_meta *meta);
void hr_read_service(hr_reader *r, const hr_node *resource, const hr_meta *meta);
void hr_read_pod(hr_reader *r, const hr_node *resource, const hr_meta *meta);
void hr_read_node(hr_reader *r, const hr_node *resource, const hr_meta *meta);
void hr_read_template(hr_reader *r, const hr_node *resource, const hr_meta *meta);
void hr_read_endpoint_slice(hr_reader *r, const hr_node *resource, const hr_meta *meta);

/* A new item at the end of the list `member` of the load, zeroed; NULL if an allocation fails. */
#define HR_APPEND(r, member) hr_reader_append((r), &(r)->out->member, &(r)->out->n_##member, sizeof(*(r)->out->member))

#endif
