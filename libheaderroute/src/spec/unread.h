/* Resources of kinds that are not evaluated, with what says which requests they may concern. */
#ifndef HR_UNREAD_H
#define HR_UNREAD_H

#include <stdbool.h>

#include "meta.h"
#include "resources.h"

/* What a resource may change. */
enum {
    HR_REACH_GATEWAY = 1,     /* requests at the gateways that it selects */
    HR_REACH_CALLER = 2,      /* calls of the sidecars that it selects */
    HR_REACH_DESTINATION = 4, /* requests to the workloads that it selects */
    HR_REACH_HOSTS = 8,       /* requests for its hosts */
    HR_REACH_RULES = 16,      /* requests that a VirtualService of its names takes */
};

typedef struct hr_unread_kind {
    const char *group, *kind; /* kind NULL: every kind of the group */
    unsigned reach;
    bool refused;       /* a proxy that it selects cannot be served without it */
    const char *effect; /* a clause: what is different, or why nothing is */
} hr_unread_kind;

typedef struct hr_spec_unread {
    const hr_unread_kind *kind;
    const char *name_of_kind;
    hr_str name, namespace_;
    hr_pair *selector; /* of pods; empty: all of the namespace */
    size_t n_selector;
    bool has_targets;             /* targetRefs, which replace the selector */
    hr_str_list gateways;         /* names among them, of the Gateway API */
    hr_str_list hosts;            /* of HR_REACH_HOSTS; none, and no services: any host */
    hr_str_list services;         /* names, in the namespace of the resource */
    hr_str_list virtual_services; /* names, in the namespace of the resource */
    hr_pos pos;
} hr_spec_unread;

/* NULL: the kind is evaluated, or does not concern requests. */
const hr_unread_kind *hr_unread_kind_of(hr_str group, hr_str kind);
/* Whether resources of the group are among them. */
bool hr_unread_group(hr_str group);
/* Notes a resource of such a kind; `default_namespace` is for one without a namespace. */
void hr_read_unread(hr_reader *r, const hr_node *resource, const hr_unread_kind *kind,
                    hr_str name_of_kind, hr_str default_namespace);
/* Notes that a waypoint is asked for (label istio.io/use-waypoint of a Service or a Namespace). */
void hr_read_waypoint(hr_reader *r, const hr_node *resource, hr_str name_of_kind,
                      hr_str default_namespace);
/* Adds one warning for each kind to the findings. */
void hr_report_unread(hr_arena *arena, hr_diagnostics *d, const hr_resources *resources);

#endif
