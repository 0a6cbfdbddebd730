/*
 * The VirtualService of a Canary, as pkg/router/istio.go of Flagger writes it: fields that
 * Flagger's types lack and empty strings are left out, as its JSON has them.
 */
#include "canary_rules.h"

#include <string.h>

#include "arena.h"
#include "text.h"

#define C(s) (int)(s).len, (s).p == NULL ? "" : (s).p

typedef struct maker {
    hr_arena *arena;
    const hr_node *at; /* place of what is made */
    const hr_spec_canary *canary;
    const hr_node *service, *analysis; /* parts of the Canary */
} maker;

/* ---- nodes ---- */

/* A node that is made here. */
typedef struct made_node {
    hr_node node;
    hr_node *last; /* its last child; NULL: not looked for yet */
} made_node;

static hr_node *node_like(maker *m, const hr_node *like) {
    made_node *made = HR_NEW(m->arena, made_node);
    if (like != NULL)
        made->node = *like;
    made->node.next = NULL;
    made->last = NULL;
    return &made->node;
}

static hr_node *node_made(maker *m, hr_node_kind kind, hr_str text) {
    hr_node *node = node_like(m, m->at);
    node->kind = kind;
    node->value = NULL;
    node->size = 1;
    memset(&node->u, 0, sizeof(node->u));
    if (kind == HR_NODE_STRING || kind == HR_NODE_INT)
        node->u.text = text;
    return node;
}

static hr_node *node_text(maker *m, hr_str text) {
    return node_made(m, HR_NODE_STRING, text);
}

static hr_node *node_number(maker *m, int64_t n) {
    return node_made(m, HR_NODE_INT, hr_arena_printf(m->arena, "%lld", (long long)n));
}

/* Appends a child that is in no other list to a node that is made here. After a failed allocation
 * nodes share their memory. */
static void node_append(maker *m, hr_node *parent, hr_node *child) {
    if (hr_arena_failed(m->arena))
        return;
    made_node *made = (made_node *)parent;
    if (made->last == NULL)
        for (hr_node *i = parent->u.children.first; i != NULL; i = i->next)
            made->last = i;
    if (made->last == NULL)
        parent->u.children.first = child;
    else
        made->last->next = child;
    made->last = child;
    parent->u.children.n++;
}

static void node_put(maker *m, hr_node *map, hr_str key, const hr_node *value) {
    if (value == NULL)
        return;
    hr_node *entry = node_text(m, key);
    entry->line = value->line;
    entry->column = value->column;
    entry->value = node_like(m, value);
    node_append(m, map, entry);
}

static hr_node *node_put_map(maker *m, hr_node *map, const char *key) {
    hr_node *entry = node_text(m, hr_str_from(key));
    entry->value = node_made(m, HR_NODE_MAP, (hr_str){0});
    node_append(m, map, entry);
    return entry->value;
}

static hr_node *node_put_list(maker *m, hr_node *map, const char *key) {
    hr_node *list = node_put_map(m, map, key);
    list->kind = HR_NODE_LIST;
    return list;
}

/* ---- Flagger's types ---- */

/* Whether Flagger's JSON leaves the value out (omitempty). */
static bool is_empty_value(const hr_node *value) {
    switch (value->kind) {
    case HR_NODE_NULL:
        return true;
    case HR_NODE_BOOL:
        return hr_str_eq_c(value->u.text, "false");
    case HR_NODE_INT:
        return hr_str_eq_c(value->u.text, "0");
    case HR_NODE_STRING:
        return value->u.text.len == 0;
    case HR_NODE_LIST:
    case HR_NODE_MAP:
        return value->u.children.n == 0;
    default:
        return false;
    }
}

/* The map with those of the fields that are not empty; anything else unchanged. The names end with
 * NULL. */
