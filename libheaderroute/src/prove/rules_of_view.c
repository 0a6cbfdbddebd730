/* The one place where comparing reads compiled views: their routes as conjunctions of literals,
 * their actions as numbered parts, and which list of routes an authority leads to. */
#include "rules_of_view.h"

#include "action.h"
#include "header_kinds.h"
#include "http_match.h"
#include "name_rules.h"
#include "outcome.h"
#include "route_compile.h"
#include "scratch.h"
#include "table.h"

/* ---- conditions ---- */

typedef struct rule_writer {
    hr_rule_reader *r;
    HR_LIST(hr_literal) literals;
} rule_writer;

static void add_literal(rule_writer *w, hr_literal l) {
    HR_PUSH(w->r->u->b, &w->literals, l);
}

static hr_language language_of(uint8_t match, hr_str value, const hr_matcher *matcher) {
    static const uint8_t kinds[] = {[HR_SM_EXACT] = HR_LANG_EXACT,
                                    [HR_SM_PREFIX] = HR_LANG_PREFIX,
                                    [HR_SM_PATH_PREFIX] = HR_LANG_PATH_PREFIX,
                                    [HR_SM_REGEX] = HR_LANG_REGEX};
    return (hr_language){
        .kind = kinds[match], .text = value, .regex = match == HR_SM_REGEX ? matcher->regex : NULL};
}

/* A condition that the model lacks gets an attribute of its own, of which nothing is known. */
static void add_free(rule_writer *w, const hr_cond *cond) {
    static const char *const ways[] = {[HR_SM_NONE] = "",
                                       [HR_SM_EXACT] = "exact ",
                                       [HR_SM_PREFIX] = "prefix ",
                                       [HR_SM_REGEX] = "regex ",
                                       [HR_SM_PRESENCE] = "present",
                                       [HR_SM_PATH_PREFIX] = "path prefix "};
    hr_universe *u = w->r->u;
    hr_str name = cond->kind == HR_COND_FULL_PATH ? HR_STR(":path") : cond->name;
    name =
        hr_arena_printf(u->b, "%sheader %.*s %s%.*s", cond->invert ? "without " : "", (int)name.len,
                        name.p, ways[cond->match], (int)cond->value.len, cond->value.p);
    add_literal(w, hr_universe_presence(u, hr_universe_attr(u, HR_ATTR_FREE, name, false)));
}

/* A value of the attribute is in the language; or with `invert`: none is, where an absent one
 * counts as "". */
static void add_match(rule_writer *w, uint32_t attr, const hr_cond *cond) {
    hr_universe *u = w->r->u;
    hr_language language = language_of(cond->match, cond->value, cond->regex);
    hr_literal l = hr_universe_literal(u, attr, &language);
    add_literal(w, cond->invert ? hr_not(l) : l);
    if (cond->invert && u->attrs.v[attr].optional && hr_language_has(&language, HR_STR("")))
        add_literal(w, hr_universe_presence(u, attr));
}

static void add_presence(rule_writer *w, uint32_t attr, bool invert) {
    hr_universe *u = w->r->u;
    hr_literal l = hr_universe_presence(u, attr);
    add_literal(w, invert ? hr_not(l) : l);
}

