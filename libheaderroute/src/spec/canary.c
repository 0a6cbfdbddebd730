/* Reads Flagger's Canaries, and plans their steps as pkg/controller/scheduler.go of Flagger does.
 */
#include "canary.h"

#include <string.h>

#include "canary_rules.h"
#include "destination_rule.h"
#include "resources.h"
#include "rollout_expand.h"
#include "service.h"
#include "text.h"
#include "virtual_service.h"

#define P(s) (int)(s).len, (s).p == NULL ? "" : (s).p

enum { MAX_STEPS = 1000, MAX_MATCHES = 1000 };

/* ---- fields ---- */

#define A(member) offsetof(hr_canary_affinity, member)

static const hr_field affinity_fields[] = {
    {"cookieName", hr_read_string, A(cookie), 0, NULL, 0},
    {"primaryCookieName", hr_read_string, A(primary_cookie), 0, NULL, 0},
    {"domain", hr_read_string, A(domain), 0, NULL, 0},
    {"path", hr_read_string, A(path), 0, NULL, 0},
    {"sameSite", hr_read_string, A(same_site), 0, NULL, 0},
    {"httpOnly", hr_read_bool, A(http_only), 0, NULL, 0},
    {"partitioned", hr_read_bool, A(partitioned), 0, NULL, 0},
    {"secure", hr_read_bool, A(secure), 0, NULL, 0},
    {"maxAge", hr_read_int64, A(max_age), 0, NULL, 0},
};
#undef A

static const hr_schema affinity_schema =
    HR_SCHEMA_LAX("SessionAffinity", affinity_fields, hr_canary_affinity, NULL, NULL);

#define N(member) offsetof(hr_canary_analysis, member)

static void read_step_weights(hr_reader *r, const hr_node *node, void *base,
                              const hr_field *field) {
    hr_canary_analysis *analysis = base;
    hr_path step;
    (void)field;
    if (!hr_reader_expect(r, node, HR_NODE_LIST))
        return;
    analysis->weights = hr_reader_alloc(r, node->u.children.n, sizeof(*analysis->weights));
    if (analysis->weights == NULL)
        return;
    for (const hr_node *item = hr_items_begin(r, &step, node); item != NULL;
         item = hr_items_next(r, &step, item))
        hr_read_int64(r, item, &analysis->weights[analysis->n_weights++],
                      &(hr_field){"", hr_read_int64, 0, 0, NULL, 0});
}

static const hr_field analysis_fields[] = {
    {"iterations", hr_read_int64, N(iterations), 0, NULL, 0},
    {"maxWeight", hr_read_int64, N(max_weight), 0, NULL, 0},
    {"stepWeight", hr_read_int64, N(step_weight), 0, NULL, 0},
    {"stepWeights", read_step_weights, 0, 0, NULL, 0},
    {"stepWeightPromotion", hr_read_int64, N(promotion_weight), 0, NULL, 0},
    {"mirror", hr_read_bool, N(mirror), 0, NULL, 0},
    {"mirrorWeight", hr_read_int64, N(mirror_weight), 0, NULL, 0},
    {"interval", hr_read_string, N(interval), 0, NULL, 0},
    {"sessionAffinity", hr_read_pointer, N(affinity), 0, &affinity_schema, 0},
};
#undef N

static const hr_schema analysis_schema =
    HR_SCHEMA_LAX("CanaryAnalysis", analysis_fields, hr_canary_analysis, NULL, NULL);

#define S(member) offsetof(hr_spec_canary, member)

static const hr_field canary_target_fields[] = {
    {"name", hr_read_string, S(target), 0, NULL, 0},
};

static const hr_schema canary_target_schema =
    HR_SCHEMA_LAX("LocalObjectReference", canary_target_fields, hr_spec_canary, NULL, NULL);

static const hr_field canary_service_fields[] = {
    {"name", hr_read_string, S(service), 0, NULL, 0},
    {"port", hr_read_uint32, S(port), 0, NULL, 0},
    {"portName", hr_read_string, S(port_name), 0, NULL, 0},
    {"appProtocol", hr_read_string, S(app_protocol), 0, NULL, 0},
    {"portDiscovery", hr_read_bool, S(port_discovery), 0, NULL, 0},
    {"delegation", hr_read_bool, S(delegation), 0, NULL, 0},
    {"hosts", hr_read_strings, S(hosts), 0, NULL, 0},
    {"gateways", hr_read_strings, S(gateways), 0, NULL, 0},
};

static const hr_schema canary_service_schema =
    HR_SCHEMA_LAX("CanaryService", canary_service_fields, hr_spec_canary, NULL, NULL);

