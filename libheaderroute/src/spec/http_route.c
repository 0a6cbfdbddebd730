/* HTTPRoute: one rule of a VirtualService with its matches, its action and its policies. */
#include "http_route.h"

#include <stddef.h>

#include "common_fields.h"
#include "name_rules.h"
#include "text.h"

/* The authority may be set in one place of the route only: by rewrite, or by one header operation.
 * */
static void check_one_authority(hr_reader *r, const hr_node *node,
                                const hr_spec_http_route *route) {
    int n = route->rewrite != NULL && route->rewrite->authority.len > 0;
    const hr_spec_header_operations *request = &route->headers.request;
    for (size_t i = 0; i < request->n_set + request->n_add; i++) {
        const hr_pair *pair =
            i < request->n_set ? &request->set[i] : &request->add[i - request->n_set];
        if (!hr_is_authority_header(pair->name))
            continue;
        if (n > 0) {
            hr_field_error(r, node, "headers",
                           "the authority is set more than once: also by \"%.*s\"",
                           (int)pair->name.len, pair->name.p);
            return;
        }
        n = pair->value.len > 0;
    }
}

/* Istio's schema has this field in two spellings. */
static void check_mirror_percent(hr_reader *r, const hr_node *node, const char *name,
                                 const hr_spec_http_route *route) {
    if (hr_field_get(node, name) == NULL)
        return;
    hr_field_warn(r, node, name, "is deprecated; use mirrorPercentage");
    if (route->mirror_percent > 100)
        hr_field_error(r, node, name, "%lld is not a valid percentage; expected 0 to 100",
                       (long long)route->mirror_percent);
}

static void check_http_route(hr_reader *r, const hr_node *node, void *out) {
    const hr_spec_http_route *route = out;
    check_mirror_percent(r, node, "mirrorPercent", route);
    check_mirror_percent(r, node, "mirror_percent", route);
    if (hr_field_get(node, "mirrorPercentage") != NULL &&
        (route->mirror_percentage < 0 || route->mirror_percentage > 100))
        hr_field_error(r, node, "mirrorPercentage",
                       "%g is not a valid percentage; expected 0 to 100", route->mirror_percentage);
    check_one_authority(r, node, route);
    hr_check_route_list(r, node);
    for (size_t i = 0;
         route->redirect != NULL && route->redirect->prefix_rewrite.len > 0 && i < route->n_match;
         i++)
        if (route->match[i].uri.kind == HR_SM_EXACT || route->match[i].uri.kind == HR_SM_REGEX ||
            route->match[i].uri.kind == HR_SM_PRESENCE) {
            hr_field_error(
                r, node, "redirect",
                "prefixRewrite requires every uri match to be a prefix; match[%zu] is not", i);
            break;
        }
}

#define R(member) offsetof(hr_spec_http_route, member)
static const hr_field delegate_fields[] = {
    {"name", hr_read_string, R(delegate_name), 0, NULL, 0},
    {"namespace", hr_read_string, R(delegate_namespace), 0, NULL, 0},
};

static const hr_schema delegate_schema =
    HR_SCHEMA_AT("Delegate", delegate_fields, hr_spec_http_route, -1, R(has_delegate), NULL, NULL);

static void init_route(void *out) {
    hr_spec_http_route *route = out;
    route->timeout_ns = -1;
    route->mirror_percentage = -1;
    route->mirror_percent = -1;
}

static const hr_field route_fields[] = {
    {"name", hr_read_string, R(name), 0, NULL, 0},
    {"match", hr_read_list, R(match), R(n_match), &hr_match_schema, 0},
    {"route", hr_read_list, R(route), R(n_route), &hr_route_destination_schema, 0},
    {"redirect", hr_read_pointer, R(redirect), 0, &hr_redirect_schema, 0},
    {"directResponse", hr_read_pointer, R(direct_response), 0, &hr_direct_response_schema, 0},
    {"delegate", hr_read_message, 0, 0, &delegate_schema, 0},
    {"rewrite", hr_read_pointer, R(rewrite), 0, &hr_rewrite_schema, 0},
    {"timeout", hr_read_period, R(timeout_ns), 0, NULL, 0},
    {"retries", hr_read_pointer, R(retries), 0, &hr_retries_schema, 0},
    {"fault", hr_read_pointer, R(fault), 0, &hr_fault_schema, 0},
    {"mirror", hr_read_mirror, R(mirror), 0, NULL, 0},
    {"mirrors", hr_read_list, R(mirrors), R(n_mirrors), &hr_mirror_schema, 0},
    {"mirrorPercent", hr_read_uint32_value, R(mirror_percent), 0, NULL, 1},
    {"mirror_percent", hr_read_uint32_value, R(mirror_percent), 0, NULL, 1},
    {"mirrorPercentage", hr_read_message, R(mirror_percentage), 0, &hr_percent_schema, 0},
    {"corsPolicy", hr_read_pointer, R(cors_policy), 0, &hr_cors_schema, 0},
    {"headers", hr_read_message, R(headers), 0, &hr_headers_schema, 0},
};
#undef R

const hr_schema hr_http_route_schema =
    HR_SCHEMA_WITH_POS("HTTPRoute", route_fields, hr_spec_http_route, init_route, check_http_route);

/* ---- the route as part of a root, of a delegate or of neither ---- */

static void check_excluded(hr_reader *r, const hr_node *route, const char *action,
                           const char *const *others, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (hr_field_is_filled(route, others[i]))
            hr_field_error(r, route, others[i], "cannot be combined with \"%s\"", action);
}

void hr_check_http_route_role(hr_reader *r, const hr_node *route, bool delegate) {
    static const char *const beside_redirect[] = {"route", "fault", "rewrite", "directResponse"};
    static const char *const beside_response[] = {"route", "fault", "rewrite"};
    static const char *const beside_delegate[] = {"redirect", "route"};
    if (route->kind != HR_NODE_MAP)
        return;
    if (hr_field_is_filled(route, "delegate") && !delegate) {
        check_excluded(r, route, "delegate", beside_delegate, 2);
        return;
    }
    if (hr_field_is_filled(route, "delegate"))
        hr_field_error(r, route, "delegate",
                       "a delegate (a VirtualService without hosts) must not delegate");
    if (hr_field_is_filled(route, "redirect"))
        check_excluded(r, route, "redirect", beside_redirect, 4);
    else if (hr_field_is_filled(route, "directResponse"))
        check_excluded(r, route, "directResponse", beside_response, 3);
    else if (!hr_field_is_filled(route, "route") && !hr_field_is_filled(route, "delegate"))
        hr_reader_error(r, route,
                        "one of route, redirect, directResponse and delegate is required");
    if (hr_field_is_filled(route, "mirror") && hr_field_is_filled(route, "mirrors"))
        hr_field_error(r, route, "mirrors", "cannot be combined with \"mirror\"");
}
