/* Hints for unknown fields: other names of the same thing, and matches that need a regex. */
#include "field_hints.h"

#include <stdio.h>
#include <string.h>

#include "text.h"

/* ---- names ---- */

/* Names are in lower case, without '_' and '-'. */
static const struct field_hint {
    const char *message, *name, *hint;
} field_hints[] = {
    {"VirtualService", "host", "use hosts, a list"},
    {"VirtualService", "gateway", "use gateways, a list"},
    {"VirtualService", "hostnames", "use hosts"},
    {"VirtualService", "parentrefs", "use gateways"},
    {"VirtualService", "rules", "use http"},
    {"VirtualService", "routes", "use http"},
    {"VirtualService", "match", "use http: [{match: [...], route: [...]}]"},
    {"VirtualService", "route", "use http: [{route: [...]}]"},
    {"DestinationRule", "hosts", "use host, one name"},
    {"DestinationRule", "name", "use host"},
    {"DestinationRule", "loadbalancer", "use trafficPolicy: {loadBalancer: ...}"},
    {"DestinationRule", "connectionpool", "use trafficPolicy: {connectionPool: ...}"},
    {"DestinationRule", "outlierdetection", "use trafficPolicy: {outlierDetection: ...}"},
    {"DestinationRule", "tls", "use trafficPolicy: {tls: ...}"},
    {"Subset", "selector", "use labels"},
    {"Subset", "matchlabels", "use labels"},
    {"OutlierDetection", "http", "write its fields into outlierDetection itself"},
    {"OutlierDetection", "tcp", "write its fields into outlierDetection itself"},
    {"Gateway", "listeners", "use servers"},
    {"Gateway", "gatewayclassname", "use selector, the labels of the gateway's pods"},
    {"Server", "host", "use hosts, a list"},
    {"Server", "ports", "use port; a server has one"},
    {"Port", "port", "use number"},
    {"PortSelector", "name", "a port is selected by number only: port: {number: 80}"},
    {"PortSelector", "port", "use number"},
    {"Destination", "name", "use host"},
    {"Destination", "service", "use host"},
    {"Destination", "namespace", "write it into host: NAME.NAMESPACE.svc.cluster.local"},
    {"Destination", "labels", "name a subset, which a DestinationRule defines by labels"},
    {"Destination", "weight", "write it beside destination"},
    {"HTTPRouteDestination", "host", "use destination: {host: ...}"},
    {"HTTPRouteDestination", "subset", "use destination: {subset: ...}"},
    {"HTTPRouteDestination", "port", "use destination: {port: {number: ...}}"},
    {"HTTPRouteDestination", "appendrequestheaders", "use headers: {request: {add: ...}}"},
    {"HTTPRouteDestination", "removerequestheaders", "use headers: {request: {remove: ...}}"},
    {"HTTPRouteDestination", "appendresponseheaders", "use headers: {response: {add: ...}}"},
    {"HTTPRouteDestination", "removeresponseheaders", "use headers: {response: {remove: ...}}"},
    {"HTTPRoute", "websocketupgrade", "remove it: upgrades to websocket are always allowed"},
    {"HTTPRoute", "appendheaders", "use headers: {request: {add: ...}}"},
    {"HTTPRoute", "appendrequestheaders", "use headers: {request: {add: ...}}"},
    {"HTTPRoute", "removerequestheaders", "use headers: {request: {remove: ...}}"},
    {"HTTPRoute", "appendresponseheaders", "use headers: {response: {add: ...}}"},
    {"HTTPRoute", "removeresponseheaders", "use headers: {response: {remove: ...}}"},
    {"HTTPRoute", "prefixrewrite", "use rewrite: {uri: ...}"},
    {"HTTPRoute", "regexrewrite", "use rewrite: {uriRegexRewrite: ...}"},
    {"HTTPRoute", "hostrewrite", "use rewrite: {authority: ...}"},
    {"HTTPRoute", "hostrewriteliteral", "use rewrite: {authority: ...}"},
    {"HTTPRoute", "retrypolicy", "use retries"},
    {"HTTPRoute", "retry", "use retries"},
    {"HTTPRoute", "cors", "use corsPolicy"},
    {"HTTPRoute", "matches", "use match"},
    {"HTTPRoute", "destination", "use route: [{destination: ...}]"},
    {"HTTPRoute", "destinations", "use route: [{destination: ...}]"},
    {"HTTPRoute", "backendrefs", "use route: [{destination: ...}]"},
    {"HTTPRoute", "weight", "write it into an entry of route, beside destination"},
    {"HTTPRoute", "uri", "use match: [{uri: ...}]"},
    {"HTTPRewrite", "hostrewrite", "use authority"},
    {"HTTPRewrite", "host", "use authority"},
    {"HTTPRewrite", "hostname", "use authority"},
    {"HTTPRewrite", "prefixrewrite", "use uri"},
    {"HTTPRewrite", "prefix", "use uri"},
    {"HTTPRewrite", "path", "use uri"},
    {"HTTPRewrite", "regexrewrite", "use uriRegexRewrite"},
    {"HTTPRewrite", "regex", "use uriRegexRewrite"},
    {"HTTPRedirect", "hostredirect", "use authority"},
    {"HTTPRedirect", "host", "use authority"},
    {"HTTPRedirect", "hostname", "use authority"},
    {"HTTPRedirect", "pathredirect", "use uri"},
    {"HTTPRedirect", "path", "use uri"},
    {"HTTPRedirect", "responsecode", "use redirectCode"},
    {"HTTPRedirect", "statuscode", "use redirectCode"},
    {"HTTPRedirect", "code", "use redirectCode"},
    {"HTTPRedirect", "status", "use redirectCode"},
    {"HTTPRedirect", "httpsredirect", "use scheme: https"},
    {"HTTPMatchRequest", "path", "use uri"},
    {"HTTPMatchRequest", "prefix", "use uri: {prefix: ...}"},
    {"HTTPMatchRequest", "exact", "use uri: {exact: ...}"},
    {"HTTPMatchRequest", "regex", "use uri: {regex: ...}"},
    {"HTTPMatchRequest", "host", "use authority"},
    {"HTTPMatchRequest", "header", "use headers"},
    {"HTTPMatchRequest", "notheaders", "use withoutHeaders"},
    {"HTTPMatchRequest", "query", "use queryParams"},
    {"HTTPMatchRequest", "queryparameters", "use queryParams"},
    {"HTTPMatchRequest", "methods", "use method, for example with regex: 'GET|POST'"},
    {"HTTPMatchRequest", "ignorecase", "use ignoreUriCase; it applies to uri only"},
    {"HTTPMatchRequest", "ports", "use port, one number"},
    {"HTTPRetry", "numretries", "use attempts"},
    {"HTTPRetry", "retries", "use attempts"},
    {"HTTPRetry", "timeout", "use perTryTimeout"},
    {"HTTPFaultInjection.Abort", "status", "use httpStatus"},
    {"HTTPFaultInjection.Abort", "percent", "use percentage: {value: ...}"},
    {"HTTPFaultInjection.Delay", "delay", "use fixedDelay"},
    {"Percent", "percent", "use value"},
};