static const hr_node *node_fields(maker *m, const hr_node *map, const char *const *names) {
    if (map == NULL || map->kind != HR_NODE_MAP)
        return map;
    hr_node *out = node_like(m, map);
    memset(&out->u, 0, sizeof(out->u));
    for (; *names != NULL; names++) {
        const hr_node *value = hr_node_get(map, hr_str_from(*names));
        if (value != NULL && !is_empty_value(value))
            node_put(m, out, hr_str_from(*names), value);
    }
    return out;
}

static const hr_node *string_match(maker *m, const hr_node *match) {
    static const char *const fields[] = {"exact", "prefix", "regex", NULL};
    return node_fields(m, match, fields);
}

static const hr_node *string_matches(maker *m, const hr_node *map) {
    if (map->kind != HR_NODE_MAP)
        return map;
    hr_node *out = node_like(m, map);
    memset(&out->u, 0, sizeof(out->u));
    for (const hr_node *k = map->u.children.first; k != NULL; k = k->next)
        node_put(m, out, k->u.text, string_match(m, k->value));
    return out;
}

static const hr_node *string_match_list(maker *m, const hr_node *list) {
    if (list->kind != HR_NODE_LIST)
        return list;
    hr_node *out = node_like(m, list);
    memset(&out->u, 0, sizeof(out->u));
    for (const hr_node *i = list->u.children.first; i != NULL; i = i->next)
        node_append(m, out, node_like(m, string_match(m, i)));
    return out;
}

typedef struct match_field {
    const char *name;
    const hr_node *(*make)(maker *m, const hr_node *value); /* NULL: unchanged */
} match_field;

static const match_field match_fields[] = {
    {"name", NULL},
    {"uri", string_match},
    {"scheme", string_match},
    {"method", string_match},
    {"authority", string_match},
    {"headers", string_matches},
    {"port", NULL},
    {"sourceLabels", NULL},
    {"gateways", NULL},
    {"queryParams", string_matches},
    {"ignoreUriCase", NULL},
    {"withoutHeaders", string_matches},
    {"sourceNamespace", NULL},
};

/* One item of a match; `over`, if any, has the headers and source labels that replace its own. */
static hr_node *match_item(maker *m, const hr_node *match, const hr_node *over) {
    hr_node *out = node_like(m, match);
    if (match->kind != HR_NODE_MAP)
        return out;
    memset(&out->u, 0, sizeof(out->u));
    for (size_t i = 0; i < sizeof(match_fields) / sizeof(match_fields[0]); i++) {
        hr_str name = hr_str_from(match_fields[i].name);
        const hr_node *value = hr_node_get(match, name), *other = hr_node_get(over, name);
        bool replaced = hr_str_eq_c(name, "headers") || hr_str_eq_c(name, "sourceLabels");
        if (replaced && other != NULL && other->kind != HR_NODE_NULL)
            value = other;
        if (value != NULL && !is_empty_value(value))
            node_put(m, out, name,
                     match_fields[i].make == NULL ? value : match_fields[i].make(m, value));
    }
    return out;
}

static bool is_list_of(const hr_node *node) {
    return node != NULL && node->kind == HR_NODE_LIST && node->u.children.n > 0;
}

/* mergeMatchConditions: each condition of the canary with each of the service. */
static void put_merged_match(maker *m, hr_node *rule, const hr_node *first_of_canary,
                             const hr_node *defaults) {
    if (first_of_canary == NULL && !is_list_of(defaults))
        return;
    hr_node *list = node_put_list(m, rule, "match");
    hr_node *last = NULL;
    for (const hr_node *c = first_of_canary; c != NULL || last == NULL; c = c->next) {
        bool merges = is_list_of(defaults);
        for (const hr_node *d = merges ? defaults->u.children.first : c; d != NULL;
             d = merges ? d->next : NULL) {
            hr_node *item = match_item(m, d, c);
            if (hr_arena_failed(m->arena))
                return;
            if (last == NULL)
                list->u.children.first = item;
            else
                last->next = item;
            last = item;
            list->u.children.n++;
        }
        if (c == NULL)
            break;
    }
}

/* ---- rules ---- */

