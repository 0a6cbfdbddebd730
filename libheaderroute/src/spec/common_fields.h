/* Fields that several messages of Istio's API have: durations, ports, labels, selectors, Gateway
 * names, exportTo. */
#ifndef HR_COMMON_FIELDS_H
#define HR_COMMON_FIELDS_H

#include "reader.h"

/* ---- readers of fields; the comment names the type of the member ---- */

/* int64_t, nanoseconds: whole milliseconds, at least 1 ms. */
void hr_read_period(hr_reader *r, const hr_node *node, void *base, const hr_field *field);
/* uint32_t, 1 to 65535. */
void hr_read_port(hr_reader *r, const hr_node *node, void *base, const hr_field *field);
/* int64_t of an int32 that is not negative. */
void hr_read_count(hr_reader *r, const hr_node *node, void *base, const hr_field *field);
/* int64_t, 0 to 100. */
void hr_read_percent(hr_reader *r, const hr_node *node, void *base, const hr_field *field);
/* hr_pair * and count: labels of Kubernetes. */
void hr_read_labels(hr_reader *r, const hr_node *node, void *base, const hr_field *field);
/* hr_pair * and count: a selector, which takes no '*'. */
void hr_read_selector(hr_reader *r, const hr_node *node, void *base, const hr_field *field);
/* hr_str_list of names of Gateways. */
void hr_read_gateways(hr_reader *r, const hr_node *node, void *base, const hr_field *field);

/* ---- parts of checks ---- */

/* Whether the map has the field, and it is not null. */
bool hr_field_is_given(const hr_node *map, const char *field);
/* Whether the map has the field, and it is neither null nor an empty list. */
bool hr_field_is_filled(const hr_node *map, const char *field);
/* Checks a pattern: RE2's syntax, 1 to HR_REGEX_MAX_PATTERN bytes. Keeps the compiled pattern in
 * the load. */
void hr_check_regex(hr_reader *r, const hr_node *node, hr_str pattern);
/* Checks a domain name. `what` names it in the message: "host". */
void hr_check_domain(hr_reader *r, const hr_node *node, const char *what, hr_str name,
                     bool wildcard);
/* Checks the status of an HTTP response that Envoy makes up: 200 to 599. */
void hr_check_http_status(hr_reader *r, const hr_node *node, const char *field, int64_t status);
/* Checks the list `exportTo` of a resource. `nowhere`: `~` is allowed (ServiceEntry). `own_only`:
 * only the resource's own namespace is allowed (a DestinationRule with a selector). */
void hr_check_export_to(hr_reader *r, const hr_node *spec, hr_str namespace_, bool nowhere,
                        bool own_only);

#endif
