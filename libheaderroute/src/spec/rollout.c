/* Reads Argo's Rollouts: pod template, canary steps, and which rules the steps change. */
#include "rollout.h"

#include "resources.h"
#include "workload.h"

/* ---- steps ---- */

#define S(member) offsetof(hr_rollout_step, member)

static const hr_field rollout_header_fields[] = {
    {"headerName", hr_read_string, offsetof(hr_rollout_header, name), 0, NULL, 0},
    {"headerValue", hr_read_message, offsetof(hr_rollout_header, value), 0, &hr_string_match_schema,
     0},
};

static const hr_schema rollout_header_schema =
    HR_SCHEMA_LAX("HeaderRoutingMatch", rollout_header_fields, hr_rollout_header, NULL, NULL);

/* One of the matches must hold, so that each header is a match of its own. */
static void make_header_matches(hr_reader *r, const hr_node *node, void *out) {
    hr_rollout_step *step = out;
    step->kind = HR_ROLLOUT_HEADER;
    step->match = hr_reader_alloc(r, step->n_headers, sizeof(*step->match));
    for (size_t i = 0; step->match != NULL && i < step->n_headers; i++) {
        hr_named_match *header = hr_reader_alloc(r, 1, sizeof(*header));
        if (header == NULL)
            return;
        *header =
            (hr_named_match){step->headers[i].name, step->headers[i].value, hr_reader_pos(r, node)};
        step->match[i] = (hr_match_request){.headers = header, .n_headers = 1, .pos = header->pos};
        step->n_match = i + 1;
    }
}

static const hr_field header_route_fields[] = {
    {"name", hr_read_string, S(name), 0, NULL, 0},
    {"match", hr_read_list, S(headers), S(n_headers), &rollout_header_schema, 0},
};

static const hr_schema header_route_schema = HR_SCHEMA_LAX(
    "SetHeaderRoute", header_route_fields, hr_rollout_step, NULL, make_header_matches);

static const hr_field mirror_match_fields[] = {
    {"method", hr_read_message, offsetof(hr_match_request, method), 0, &hr_string_match_schema, 0},
    {"path", hr_read_message, offsetof(hr_match_request, uri), 0, &hr_string_match_schema, 0},
    {"headers", hr_read_named_matches, offsetof(hr_match_request, headers),
     offsetof(hr_match_request, n_headers), &hr_string_match_schema, 0},
};

static const hr_schema mirror_match_schema = {"RouteMatch",
                                              HR_FIELDS(mirror_match_fields),
                                              sizeof(hr_match_request),
                                              offsetof(hr_match_request, pos),
                                              -1,
                                              1,
                                              NULL,
                                              NULL};

static void init_mirror_route(void *out) {
    hr_rollout_step *step = out;
    step->kind = HR_ROLLOUT_MIRROR;
    step->percentage = 100;
}

static const hr_field mirror_route_fields[] = {
    {"name", hr_read_string, S(name), 0, NULL, 0},
    {"match", hr_read_list, S(match), S(n_match), &mirror_match_schema, 0},
    {"percentage", hr_read_double, S(percentage), 0, NULL, 0},
};

static const hr_schema mirror_route_schema =
    HR_SCHEMA_LAX("SetMirrorRoute", mirror_route_fields, hr_rollout_step, init_mirror_route, NULL);

static void read_set_weight(hr_reader *r, const hr_node *node, void *base, const hr_field *field) {
    hr_rollout_step *step = base;
    step->kind = HR_ROLLOUT_WEIGHT;
    hr_read_int64(r, node, base, field);
}

static const hr_field step_fields[] = {
    {"setWeight", read_set_weight, S(weight), 0, NULL, 0},
    {"setHeaderRoute", hr_read_message, 0, 0, &header_route_schema, 0},
    {"setMirrorRoute", hr_read_message, 0, 0, &mirror_route_schema, 0},
};

static const hr_schema step_schema = {
    "CanaryStep", HR_FIELDS(step_fields), sizeof(hr_rollout_step), S(pos), -1, 1, NULL, NULL};
#undef S

/* ---- spec.strategy.canary and status ---- */

#define R(member) offsetof(hr_spec_rollout, member)

static const hr_field rollout_target_fields[] = {
    {"name", hr_read_string, offsetof(hr_rollout_target, name), 0, NULL, 0},
    {"routes", hr_read_strings, offsetof(hr_rollout_target, routes), 0, NULL, 0},
};