/* What route/edge.c makes of headers that a proxy sets or removes before it looks at routes. */
static const struct edge_header {
    const char *name;
    hr_domain_kind mesh, gateway;
    bool always;     /* it is always there */
    bool connection; /* a Gateway's proxies set it to what no request says */
} edge_headers[] = {
    {"te", HR_DOMAIN_TRAILERS, HR_DOMAIN_TRAILERS, false, false},
    {"cookie", HR_DOMAIN_TEXT, HR_DOMAIN_TEXT, false, false}, /* joined with "; " */
    {"x-forwarded-proto", HR_DOMAIN_SOME_VALUE, HR_DOMAIN_SCHEME, true, false},
    {"x-request-id", HR_DOMAIN_SOME_VALUE, HR_DOMAIN_REQUEST_ID, true, true},
    {"x-forwarded-client-cert", HR_DOMAIN_NOTHING, HR_DOMAIN_NOTHING, false, true},
    {"x-envoy-external-address", HR_DOMAIN_VALUE, HR_DOMAIN_NOTHING, false, true},
    {"x-envoy-decorator-operation", HR_DOMAIN_VALUE, HR_DOMAIN_NOTHING, false, false},
    {"x-envoy-downstream-service-cluster", HR_DOMAIN_VALUE, HR_DOMAIN_NOTHING, false, false},
    {"x-envoy-downstream-service-node", HR_DOMAIN_VALUE, HR_DOMAIN_NOTHING, false, false},
    {"x-envoy-original-host", HR_DOMAIN_VALUE, HR_DOMAIN_NOTHING, false, false},
    {"x-envoy-original-path", HR_DOMAIN_VALUE, HR_DOMAIN_NOTHING, false, false},
    {"x-envoy-hedge-on-per-try-timeout", HR_DOMAIN_NOTHING, HR_DOMAIN_NOTHING, false, false},
    {"x-envoy-original-url", HR_DOMAIN_NOTHING, HR_DOMAIN_NOTHING, false, false},
    {"x-envoy-retriable-header-names", HR_DOMAIN_NOTHING, HR_DOMAIN_NOTHING, false, false},
    {"x-envoy-retriable-status-codes", HR_DOMAIN_NOTHING, HR_DOMAIN_NOTHING, false, false},
    {"x-envoy-upstream-stream-duration-ms", HR_DOMAIN_NOTHING, HR_DOMAIN_NOTHING, false, false},
};

/* Not only by those that no proxy is trusted in front of. */
static bool is_set_by_every_proxy(const struct edge_header *header) {
    return header->mesh == HR_DOMAIN_TRAILERS || header->mesh == HR_DOMAIN_TEXT;
}

static void set_domain(const hr_rule_reader *r, uint32_t number, const hr_cond *cond) {
    hr_attr *attr = &r->u->attrs.v[number];
    if (attr->kind != HR_ATTR_HEADER)
        return;
    if (cond->kind == HR_COND_STRIPPED && !r->any_proxy)
        attr->domain = HR_DOMAIN_NOTHING;
    for (size_t i = 0; i < sizeof(edge_headers) / sizeof(edge_headers[0]); i++)
        if (hr_str_eq_c(cond->name, edge_headers[i].name) &&
            (!r->any_proxy || is_set_by_every_proxy(&edge_headers[i]))) {
            attr->domain = r->gateway ? edge_headers[i].gateway : edge_headers[i].mesh;
            attr->optional = !edge_headers[i].always;
            attr->of_connection = r->gateway && edge_headers[i].connection;
        }
}

/* A Gateway's proxies set x-forwarded-proto to the scheme of the connection. */
static bool is_scheme(const hr_rule_reader *r, const hr_cond *cond) {
    return r->gateway && !r->any_proxy && cond->kind == HR_COND_HEADER &&
           hr_str_eq_c(cond->name, "x-forwarded-proto");
}

static uint32_t named_attr(hr_rule_reader *r, hr_attr_kind kind, const hr_cond *cond) {
    bool each = r->each && cond->kind == HR_COND_HEADER && !hr_header_is_inline(cond->name);
    uint32_t attr =
        hr_universe_attr(r->u, is_scheme(r, cond) ? HR_ATTR_SCHEME : kind, cond->name, each);
    set_domain(r, attr, cond);
    return attr;
}

static void add_named(rule_writer *w, hr_attr_kind kind, const hr_cond *cond) {
    uint32_t attr = named_attr(w->r, kind, cond);
    if (cond->match == HR_SM_PRESENCE || cond->match == HR_SM_NONE)
        add_presence(w, attr, cond->invert);
    else
        add_match(w, attr, cond);
}

/* Pseudo headers are always there. */
static void add_always(rule_writer *w, hr_attr_kind kind, const hr_cond *cond) {
    if (cond->match == HR_SM_PRESENCE || cond->match == HR_SM_NONE)
        add_presence(w, kind, cond->invert);
    else
        add_match(w, kind, cond);
}

