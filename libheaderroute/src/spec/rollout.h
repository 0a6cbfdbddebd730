/* Rollout of Argo: its pod template and its canary steps. */
#ifndef HR_ROLLOUT_H
#define HR_ROLLOUT_H

#include "http_match.h"
#include "meta.h"

typedef enum hr_rollout_step_kind {
    HR_ROLLOUT_OTHER, /* pause, analysis, setCanaryScale ...: changes no rule */
    HR_ROLLOUT_WEIGHT,
    HR_ROLLOUT_HEADER,
    HR_ROLLOUT_MIRROR
} hr_rollout_step_kind;

typedef struct hr_rollout_header { /* an item of setHeaderRoute.match */
    hr_str name;
    hr_string_match value;
} hr_rollout_header;

typedef struct hr_rollout_step {
    hr_rollout_step_kind kind;
    int64_t weight;          /* setWeight */
    hr_str name;             /* of the managed route */
    hr_match_request *match; /* of the managed route; none: the route is removed */
    size_t n_match;
    hr_rollout_header *headers;
    size_t n_headers;
    double percentage; /* setMirrorRoute */
    hr_pos pos;
} hr_rollout_step;

typedef struct hr_rollout_target { /* trafficRouting.istio.virtualService */
    hr_str name;                   /* "NAME" or "NAME.NAMESPACE" */
    hr_str_list routes;
} hr_rollout_target;

typedef struct hr_rollout_route { /* an item of managedRoutes */
    hr_str name;
} hr_rollout_route;

typedef struct hr_spec_rollout {
    hr_meta meta;
    hr_str stable_service, canary_service;
    hr_str destination_rule, stable_subset, canary_subset;
    hr_rollout_target virtual_service, *virtual_services;
    size_t n_virtual_services;
    hr_rollout_route *managed;
    size_t n_managed;
    hr_rollout_step *steps;
    size_t n_steps;
    int64_t current_step; /* status.currentStepIndex; -1: unset */
    hr_pos pos;
} hr_spec_rollout;

/* Reads the pod template, and the steps if the load expands Rollouts. */
void hr_read_rollout(hr_reader *r, const hr_node *resource, const hr_meta *meta);

#endif
