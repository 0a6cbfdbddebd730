/* The compiled form of a view as JSON: which rules are in force, with their conditions and actions.
 */
#include "decision_members.h"
#include "http_match.h"
#include "match.h"
#include "table.h"
#include "view.h"

/* ---- conditions ---- */

static const char *match_name(uint8_t match) {
    switch (match) {
    case HR_SM_EXACT:
        return hr_string_match_kind_name(HR_MATCH_EXACT);
    case HR_SM_PREFIX:
        return hr_string_match_kind_name(HR_MATCH_PREFIX);
    case HR_SM_PATH_PREFIX:
        return "path_prefix";
    case HR_SM_REGEX:
        return hr_string_match_kind_name(HR_MATCH_REGEX);
    default:
        return "present";
    }
}

/* Kinds without a row of their own are special headers. */
static const char *field_name(const hr_cond *cond) {
    for (size_t i = 0; i < HR_MATCH_FIELD_COUNT; i++)
        if (hr_match_fields[i].cond == (hr_cond_kind)cond->kind)
            return hr_match_fields[i].name;
    return "headers";
}

/* A condition as it is shown. */
typedef struct shown_condition {
    const char *field, *match;
    hr_str name, value;
    bool invert, ignore_case;
} shown_condition;

static shown_condition show_path(const hr_view_route *route) {
    return (shown_condition){
        .field = "uri",
        .match = match_name(route->path_kind),
        .value = hr_view_route_path(route),
        .ignore_case = route->ignore_case && route->path_kind != HR_SM_REGEX,
    };
}

static shown_condition show_condition(const hr_cond *cond) {
    bool never = cond->kind == HR_COND_STRIPPED;
    return (shown_condition){
        .field = field_name(cond),
        .match = never ? "never" : match_name(cond->match),
        .name = cond->name,
        .value = cond->match == HR_SM_PRESENCE ? (hr_str){0} : cond->value,
        .invert = cond->invert,
    };
}

#define CONDITION_MEMBERS(M)                                                                       \
    M(string, field, "", hr_str_from(x->field))                                                    \
    M(string_or_null, name, "", x->name)                                                           \
    M(string, match, "", hr_str_from(x->match))                                                    \
    M(string_or_null, value, "", x->value)                                                         \
    M(boolean, not, "", x->invert)                                                                 \
    M(boolean, ignore_case, "", x->ignore_case)
HR_JSON_OBJECT(static, condition, shown_condition, CONDITION_MEMBERS)

/* The path comes first, if it is a condition. */
static shown_condition condition_at(const hr_view_route *route, size_t i) {
    bool has_path = route->path_kind != HR_SM_NONE;
    return has_path && i == 0 ? show_path(route) : show_condition(&route->conds[i - has_path]);
}

static size_t condition_count(const hr_view_route *route) {
    return route->n_conds + (route->path_kind != HR_SM_NONE);
}

/* ---- actions ---- */

/* One destination of a route and its share. */
typedef struct shown_target {
    const hr_target *target;
    const hr_decision *d;
    uint64_t weight;
} shown_target;

static shown_target target_at(const hr_view_action *plan, size_t i) {
    const hr_target *target = &plan->targets[i];
    uint64_t before = i == 0 ? 0 : plan->targets[i - 1].weight_end;
    return (shown_target){target, &target->decision,
                          plan->n_targets == 1 ? 1 : target->weight_end - before};
}

#define TARGET_MEMBERS(M)                                                                          \
    M(string, cluster, "", x->d->cluster_name)                                                     \
    M(boolean, known, "", x->d->cluster != NULL)                                                   \
    M(integer, weight, "", (int64_t)x->weight)                                                     \
    M(string_or_null, authority, "", x->target->authority)                                         \
    M(objects, request_headers, "", header_operations, x->d->n_request_headers,                    \
      x->d->request_headers[i])                                                                    \
    M(objects, response_headers, "", header_operations, x->d->n_response_headers,                  \
      x->d->response_headers[i])
HR_JSON_OBJECT(static, target, shown_target, TARGET_MEMBERS)

#define REWRITE_MEMBERS(M)                                                                         \
    M(string_or_null, prefix, "", x->prefix_rewrite)                                               \
    M(string_or_null, regex_substitution, "", x->regex == NULL ? (hr_str){0} : x->substitution)
HR_JSON_OBJECT(static, rewrite, hr_view_action, REWRITE_MEMBERS)

#define REDIRECT_MEMBERS(M)                                                                        \
    M(integer, code, "", x->targets->decision.redirect_code)                                       \
    M(string_or_null, scheme, "", x->redirect.https ? HR_STR("https") : x->redirect.scheme)        \
    M(string_or_null, host, "", x->redirect.host)                                                  \
    M(integer_or_null, port, "", x->redirect.port, x->redirect.port != 0)                          \
    M(string_or_null, path, "", x->redirect.path)                                                  \
    M(string_or_null, prefix, "", x->redirect.prefix_rewrite)
HR_JSON_OBJECT(static, route_redirect, hr_view_action, REDIRECT_MEMBERS)

#define FAULT_MEMBERS(M)                                                                           \
    M(integer_or_null, delay_ms, "", x->targets->decision.delay_ms,                                \
      x->targets->decision.delay_ms >= 0)                                                          \
    M(number, delay_percentage, "", x->delay_parts / 10000.0)                                      \
    M(integer_or_null, abort_status, "", x->targets->decision.abort_status,                        \
      x->targets->decision.abort_status != 0)                                                      \
    M(string_or_null, abort_grpc_status, "", x->targets->decision.abort_grpc_status)               \
    M(number, abort_percentage, "", x->abort_parts / 10000.0)
HR_JSON_OBJECT(static, route_fault, hr_view_action, FAULT_MEMBERS)