/* Claims are read as headers of several values whose name begins with '@'. */
static uint32_t claim_attr(hr_rule_reader *r, hr_str name) {
    hr_str header = hr_arena_printf(r->u->b, "@request.auth.claims%.*s", (int)name.len, name.p);
    uint32_t attr = hr_universe_attr(r->u, HR_ATTR_HEADER, header, true);
    bool words = hr_str_eq_c(name, "[scope]") || hr_str_eq_c(name, "[permission]");
    r->u->attrs.v[attr].domain = words ? HR_DOMAIN_TOKEN : HR_DOMAIN_TEXT;
    return attr;
}

/* An absent claim does not match, so that its inverse holds. */
static void add_claim_cond(rule_writer *w, const hr_cond *cond) {
    hr_language language = language_of(cond->match, cond->value, cond->regex);
    hr_literal l = hr_universe_literal(w->r->u, claim_attr(w->r, cond->name), &language);
    add_literal(w, cond->invert ? hr_not(l) : l);
}

static void add_cond(rule_writer *w, const hr_cond *cond) {
    switch ((hr_cond_kind)cond->kind) {
    case HR_COND_HEADER:
    case HR_COND_STRIPPED:
        add_named(w, HR_ATTR_HEADER, cond);
        return;
    case HR_COND_QUERY:
        add_named(w, HR_ATTR_QUERY, cond);
        return;
    case HR_COND_METHOD:
        add_always(w, HR_ATTR_METHOD, cond);
        return;
    case HR_COND_SCHEME:
        add_always(w, HR_ATTR_SCHEME, cond);
        return;
    case HR_COND_AUTHORITY:
        add_always(w, HR_ATTR_AUTHORITY, cond);
        return;
    case HR_COND_CLAIM:
        add_claim_cond(w, cond);
        return;
    case HR_COND_PATH:
    case HR_COND_FULL_PATH:
        break;
    }
    add_free(w, cond);
}

static void add_path(rule_writer *w, const hr_view_route *route) {
    if (route->path_kind == HR_SM_NONE || route->path_kind == HR_SM_PRESENCE)
        return;
    hr_language language =
        language_of(route->path_kind, hr_view_route_path(route),
                    route->path_kind == HR_SM_REGEX ? route->path.matcher : NULL);
    language.ignore_case = route->ignore_case && route->path_kind != HR_SM_REGEX;
    add_literal(w, hr_universe_literal(w->r->u, HR_ATTR_PATH, &language));
}

/* ---- conditions that a caller states ---- */

/* The NAME of "headers[NAME]"; absent: it is not written so. */
static hr_str name_in(hr_str field, const char *list) {
    size_t n = strlen(list);
    bool written = field.len > n + 2 && memcmp(field.p, list, n) == 0 && field.p[n] == '[' &&
                   field.p[field.len - 1] == ']';
    return written ? hr_str_of(field.p + n + 1, field.len - n - 2) : (hr_str){0};
}

static bool stated_header(uint32_t *out, hr_rule_reader *r, hr_str name) {
    hr_str claim = hr_claim_of_header(name);
    if (claim.p != NULL) {
        *out = claim_attr(r, hr_claim_name(r->u->b, claim));
        return true;
    }
    hr_cond cond = {.name = hr_arena_lower(r->u->b, name)};
    hr_cond_kind kind = hr_header_cond_kind(cond.name);
    if (kind != HR_COND_HEADER && kind != HR_COND_STRIPPED)
        return false;
    cond.kind = (uint8_t)kind;
    *out = named_attr(r, HR_ATTR_HEADER, &cond);
    return true;
}