static hr_node *put_version(maker *m, hr_node *route, hr_str host, int64_t weight) {
    const hr_spec_canary *c = m->canary;
    hr_node *item = node_made(m, HR_NODE_MAP, (hr_str){0});
    hr_node *destination = node_put_map(m, item, "destination");
    node_put(m, destination, HR_STR("host"), node_text(m, host));
    bool ingress = c->gateways.n > 0 && !hr_str_eq_c(c->gateways.v[0], "mesh");
    if (c->port_discovery && (ingress || c->delegation))
        node_put(m, node_put_map(m, destination, "port"), HR_STR("number"),
                 node_number(m, c->port));
    node_put(m, item, HR_STR("weight"), node_number(m, weight));
    node_append(m, route, item);
    return item;
}

static void put_common(maker *m, hr_node *rule) {
    static const char *const rewrite[] = {"uri", "authority", NULL};
    static const char *const retries[] = {"attempts", "perTryTimeout", "retryOn", NULL};
    static const char *const cors[] = {
        "allowOrigin",   "allowOrigins", "allowMethods",     "allowHeaders",
        "exposeHeaders", "maxAge",       "allowCredentials", NULL};
    const hr_node *timeout = hr_field_get(m->service, "timeout");
    if (timeout != NULL && !is_empty_value(timeout))
        node_put(m, rule, HR_STR("timeout"), timeout);
    node_put(m, rule, HR_STR("rewrite"),
             node_fields(m, hr_field_get(m->service, "rewrite"), rewrite));
    const hr_node *retry = hr_field_get(m->service, "retries");
    if (retry != NULL && retry->kind != HR_NODE_MAP)
        node_put(m, rule, HR_STR("retries"), retry);
    else if (retry != NULL) {
        hr_node *made = node_like(m, node_fields(m, retry, retries));
        if (hr_node_get(made, HR_STR("attempts")) == NULL)
            node_put(m, made, HR_STR("attempts"), node_number(m, 0));
        node_put(m, rule, HR_STR("retries"), made);
    }
    const hr_node *policy = hr_field_get(m->service, "corsPolicy");
    if (policy != NULL && policy->kind != HR_NODE_MAP)
        node_put(m, rule, HR_STR("corsPolicy"), policy);
    else if (policy != NULL) {
        hr_node *made = node_like(m, node_fields(m, policy, cors));
        for (hr_node *k = made->u.children.first; k != NULL; k = k->next)
            if (hr_str_eq_c(k->u.text, "allowOrigins"))
                k->value = node_like(m, string_match_list(m, k->value));
        node_put(m, rule, HR_STR("corsPolicy"), made);
    }
}

/* Sets the response header of `headers` that stores a cookie in the client. */
static void put_cookie(maker *m, hr_node *headers, hr_str cookie) {
    hr_node *add = node_put_map(m, node_put_map(m, headers, "response"), "add");
    node_put(m, add, HR_STR("Set-Cookie"), node_text(m, cookie));
}

/* The headers of the service, with a cookie among those that are added to the response, if one is
 * given. */