static const hr_field canary_spec_fields[] = {
    {"provider", hr_read_string, S(provider), 0, NULL, 0},
    {"targetRef", hr_read_message, 0, 0, &canary_target_schema, 0},
    {"service", hr_read_message, 0, 0, &canary_service_schema, 0},
    {"analysis", hr_read_pointer, S(analysis), 0, &analysis_schema, 0},
    {"canaryAnalysis", hr_read_pointer, S(old_analysis), 0, &analysis_schema, 0},
};

static const hr_schema canary_spec_schema =
    HR_SCHEMA_LAX("CanarySpec", canary_spec_fields, hr_spec_canary, NULL, NULL);

static const hr_field canary_status_fields[] = {
    {"phase", hr_read_string, S(phase), 0, NULL, 0},
    {"canaryWeight", hr_read_int64, S(status_weight), 0, NULL, 0},
    {"iterations", hr_read_int64, S(status_iterations), 0, NULL, 0},
    {"sessionAffinityCookie", hr_read_string, S(status.cookie), 0, NULL, 0},
    {"primarySessionAffinityCookie", hr_read_string, S(status.primary_cookie), 0, NULL, 0},
    {"previousSessionAffinityCookie", hr_read_string, S(status.previous_cookie), 0, NULL, 0},
};

static const hr_schema canary_status_schema =
    HR_SCHEMA_LAX("CanaryStatus", canary_status_fields, hr_spec_canary, NULL, NULL);

static const hr_field canary_top_fields[] = {
    {"spec", hr_read_message, 0, 0, &canary_spec_schema, 0},
    {"status", hr_read_message, 0, 0, &canary_status_schema, 0},
};

static const hr_schema canary_top_schema =
    HR_SCHEMA_LAX("Canary", canary_top_fields, hr_spec_canary, NULL, NULL);
#undef S

/* ---- steps ---- */

enum { TOTAL = 100 };

static int64_t at_most_total(int64_t weight) {
    return weight > TOTAL ? TOTAL : weight;
}

static int64_t max_weight(const hr_canary_analysis *a) {
    if (a->n_weights > 0)
        return at_most_total(a->weights[a->n_weights - 1]);
    return a->max_weight > 0 ? a->max_weight : TOTAL;
}

static int64_t next_weight(const hr_canary_analysis *a, int64_t weight) {
    if (a->step_weight > 0 || a->n_weights == 0)
        return a->step_weight;
    int64_t rest = TOTAL - weight;
    if (rest == 0)
        return 1;
    int64_t step = rest;
    if (weight == 0)
        step = a->weights[0];
    for (size_t i = 0; weight != 0 && i + 1 < a->n_weights; i++)
        if (a->weights[i] == weight) {
            step = a->weights[i + 1] - weight;
            break;
        }
    return step < rest ? step : rest;
}

/* The next step of the analysis, or of the promotion after it. Returns false if there is none. */
typedef struct canary_walk {
    const hr_spec_canary *canary;
    hr_canary_state state;
    size_t step; /* of those done */
    bool promotes;
} canary_walk;

static bool walk_iterations(canary_walk *w, const hr_canary_analysis *a) {
    bool by_match = hr_canary_has_match(w->canary);
    if ((int64_t)w->step >= a->iterations + (by_match ? 0 : 1))
        return false;
    bool all = by_match || (int64_t)w->step == a->iterations;
    w->state.primary = all ? 0 : TOTAL;
    w->state.canary = all ? TOTAL : 0;
    w->state.mirrored = !all && a->mirror;
    w->state.kept = !all && !a->mirror;
    return true;
}

static bool walk_weights(canary_walk *w, const hr_canary_analysis *a) {
    hr_canary_state *s = &w->state;
    int64_t next = next_weight(a, s->canary);
    if (s->canary >= max_weight(a) || next <= 0)
        return false;
    if (a->mirror && s->canary == 0) {
        /* The controller looks for the mirror in a rule that lacks it then, and repeats this step.
         */
        if (s->mirrored && (a->affinity != NULL || hr_canary_has_match(w->canary)))
            return false;
        if (s->mirrored) {
            s->primary = TOTAL - next;
            s->canary = next;
        }
        s->mirrored = s->canary == 0;
        return true;
    }
    s->primary = s->primary > next ? s->primary - next : 0;
    s->canary = at_most_total(s->canary + next);
    s->mirrored = false;
    return true;
}

static bool walk_promotion(canary_walk *w, const hr_canary_analysis *a) {
    int64_t step = a->promotion_weight;
    hr_canary_state *s = &w->state;
    w->promotes = true;
    if (step <= 0 || s->canary <= 0 || s->primary + step >= TOTAL)
        return false;
    s->primary += step;
    s->canary = s->canary > step ? s->canary - step : 0;
    s->mirrored = false;
    return true;
}