/* The key in lower case, without '_' and '-'. Longer names than any of the table are cut. */
static hr_str plain_name(char buf[64], hr_str key) {
    size_t n = 0;
    for (size_t i = 0; i < key.len && n < 64; i++)
        if (key.p[i] != '_' && key.p[i] != '-')
            buf[n++] = hr_lower(key.p[i]);
    return (hr_str){buf, n};
}

/* ---- matches that need a regular expression ---- */

static bool names_one_of(hr_str name, const char *const *names, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (hr_str_eq_c(name, names[i]))
            return true;
    return false;
}
#define IS_ONE_OF(name, ...)                                                                       \
    names_one_of((name), (const char *const[]){__VA_ARGS__},                                       \
                 sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

typedef struct hint_text {
    char *buf;
    size_t n;
} hint_text;

static void put_part(hint_text *h, hr_str text) {
    size_t room = HR_HINT - 1 - h->n, len = text.len < room ? text.len : room;
    memcpy(h->buf + h->n, text.p, len);
    h->n += len;
    h->buf[h->n] = '\0';
}

static void put_text(hint_text *h, const char *text) {
    put_part(h, hr_str_from(text));
}

/* The text as part of a regular expression in single quotes of YAML. */
static void put_quoted(hint_text *h, hr_str text) {
    for (size_t i = 0; i < text.len; i++) {
        char c = text.p[i];
        const char part[] = {c, '\0'};
        if (strchr("\\.+*?()|[]{}^$", c) != NULL)
            put_text(h, "\\");
        put_text(h, c == '\'' ? "''" : part);
    }
}

static const hr_node *text_member(const hr_node *map, const char *name) {
    const hr_node *value = hr_field_get(map, name);
    return value != NULL && value->kind == HR_NODE_STRING ? value : NULL;
}

static void hint_affix(hint_text *h, const hr_node *value, const char *what, const char *behind) {
    if (value->kind != HR_NODE_STRING || value->u.text.len > 100)
        return;
    put_text(h, "Istio has no ");
    put_text(h, what);
    put_text(h, " match; use regex: '.*");
    put_quoted(h, value->u.text);
    put_text(h, behind);
    put_text(h, "'");
}

static void hint_in(hint_text *h, const hr_node *values) {
    if (values->kind != HR_NODE_LIST || values->u.children.n == 0 || values->u.children.n > 10)
        return;
    put_text(h, "Istio has no list of values; use regex: '");
    for (const hr_node *item = values->u.children.first; item != NULL; item = item->next) {
        if (item->kind >= HR_NODE_LIST || item->u.text.len > 30) {
            h->n = 0;
            h->buf[0] = '\0';
            return;
        }
        put_quoted(h, item->u.text);
        put_text(h, item->next == NULL ? "'" : "|");
    }
}

static void hint_ignore_case(hint_text *h, const hr_reader *r, const hr_node *map) {
    const hr_node *exact = text_member(map, "exact"), *prefix = text_member(map, "prefix");
    const hr_node *value = exact != NULL ? exact : prefix;
    if (r->path != NULL && r->path->up != NULL && hr_str_eq_c(r->path->up->name, "uri")) {
        put_text(h, "use ignoreUriCase: true beside uri");
        return;
    }
    put_text(h, "Istio has no case-insensitive match; use regex: '(?i)");
    if (value != NULL && value->u.text.len <= 100)
        put_quoted(h, value->u.text);
    else
        put_text(h, "...");
    put_text(h, exact == NULL && prefix != NULL ? ".*'" : "'");
}

static void hint_string_match(hint_text *h, const hr_reader *r, const hr_node *map,
                              const hr_node *key, hr_str name) {
    if (IS_ONE_OF(name, "suffix", "suffixmatch", "endswith"))
        hint_affix(h, key->value, "suffix", "");
    else if (IS_ONE_OF(name, "contains", "containsmatch", "substring"))
        hint_affix(h, key->value, "substring", ".*");
    else if (IS_ONE_OF(name, "in", "values", "oneof", "anyof"))
        hint_in(h, key->value);
    else if (IS_ONE_OF(name, "ignorecase", "caseinsensitive", "casesensitive"))
        hint_ignore_case(h, r, map);
    else if (IS_ONE_OF(name, "not", "notin", "invert", "invertmatch", "negate", "noteq"))
        put_text(h, "Istio inverts matches of headers only; use withoutHeaders");
    else if (IS_ONE_OF(name, "present", "presentmatch", "exists"))
        put_text(h, "use {}, which matches any value, without a field");
    else if (IS_ONE_OF(name, "value", "equals", "eq", "exactmatch", "equal"))
        put_text(h, "use exact");
    else if (IS_ONE_OF(name, "prefixmatch", "startswith", "pathprefix"))
        put_text(h, "use prefix");
    else if (IS_ONE_OF(name, "regexmatch", "saferegex", "saferegexmatch", "matches", "pattern"))
        put_text(h, "use regex");
}

/* A bare value in place of a match. */
static void hint_bare(hint_text *h, const hr_schema *schema, const hr_node *node) {
    if (strcmp(schema->what, "StringMatch") != 0 || node->kind >= HR_NODE_LIST ||
        node->kind == HR_NODE_NULL || node->u.text.len > 100)
        return;
    const char *quote = node->kind == HR_NODE_STRING ? "" : "\"";
    put_text(h, "use {exact: ");
    put_text(h, quote);
    put_part(h, node->u.text);
    put_text(h, quote);
    put_text(h, "}");
}

void hr_field_hint(char hint[HR_HINT], const hr_reader *r, const hr_schema *schema,
                   const hr_node *map, const hr_node *key) {
    char buf[64];
    hint_text h = {hint, 0};
    hint[0] = '\0';
    if (key == NULL) {
        hint_bare(&h, schema, map);
        return;
    }
    hr_str name = plain_name(buf, key->u.text);
    if (strcmp(schema->what, "StringMatch") == 0) {
        hint_string_match(&h, r, map, key, name);
        return;
    }
    for (size_t i = 0; i < sizeof(field_hints) / sizeof(field_hints[0]); i++)
        if (strcmp(schema->what, field_hints[i].message) == 0 &&
            hr_str_eq_c(name, field_hints[i].name)) {
            put_text(&h, field_hints[i].hint);
            return;
        }
}