static const hr_node *headers_of(maker *m, hr_str cookie) {
    static const char *const sides[] = {"request", "response", NULL};
    static const char *const operations[] = {"set", "add", "remove", NULL};
    const hr_node *given = hr_field_get(m->service, "headers");
    if (given == NULL && cookie.len == 0)
        return NULL;
    if (given != NULL && given->kind != HR_NODE_MAP)
        return given; /* refused where the rule is read */
    hr_node *out = node_made(m, HR_NODE_MAP, (hr_str){0});
    if (given == NULL) {
        put_cookie(m, out, cookie);
        return out;
    }
    for (size_t i = 0; sides[i] != NULL; i++) {
        const hr_node *side = node_fields(m, hr_field_get(given, sides[i]), operations);
        hr_node *made = side == NULL ? node_made(m, HR_NODE_MAP, (hr_str){0}) : node_like(m, side);
        const hr_node *own = hr_node_get(made, HR_STR("add"));
        bool takes = made->kind == HR_NODE_MAP && (own == NULL || own->kind == HR_NODE_MAP);
        if (i == 1 && cookie.len > 0 && takes) {
            hr_node *add = node_made(m, HR_NODE_MAP, (hr_str){0});
            for (const hr_node *k = own == NULL ? NULL : own->u.children.first; k != NULL;
                 k = k->next)
                if (!hr_str_eq_c(k->u.text, "Set-Cookie"))
                    node_put(m, add, k->u.text, k->value);
            node_put(m, add, HR_STR("Set-Cookie"), node_text(m, cookie));
            static const char *const others[] = {"set", "remove", NULL};
            made = node_like(m, node_fields(m, made, others));
            node_put(m, made, HR_STR("add"), add);
        }
        if (side != NULL || (made->kind == HR_NODE_MAP && made->u.children.n > 0))
            node_put(m, out, hr_str_from(sides[i]), made);
    }
    return out;
}

/* A rule with the destinations of both versions, or with the primary alone (canary < 0). Returns
 * the list of its destinations. */
static hr_node *put_canary_rule(maker *m, hr_node *http, const hr_node *conditions,
                                const hr_node *headers, int64_t primary, int64_t canary) {
    hr_node *rule = node_made(m, HR_NODE_MAP, (hr_str){0});
    put_merged_match(m, rule, conditions, hr_field_get(m->service, "match"));
    put_common(m, rule);
    node_put(m, rule, HR_STR("headers"), headers);
    hr_node *route = node_put_list(m, rule, "route");
    put_version(m, route, m->canary->primary, primary);
    if (canary >= 0)
        put_version(m, route, m->canary->canary, canary);
    node_append(m, http, rule);
    return route;
}

/* ---- session affinity ---- */

/* A condition on the cookie `NAME=VALUE`. */
static const hr_node *cookie_condition(maker *m, hr_str cookie) {
    size_t equals = hr_str_find(cookie, '=', 0);
    hr_str value = equals < cookie.len ? hr_str_tail(cookie, equals + 1) : HR_STR("");
    value = hr_str_of(value.p, hr_str_find(value, '=', 0));
    hr_node *condition = node_made(m, HR_NODE_MAP, (hr_str){0});
    hr_node *match = node_put_map(m, node_put_map(m, condition, "headers"), "Cookie");
    node_put(
        m, match, HR_STR("regex"),
        node_text(m, hr_arena_printf(m->arena, ".*%.*s.*%.*s.*", (int)equals, cookie.p, C(value))));
    return condition;
}

static hr_str set_cookie(maker *m, const hr_canary_affinity *a, hr_str cookie, int64_t age) {
    hr_str text = hr_arena_printf(m->arena, "%.*s; Max-Age=%lld", C(cookie), (long long)age);
    if (a->domain.len > 0)
        text = hr_arena_printf(m->arena, "%.*s; Domain=%.*s", C(text), C(a->domain));
    if (a->http_only)
        text = hr_arena_printf(m->arena, "%.*s; HttpOnly", C(text));
    if (a->partitioned)
        text = hr_arena_printf(m->arena, "%.*s; Partitioned", C(text));
    if (a->path.len > 0)
        text = hr_arena_printf(m->arena, "%.*s; Path=%.*s", C(text), C(a->path));
    if (a->same_site.len > 0)
        text = hr_arena_printf(m->arena, "%.*s; SameSite=%.*s", C(text), C(a->same_site));
    if (a->secure)
        text = hr_arena_printf(m->arena, "%.*s; Secure", C(text));
    return text;
}

/* Values of cookies are random; this one has their form. */
static hr_str new_cookie(hr_arena *arena, hr_str name) {
    return hr_arena_printf(arena, "%.*s=abcdefghij", C(name));
}