static bool walk_on(canary_walk *w) {
    const hr_canary_analysis *a = hr_canary_analysis_of(w->canary);
    bool more = false;
    if (w->step >= MAX_STEPS)
        return false;
    if (!w->promotes)
        more = a->iterations > 0 ? walk_iterations(w, a) : walk_weights(w, a);
    if (!more)
        more = walk_promotion(w, a);
    w->step += more;
    return more;
}

static canary_walk walk_from(const hr_spec_canary *canary) {
    canary_walk w = {.canary = canary, .state = canary->status};
    w.state.primary = TOTAL;
    return w;
}

static size_t count_steps(const hr_spec_canary *canary, bool analysis_only) {
    canary_walk w = walk_from(canary);
    size_t n = 0;
    while (walk_on(&w) && !(analysis_only && w.promotes))
        n = w.step;
    return n;
}

/* The step that the status names: that of its iterations or its weight, else the last of the
 * analysis. After a run there is none: 0. */
static size_t step_of_status(const hr_spec_canary *canary) {
    const hr_canary_analysis *a = hr_canary_analysis_of(canary);
    if (canary->phase.len > 0 && !hr_str_eq_c(canary->phase, "Progressing") &&
        !hr_str_eq_c(canary->phase, "WaitingPromotion") && !hr_str_eq_c(canary->phase, "Waiting") &&
        !hr_str_eq_c(canary->phase, "Promoting"))
        return 0;
    size_t last = count_steps(canary, true);
    if (a->iterations > 0 && canary->status_iterations > 0)
        return (size_t)canary->status_iterations < last ? (size_t)canary->status_iterations : last;
    canary_walk w = walk_from(canary);
    while (canary->status_weight > 0 && walk_on(&w) && !w.promotes)
        if (w.state.canary == canary->status_weight)
            return w.step;
    return last;
}

/* ---- what the controller writes ---- */

static const char *why_not_expanded(const hr_spec_canary *c) {
    if (c->provider.len > 0 && !hr_str_starts(c->provider, HR_STR("istio")))
        return "its provider is not istio";
    if (c->apex.len == 0)
        return "spec.targetRef has no name";
    if (hr_canary_analysis_of(c) == NULL)
        return "it has no analysis, so that the controller promotes at once";
    if (hr_str_eq_nocase(c->app_protocol, HR_STR("tcp")))
        return "its Service is TCP";
    if (c->delegation && (c->hosts.n > 0 || c->gateways.n > 0))
        return "the controller refuses hosts and gateways beside delegation";
    const hr_canary_analysis *a = hr_canary_analysis_of(c);
    int64_t interval;
    if (a->affinity != NULL && a->affinity->primary_cookie.len > 0 &&
        !hr_parse_duration(&interval, a->interval))
        return "the controller refuses primaryCookieName without an interval";
    size_t n_match = 1;
    const hr_node *lists[] = {
        hr_field_get(hr_field_get(c->node, "service"), "match"),
        hr_field_get(hr_field_get(c->node, c->analysis != NULL ? "analysis" : "canaryAnalysis"),
                     "match")};
    for (size_t i = 0; i < 2; i++)
        if (lists[i] != NULL && lists[i]->kind == HR_NODE_LIST && lists[i]->u.children.n > 0)
            n_match *= lists[i]->u.children.n < MAX_MATCHES ? lists[i]->u.children.n : MAX_MATCHES;
    return n_match >= MAX_MATCHES ? "its conditions have too many combinations" : NULL;
}

static void write_beside(hr_reader *r, const hr_spec_canary *c, hr_meta meta) {
    const hr_str names[] = {c->apex, c->primary, c->canary};
    for (size_t i = 0; i < 3; i++) {
        hr_node *service = hr_canary_service(r, c);
        meta.name = names[i];
        meta.kind = "Service";
        if (service != NULL && c->port > 0)
            hr_read_service(r, service, &meta);
        hr_node *rule = i == 0 ? NULL : hr_canary_destination_rule(r, c, names[i]);
        meta.kind = "DestinationRule";
        if (rule != NULL)
            hr_read_destination_rule(r, rule, &meta);
    }
}