static const hr_schema rollout_target_schema =
    HR_SCHEMA_LAX("IstioVirtualService", rollout_target_fields, hr_rollout_target, NULL, NULL);

static const hr_field rollout_rule_fields[] = {
    {"name", hr_read_string, R(destination_rule), 0, NULL, 0},
    {"stableSubsetName", hr_read_string, R(stable_subset), 0, NULL, 0},
    {"canarySubsetName", hr_read_string, R(canary_subset), 0, NULL, 0},
};

static const hr_schema rollout_rule_schema =
    HR_SCHEMA_LAX("IstioDestinationRule", rollout_rule_fields, hr_spec_rollout, NULL, NULL);

static const hr_field rollout_istio_fields[] = {
    {"virtualService", hr_read_message, R(virtual_service), 0, &rollout_target_schema, 0},
    {"virtualServices", hr_read_list, R(virtual_services), R(n_virtual_services),
     &rollout_target_schema, 0},
    {"destinationRule", hr_read_message, 0, 0, &rollout_rule_schema, 0},
};

static const hr_schema rollout_istio_schema =
    HR_SCHEMA_LAX("IstioTrafficRouting", rollout_istio_fields, hr_spec_rollout, NULL, NULL);

static const hr_field managed_fields[] = {
    {"name", hr_read_string, offsetof(hr_rollout_route, name), 0, NULL, 0},
};

static const hr_schema managed_schema =
    HR_SCHEMA_LAX("MangedRoutes", managed_fields, hr_rollout_route, NULL, NULL);

static const hr_field traffic_routing_fields[] = {
    {"managedRoutes", hr_read_list, R(managed), R(n_managed), &managed_schema, 0},
    {"istio", hr_read_message, 0, 0, &rollout_istio_schema, 0},
};

static const hr_schema traffic_routing_schema =
    HR_SCHEMA_LAX("RolloutTrafficRouting", traffic_routing_fields, hr_spec_rollout, NULL, NULL);

static const hr_field canary_fields[] = {
    {"stableService", hr_read_string, R(stable_service), 0, NULL, 0},
    {"canaryService", hr_read_string, R(canary_service), 0, NULL, 0},
    {"steps", hr_read_list, R(steps), R(n_steps), &step_schema, 0},
    {"trafficRouting", hr_read_message, 0, 0, &traffic_routing_schema, 0},
};

static const hr_schema canary_schema =
    HR_SCHEMA_LAX("CanaryStrategy", canary_fields, hr_spec_rollout, NULL, NULL);

static const hr_field strategy_fields[] = {
    {"canary", hr_read_message, 0, 0, &canary_schema, 0},
};

static const hr_schema strategy_schema =
    HR_SCHEMA_LAX("RolloutStrategy", strategy_fields, hr_spec_rollout, NULL, NULL);

static const hr_field rollout_spec_fields[] = {
    {"strategy", hr_read_message, 0, 0, &strategy_schema, 0},
};

static const hr_schema rollout_spec_schema =
    HR_SCHEMA_LAX("RolloutSpec", rollout_spec_fields, hr_spec_rollout, NULL, NULL);

static const hr_field rollout_status_fields[] = {
    {"currentStepIndex", hr_read_int64, R(current_step), 0, NULL, 0},
};

static const hr_schema rollout_status_schema =
    HR_SCHEMA_LAX("RolloutStatus", rollout_status_fields, hr_spec_rollout, NULL, NULL);

static const hr_field rollout_fields[] = {
    {"spec", hr_read_message, 0, 0, &rollout_spec_schema, 0},
    {"status", hr_read_message, 0, 0, &rollout_status_schema, 0},
};

static const hr_schema rollout_schema =
    HR_SCHEMA_LAX("Rollout", rollout_fields, hr_spec_rollout, NULL, NULL);
#undef R

void hr_read_rollout(hr_reader *r, const hr_node *resource, const hr_meta *meta) {
    hr_read_template(r, resource, meta);
    hr_spec_rollout *rollout = r->expands_rollouts ? HR_APPEND(r, rollouts) : NULL;
    if (rollout == NULL)
        return;
    rollout->meta = *meta;
    rollout->current_step = -1;
    rollout->pos = hr_reader_pos(r, resource);
    hr_read_fields(r, resource, rollout, &rollout_schema);
    if (rollout->virtual_service.name.len > 0 && rollout->n_virtual_services == 0) {
        rollout->virtual_services = &rollout->virtual_service;
        rollout->n_virtual_services = 1;
    }
}