static bool stated_attr(uint32_t *out, hr_rule_reader *r, hr_str field) {
    static const char *const names[] = {"method", "scheme", "authority", "path"};
    for (uint32_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (hr_str_eq_c(field, names[i])) {
            *out = i;
            return true;
        }
    hr_str header = name_in(field, "headers"), query = name_in(field, "queryParams");
    if (query.p != NULL)
        *out = hr_universe_attr(r->u, HR_ATTR_QUERY, hr_arena_copy(r->u->b, query), false);
    return query.p != NULL || (header.p != NULL && stated_header(out, r, header));
}

bool hr_condition_literal(hr_literal *out, hr_rule_reader *r, const hr_where *where,
                          const hr_regex *regex) {
    static const hr_language_kind kinds[] = {[HR_WHERE_EXACT] = HR_LANG_EXACT,
                                             [HR_WHERE_PREFIX] = HR_LANG_PREFIX,
                                             [HR_WHERE_SUFFIX] = HR_LANG_HOST_SUFFIX,
                                             [HR_WHERE_REGEX] = HR_LANG_REGEX};
    uint32_t attr = 0;
    if ((int)where->op < 0 || where->op > HR_WHERE_PRESENT ||
        !stated_attr(&attr, r, where->field) ||
        (where->op == HR_WHERE_SUFFIX && attr != HR_ATTR_AUTHORITY))
        return false;
    hr_literal l;
    if (where->op == HR_WHERE_PRESENT) {
        l = hr_universe_presence(r->u, attr);
    } else {
        bool host = attr == HR_ATTR_AUTHORITY && where->op == HR_WHERE_EXACT;
        hr_language language = {.kind = (uint8_t)(host ? HR_LANG_HOST : kinds[where->op]),
                                .text = hr_arena_copy(r->u->b, where->value),
                                .regex = regex};
        l = hr_universe_literal(r->u, attr, &language);
    }
    *out = where->negated ? hr_not(l) : l;
    return true;
}

/* ---- rules ---- */

static void finish_rule(rule_writer *w, hr_rule *rule) {
    rule->n = (uint32_t)w->literals.n;
    rule->conjunction = hr_universe_conjunction(w->r->u, w->literals.v, &rule->n);
    hr_literal *literals = HR_ARRAY(w->r->u->b, hr_literal, rule->n);
    if (literals == NULL)
        rule->n = 0;
    if (rule->n > 0)
        memcpy(literals, w->literals.v, rule->n * sizeof(*literals));
    rule->literals = literals;
    w->literals.n = 0;
}

/* ---- what becomes of the path ---- */

/* The bytes that a prefix rewrite replaces: forward.c's matched_len. */
static hr_path_change replaced_by(const hr_view_route *route, hr_str text) {
    hr_path_change change = {.text = text};
    if (route->path_kind == HR_SM_REGEX)
        change.kind = HR_PATH_WHOLE;
    else
        change.skip = route->path_kind == HR_SM_NONE ? 1 : route->path_len;
    return change;
}

/* No request of the route reaches an upstream. */
static bool never_forwards(const hr_view_action *plan) {
    bool answered = true;
    for (size_t i = 0; i < plan->n_targets; i++)
        answered &= plan->targets[i].decision.local_reply.status != 0;
    return answered || plan->abort_parts >= 1000000;
}

static hr_path_change path_change(hr_rule_reader *r, const hr_view_route *route) {
    const hr_view_action *plan = route->action;
    bool redirect = plan->kind == HR_ACTION_REDIRECT;
    if ((r->only & (unsigned)(redirect ? HR_CHANGE_REDIRECT : HR_CHANGE_REWRITE)) == 0)
        return (hr_path_change){.text = HR_STR("")};
    if (redirect && plan->redirect.prefix_rewrite.len > 0)
        return replaced_by(route, plan->redirect.prefix_rewrite);
    if (plan->kind != HR_ACTION_ROUTE || never_forwards(plan))
        return (hr_path_change){.text = HR_STR("")};
    if (plan->prefix_rewrite.p != NULL)
        return replaced_by(route, plan->prefix_rewrite);
    if (plan->regex == NULL)
        return (hr_path_change){.text = HR_STR("")};
    hr_str text =
        hr_arena_printf(r->u->b, "%zu %.*s%.*s", plan->pattern.len, (int)plan->pattern.len,
                        plan->pattern.p, (int)plan->substitution.len, plan->substitution.p);
    return (hr_path_change){.kind = HR_PATH_REGEX,
                            .text = HR_STR(""),
                            .regex = hr_universe_part(r->u, text),
                            .pattern = plan->pattern};
}

/* ---- lists ---- */

static void read_route(rule_writer *w, hr_rule *rule, const hr_view_route *route) {
    add_path(w, route);
    for (size_t i = 0; i < route->n_conds; i++)
        add_cond(w, &route->conds[i]);
    finish_rule(w, rule);
    rule->outcome = hr_outcome_of(w->r, route->action);
    rule->path = path_change(w->r, route);
    rule->route = route;
    bool written = route->origin->vs != NULL;
    rule->place = (hr_diff_rule){
        .virtual_service = !written                        ? (hr_str){0}
                           : route->origin->author != NULL ? route->origin->author->words
                                                           : route->origin->vs->id,
        .route_index = written ? route->route_index : -1,
        .match_index = written ? route->match_index : -1,
        .file = written ? route->origin->file : (hr_str){0},
        .line = written ? route->line : 0,
    };
}

/* httpsRedirect of a Gateway's server: decision.c asks for it before all rules. */
static void read_tls_redirect(rule_writer *w, hr_rule *rule) {
    hr_language https = {.kind = HR_LANG_EXACT, .ignore_case = true, .text = HR_STR("https")};
    add_literal(w, hr_not(hr_universe_literal(w->r->u, HR_ATTR_SCHEME, &https)));
    finish_rule(w, rule);
    rule->outcome = hr_outcome_of(w->r, &hr_action_https_redirect);
    rule->path.text = HR_STR("");
    rule->place = (hr_diff_rule){.route_index = -1, .match_index = -1};
}

static void read_no_route(rule_writer *w, hr_rule *rule) {
    finish_rule(w, rule);
    rule->outcome = hr_outcome_no_route(w->r);
    rule->path.text = HR_STR("");
    rule->place = (hr_diff_rule){.route_index = -1, .match_index = -1};
}

static hr_rule_list *read_list(hr_rule_reader *r, const hr_route_list *routes, bool require_tls) {
    hr_arena *b = r->u->b;
    rule_writer w = {.r = r};
    hr_rule_list *list = HR_NEW(b, hr_rule_list);
    size_t n = routes == NULL ? 0 : routes->n;
    list->routes = routes;
    list->require_tls = require_tls;
    list->v = HR_ARRAY(b, hr_rule, n + 2);
    if (list->v == NULL)
        return list;
    if (require_tls)
        read_tls_redirect(&w, &list->v[list->n++]);
    for (size_t i = 0; i < n && !hr_arena_failed(b); i++)
        read_route(&w, &list->v[list->n++], &routes->v[i]);
    read_no_route(&w, &list->v[list->n++]);
    return list;
}

const hr_rule_list *hr_rules_of(hr_rule_reader *r, const hr_view_virtual_host *vhost) {
    struct {
        const hr_route_list *routes;
        uintptr_t require_tls;
    } name = {vhost == NULL ? NULL : vhost->routes, vhost != NULL && vhost->require_tls};
    hr_str key = hr_str_of((const char *)&name, sizeof(name));
    hr_rule_list *found = hr_map_get(&r->lists, key);
    if (found != NULL)
        return found;
    found = read_list(r, name.routes, name.require_tls != 0);
    hr_map_add(r->u->b, &r->lists, hr_arena_copy(r->u->b, key), found);
    return found;
}

size_t hr_rule_chosen(const hr_rule_list *list, const hr_decision *decision) {
    const hr_chosen *chosen = decision->internal;
    if (chosen == NULL)
        return list->n - 1;
    if (chosen->route == NULL)
        return 0;
    if (list->routes == NULL || chosen->route < list->routes->v ||
        chosen->route >= list->routes->v + list->routes->n)
        return list->n;
    return (size_t)(chosen->route - list->routes->v) + list->require_tls;
}

bool hr_asks_for_authority(const hr_universe *u, const hr_rule_list *list) {
    for (size_t i = 0; i < list->n; i++)
        for (uint32_t k = 0; k < list->v[i].n; k++)
            if (hr_atom_of(u, list->v[i].literals[k])->attr == HR_ATTR_AUTHORITY)
                return true;
    return false;
}