#define MIRROR_MEMBERS(M)                                                                          \
    M(string, cluster, "", x->cluster_name)                                                        \
    M(boolean, known, "", x->cluster != NULL)                                                      \
    M(number, percentage, "", x->percentage)
HR_JSON_OBJECT(static, route_mirror, hr_mirror, MIRROR_MEMBERS)

/* What all targets of an action have in common is in the first one's decision. */
typedef struct shown_action {
    const hr_view_action *plan;
    const hr_decision *d;
    size_t n_targets;
} shown_action;

static shown_action show_action(const hr_view_action *plan) {
    return (shown_action){plan, &plan->targets[0].decision,
                          plan->kind == HR_ACTION_ROUTE ? plan->n_targets : 0};
}

#define ACTION_MEMBERS(M)                                                                          \
    M(choice, kind, "", hr_action_name, x->plan->kind, true)                                       \
    M(objects, targets, "", target, x->n_targets, (shown_target[]){target_at(x->plan, i)})         \
    M(integer_or_null, timeout_ms, "", x->plan->timeout_ms, x->plan->timeout_ms >= 0)              \
    M(object_or_null, retries, "", retries, x->d->retries)                                         \
    M(object_or_null, rewrite, "", rewrite,                                                        \
      x->plan->prefix_rewrite.p == NULL && x->plan->regex == NULL ? NULL : x->plan)                \
    M(object_or_null, redirect, "", route_redirect,                                                \
      x->plan->kind == HR_ACTION_REDIRECT ? x->plan : NULL)                                        \
    M(object_or_null, direct_response, "", direct_response,                                        \
      x->plan->kind == HR_ACTION_DIRECT_RESPONSE ? x->d : NULL)                                    \
    M(object_or_null, fault, "", route_fault, hr_has_fault(x->d) ? x->plan : NULL)                 \
    M(objects, mirrors, "", route_mirror, x->d->n_mirrors, &x->d->mirrors[i])                      \
    M(boolean, cors, "", x->d->cors != NULL)
HR_JSON_OBJECT(static, action, shown_action, ACTION_MEMBERS)

/* ---- routes, virtual hosts, tables ---- */

#define ROUTE_MEMBERS(M)                                                                           \
    M(string_or_null, name, "", hr_view_route_name(x))                                             \
    M(string_or_null, virtual_service, "with its kind in front, if it is not a VirtualService",    \
      x->origin->author != NULL ? x->origin->author->words                                         \
      : x->origin->vs == NULL   ? (hr_str){0}                                                      \
                                : x->origin->vs->id)                                                 \
    M(integer_or_null, route_index, "", x->route_index, x->route_index >= 0)                       \
    M(integer_or_null, match_index, "", x->match_index, x->match_index >= 0)                       \
    M(place, source, "", x->origin->file, x->line)                                                 \
    M(objects, match, "", condition, condition_count(x), (shown_condition[]){condition_at(x, i)})  \
    M(object, action, "", action, (shown_action[]){show_action(x->action)})
HR_JSON_OBJECT(static, route, hr_view_route, ROUTE_MEMBERS)

#define VIRTUAL_HOST_MEMBERS(M)                                                                    \
    M(string_or_null, name, "", x->name)                                                           \
    M(strings, domains, "", x->domains, x->n_domains)                                              \
    M(boolean, require_tls, "", x->require_tls)                                                    \
    M(objects, routes, "", route, x->routes == NULL ? 0 : x->routes->n, &x->routes->v[i])
HR_JSON_OBJECT(static, virtual_host, hr_view_virtual_host, VIRTUAL_HOST_MEMBERS)

#define TABLE_MEMBERS(M)                                                                           \
    M(strings, sni_hosts, "", x->sni_hosts, x->n_sni_hosts)                                        \
    M(objects, virtual_hosts, "", virtual_host, x->n_vhosts, &x->vhosts[i])
HR_JSON_OBJECT(static, table, hr_route_table, TABLE_MEMBERS)

#define OMITTED_MEMBERS(M)                                                                         \
    M(string, virtual_service, "", x->virtual_service)                                             \
    M(integer_or_null, route_index, "", x->route_index, x->route_index >= 0)                       \
    M(integer_or_null, match_index, "", x->match_index, x->match_index >= 0)                       \
    M(place, source, "", x->file, x->line)                                                         \
    M(string, reason, "", x->reason)
HR_JSON_OBJECT(static, omitted, hr_omitted, OMITTED_MEMBERS)

static size_t table_count(const hr_view *view) {
    return view->n_tables + (view->listeners != NULL);
}

/* Listeners are looked at first. */
static const hr_route_table *table_at(const hr_view *view, size_t i) {
    if (view->listeners == NULL)
        return &view->tables[i];
    return i == 0 ? view->listeners : &view->tables[i - 1];
}

#define VIEW_MEMBERS(M)                                                                            \
    M(objects, route_tables, "", table, table_count(x), table_at(x, i))                            \
    M(objects, omitted, "", omitted, x->omitted.n, &x->omitted.v[i])
HR_JSON_OBJECT(static, view, hr_view, VIEW_MEMBERS)

int hr_view_json(hr_str *out, const hr_view *view, hr_scratch *scratch) {
    if (out != NULL)
        *out = (hr_str){0};
    if (out == NULL || view == NULL || scratch == NULL)
        return HR_EINVAL;
    if (hr_scratch_reset(scratch) != HR_OK)
        return HR_ENOMEM;
    hr_json_writer w = {.s = hr_sbuf_begin(scratch, 8192), .first = true};
    hr_json_put_view(&w, view);
    *out = hr_sbuf_end(&w.s);
    return out->p == NULL ? HR_ENOMEM : HR_OK;
}