/* Runs the steps, as the cookies of one come from those before, and reads the rules of the last. */
static void write_rules(hr_reader *r, const hr_spec_canary *c, const hr_meta *meta, size_t step) {
    size_t n = count_steps(c, false);
    bool complete = step == 0 || step > n;
    canary_walk w = walk_from(c);
    while (w.step < (complete ? n : step) && walk_on(&w))
        hr_canary_set_cookies(r, c, &w.state);
    if (complete) {
        w.state.primary = TOTAL;
        w.state.canary = 0;
        w.state.mirrored = w.state.kept = false;
        hr_canary_set_cookies(r, c, &w.state);
    }
    hr_node *rules = hr_canary_virtual_service(r, c, &w.state);
    if (rules == NULL)
        return;
    hr_meta own = *meta;
    own.name = c->apex;
    own.kind = "VirtualService";
    size_t before = r->out->n_virtual_services;
    hr_read_virtual_service(r, rules, &own);
    if (r->out->n_virtual_services == before)
        return;
    const hr_spec_virtual_service *vs = &r->out->virtual_services[before];
    hr_diag_left_out(
        r->d, meta->pos, "Canary %.*s/%.*s, %s %zu of %zu: VirtualService %.*s has %.*s",
        P(meta->namespace_), P(meta->name), complete ? "complete, after step" : "step",
        complete ? n : step, n, P(c->apex), P(hr_routes_describe(r->arena, vs->http, vs->n_http)));
}

void hr_read_canary(hr_reader *r, const hr_node *resource, const hr_meta *meta) {
    hr_spec_canary canary = {.node = hr_field_get(resource, "spec")};
    hr_read_fields(r, resource, &canary, &canary_top_schema);
    if (canary.node == NULL || canary.node->kind != HR_NODE_MAP || hr_arena_failed(r->arena))
        return;
    canary.apex = canary.service.len > 0 ? canary.service : canary.target;
    canary.primary = hr_arena_printf(r->arena, "%.*s-primary", P(canary.apex));
    canary.canary = hr_arena_printf(r->arena, "%.*s-canary", P(canary.apex));
    const char *why = why_not_expanded(&canary);
    if (why != NULL) {
        hr_diag_left_out(r->d, hr_reader_pos(r, resource), "Canary %.*s/%.*s is not expanded: %s",
                         P(meta->namespace_), P(meta->name), why);
        return;
    }
    hr_meta generated = *meta;
    generated.generated = true;
    generated.labels = generated.annotations = NULL;
    generated.n_labels = generated.n_annotations = 0;
    generated.pos = hr_reader_pos(r, resource);
    size_t step = r->rollout_step > 0 ? (size_t)r->rollout_step : step_of_status(&canary);
    write_beside(r, &canary, generated);
    generated.name = meta->name;
    write_rules(r, &canary, &generated, step);
}

/* ---- generated and loaded ---- */

static hr_str settled_name(hr_arena *arena, const hr_meta *meta) {
    return hr_arena_printf(arena, "%.*s/%.*s", P(meta->namespace_), P(meta->name));
}

/* Of the items of a list, which begin with their hr_meta. `takes_over`: where both are there the
 * loaded one goes, and its age stays; otherwise the generated one goes. */
static void settle_list(hr_arena *arena, void *list, size_t *n, size_t size, bool takes_over) {
    char *items = list;
    hr_map made = {0};
    size_t kept = 0;
    bool *gone = HR_ARRAY(arena, bool, *n + 1);
    for (size_t i = 0; gone != NULL && i < *n; i++) {
        hr_meta *meta = (hr_meta *)(void *)(items + i * size);
        if (meta->generated)
            gone[i] =
                !hr_map_add(arena, &made, settled_name(arena, meta), (void *)(uintptr_t)(i + 1));
    }
    for (size_t i = 0; gone != NULL && i < *n && made.n > 0; i++) {
        hr_meta *loaded = (hr_meta *)(void *)(items + i * size);
        size_t at =
            loaded->generated ? 0 : (uintptr_t)hr_map_get(&made, settled_name(arena, loaded));
        if (at == 0)
            continue;
        hr_meta *other = (hr_meta *)(void *)(items + (at - 1) * size);
        if (takes_over) {
            other->creation_timestamp = loaded->creation_timestamp;
            other->order = loaded->order;
        }
        gone[takes_over ? i : at - 1] = true;
    }
    for (size_t i = 0; gone != NULL && i < *n; i++)
        if (!gone[i] && kept++ != i)
            memcpy(items + (kept - 1) * size, items + i * size, size);
    *n = gone == NULL ? *n : kept;
}

void hr_canaries_settle(hr_arena *arena, hr_resources *r) {
    settle_list(arena, r->virtual_services, &r->n_virtual_services, sizeof(*r->virtual_services),
                true);
    settle_list(arena, r->destination_rules, &r->n_destination_rules, sizeof(*r->destination_rules),
                true);
    settle_list(arena, r->services, &r->n_services, sizeof(*r->services), false);
}