void hr_canary_set_cookies(hr_reader *r, const hr_spec_canary *canary, hr_canary_state *s) {
    const hr_canary_affinity *a = hr_canary_analysis_of(canary)->affinity;
    if (a == NULL || s->kept)
        return;
    if (s->canary == 0) {
        if (s->cookie.len > 0)
            s->previous_cookie = s->cookie;
        s->cookie = (hr_str){0};
        return;
    }
    if (s->cookie.len == 0)
        s->cookie = new_cookie(r->arena, a->cookie);
    if (s->primary_cookie.len == 0)
        s->primary_cookie = new_cookie(r->arena, a->primary_cookie);
}

static void put_sticky_rules(maker *m, hr_node *http, const hr_canary_state *s) {
    const hr_canary_affinity *a = hr_canary_analysis_of(m->canary)->affinity;
    const hr_node *headers = headers_of(m, (hr_str){0});
    int64_t interval = 0;
    (void)hr_parse_duration(&interval, hr_canary_analysis_of(m->canary)->interval);
    put_canary_rule(m, http, cookie_condition(m, s->cookie), headers, 0, 100);
    if (a->primary_cookie.len > 0)
        put_canary_rule(m, http, cookie_condition(m, s->primary_cookie), headers, 100, 0);
    hr_node *route = put_canary_rule(m, http, NULL, headers, s->primary, s->canary);
    hr_node *primary = route->u.children.first;
    if (hr_arena_failed(m->arena))
        return;
    if (a->primary_cookie.len > 0)
        put_cookie(m, node_put_map(m, primary, "headers"),
                   set_cookie(m, a, s->primary_cookie, interval / 1000000000));
    put_cookie(m, node_put_map(m, primary->next, "headers"),
               set_cookie(m, a, s->cookie, a->max_age == 0 ? 86400 : a->max_age));
}

/* The rule that removes the cookie of the last run. Where the service has headers, both rules share
 * them in Flagger. */
static void put_expiring_rules(maker *m, hr_node *http, const hr_canary_state *s) {
    hr_str expired = {0};
    const hr_node *condition = NULL;
    if (s->previous_cookie.len > 0) {
        expired = hr_arena_printf(m->arena, "%.*s; Max-Age=-1", C(s->previous_cookie));
        condition = cookie_condition(m, s->previous_cookie);
    }
    bool shared = hr_field_get(m->service, "headers") != NULL;
    put_canary_rule(m, http, condition, headers_of(m, expired), s->primary, s->canary);
    put_canary_rule(m, http, NULL, headers_of(m, shared ? expired : (hr_str){0}), s->primary,
                    s->canary);
}

/* ---- the whole ---- */

bool hr_canary_has_match(const hr_spec_canary *canary) {
    const hr_node *analysis =
        hr_field_get(canary->node, canary->analysis != NULL ? "analysis" : "canaryAnalysis");
    return is_list_of(hr_field_get(analysis, "match"));
}

const hr_canary_analysis *hr_canary_analysis_of(const hr_spec_canary *canary) {
    return canary->analysis != NULL ? canary->analysis : canary->old_analysis;
}

static void put_rules(maker *m, hr_node *http, const hr_canary_state *s) {
    const hr_canary_analysis *analysis = hr_canary_analysis_of(m->canary);
    if (hr_canary_has_match(m->canary)) {
        const hr_node *match = hr_field_get(m->analysis, "match");
        /* The rules for cookies are replaced; the cookie that they put into the headers stays. */
        bool shared = analysis->affinity != NULL && s->canary == 0 && s->previous_cookie.len > 0 &&
                      hr_field_get(m->service, "headers") != NULL;
        hr_str expired = shared
                             ? hr_arena_printf(m->arena, "%.*s; Max-Age=-1", C(s->previous_cookie))
                             : (hr_str){0};
        const hr_node *headers = headers_of(m, expired);
        put_canary_rule(m, http, match->u.children.first, headers, s->primary, s->canary);
        put_canary_rule(m, http, NULL, headers, s->primary, -1);
        return;
    }
    if (analysis->affinity == NULL || s->kept)
        put_canary_rule(m, http, NULL, headers_of(m, (hr_str){0}), s->primary, s->canary);
    else if (s->canary != 0)
        put_sticky_rules(m, http, s);
    else
        put_expiring_rules(m, http, s);
    if (s->mirrored && !hr_arena_failed(m->arena)) {
        hr_node *rule = http->u.children.first;
        node_put(m, node_put_map(m, rule, "mirror"), HR_STR("host"),
                 node_text(m, m->canary->canary));
        if (analysis->mirror_weight > 0)
            node_put(m, node_put_map(m, rule, "mirrorPercentage"), HR_STR("value"),
                     node_number(m, analysis->mirror_weight));
    }
}

static void put_strings(maker *m, hr_node *map, const char *key, const hr_str_list *list,
                        hr_str more) {
    hr_node *made = node_put_list(m, map, key);
    for (size_t i = 0; i < list->n; i++)
        node_append(m, made, node_text(m, list->v[i]));
    if (more.len > 0)
        node_append(m, made, node_text(m, more));
}

static maker maker_of(hr_reader *r, const hr_spec_canary *canary) {
    return (maker){.arena = r->document,
                   .at = canary->node,
                   .canary = canary,
                   .service = hr_field_get(canary->node, "service"),
                   .analysis = hr_field_get(
                       canary->node, canary->analysis != NULL ? "analysis" : "canaryAnalysis")};
}

hr_node *hr_canary_virtual_service(hr_reader *r, const hr_spec_canary *canary,
                                   const hr_canary_state *state) {
    maker m = maker_of(r, canary);
    hr_node *document = node_made(&m, HR_NODE_MAP, (hr_str){0});
    hr_node *spec = node_put_map(&m, document, "spec");
    bool has_apex = false, mesh = canary->gateways.n == 0;
    for (size_t i = 0; i < canary->hosts.n; i++)
        has_apex = has_apex || hr_str_eq(canary->hosts.v[i], canary->apex) ||
                   hr_str_eq_c(canary->hosts.v[i], "*");
    if (!canary->delegation) {
        put_strings(&m, spec, "hosts", &canary->hosts, has_apex ? (hr_str){0} : canary->apex);
        put_strings(&m, spec, "gateways", &canary->gateways, mesh ? HR_STR("mesh") : (hr_str){0});
    }
    put_rules(&m, node_put_list(&m, spec, "http"), state);
    return hr_arena_failed(m.arena) ? NULL : document;
}

hr_node *hr_canary_service(hr_reader *r, const hr_spec_canary *canary) {
    maker m = maker_of(r, canary);
    hr_node *document = node_made(&m, HR_NODE_MAP, (hr_str){0});
    hr_node *spec = node_put_map(&m, document, "spec");
    hr_node *port = node_made(&m, HR_NODE_MAP, (hr_str){0});
    node_append(&m, node_put_list(&m, spec, "ports"), port);
    node_put(&m, port, HR_STR("name"),
             node_text(&m, canary->port_name.len > 0 ? canary->port_name : HR_STR("http")));
    node_put(&m, port, HR_STR("port"), node_number(&m, canary->port));
    if (canary->app_protocol.len > 0)
        node_put(&m, port, HR_STR("appProtocol"), node_text(&m, canary->app_protocol));
    return hr_arena_failed(m.arena) ? NULL : document;
}

hr_node *hr_canary_destination_rule(hr_reader *r, const hr_spec_canary *canary, hr_str host) {
    maker m = maker_of(r, canary);
    hr_node *document = node_made(&m, HR_NODE_MAP, (hr_str){0});
    hr_node *spec = node_put_map(&m, document, "spec");
    node_put(&m, spec, HR_STR("host"), node_text(&m, host));
    node_put(&m, spec, HR_STR("trafficPolicy"), hr_field_get(m.service, "trafficPolicy"));
    return hr_arena_failed(m.arena) ? NULL : document;
}
