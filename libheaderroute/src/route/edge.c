/*
 * The headers that a proxy sets or removes before it looks at routes. The order and the conditions
 * are those of Envoy's source/common/http/conn_manager_utility.cc (mutateRequestHeaders), with the
 * settings that Istio gives its listeners (pilot/pkg/networking/core): a Gateway's proxies have
 * use_remote_address and SANITIZE_SET, sidecars have neither, and internal networks are empty in
 * both, so that no request is an internal one.
 */
#include <arpa/inet.h>
#include <stdalign.h>

#include "match.h"
#include "text.h"
#include "view.h"

/* Where no fresh id is given: of the right shape, so that a rule that asks for the header or its
 * form gets the right answer. */
#define UNKNOWN_ID "00000000-0000-4000-8000-000000000000"

/* Headers that are appended: x-forwarded-for, x-forwarded-proto, x-request-id,
 * x-envoy-external-address, x-forwarded-client-cert, te. */
#define ADDED 6

/* What one look at the client's headers finds. */
typedef struct edge_found {
    hr_str forwarded_for;        /* all lines, joined */
    hr_str proto;                /* x-forwarded-proto of a single line; absent: none, or several */
    bool has_proto, has_id;      /* one that is not empty */
    bool te, te_value, trailers; /* there is a te, not an empty one, with "trailers" */
} edge_found;

typedef enum edge_name {
    EDGE_NONE = 0,
    EDGE_FORWARDED_FOR,
    EDGE_FORWARDED_PROTO,
    EDGE_FORWARDED_CERT,
    EDGE_REQUEST_ID,
    EDGE_EXTERNAL_ADDRESS,
    EDGE_TE,
    EDGE_CONTROL,     /* removed everywhere */
    EDGE_EDGE_CONTROL /* removed at the edge of a mesh */
} edge_name;

static edge_name edge_control(hr_str name) {
    static const char *const everywhere[] = {
        "expected-rq-timeout-ms",
        "force-trace",
        "hedge-on-per-try-timeout",
        "internal",
        "ip-tags",
        "max-retries",
        "original-url",
        "retriable-header-names",
        "retriable-status-codes",
        "retry-grpc-on",
        "retry-on",
        "upstream-alt-stat-name",
        "upstream-rq-per-try-timeout-ms",
        "upstream-rq-timeout-alt-response",
        "upstream-rq-timeout-ms",
        "upstream-stream-duration-ms",
    };
    static const char *const at_the_edge[] = {"decorator-operation", "downstream-service-cluster",
                                              "downstream-service-node", "original-host",
                                              "original-path"};
    hr_str rest = hr_str_tail(name, strlen("x-envoy-"));
    if (hr_str_eq_nocase(rest, HR_STR("external-address")))
        return EDGE_EXTERNAL_ADDRESS;
    for (size_t i = 0; i < sizeof(everywhere) / sizeof(everywhere[0]); i++)
        if (hr_str_eq_nocase(rest, hr_str_from(everywhere[i])))
            return EDGE_CONTROL;
    for (size_t i = 0; i < sizeof(at_the_edge) / sizeof(at_the_edge[0]); i++)
        if (hr_str_eq_nocase(rest, hr_str_from(at_the_edge[i])))
            return EDGE_EDGE_CONTROL;
    return EDGE_NONE;
}

static edge_name edge_kind(hr_str name) {
    static const struct {
        const char *name;
        edge_name kind;
    } names[] = {{"x-forwarded-for", EDGE_FORWARDED_FOR},
                 {"x-forwarded-proto", EDGE_FORWARDED_PROTO},
                 {"x-forwarded-client-cert", EDGE_FORWARDED_CERT},
                 {"x-request-id", EDGE_REQUEST_ID}};
    if (name.len == 2 && hr_str_eq_nocase(name, HR_STR("te")))
        return EDGE_TE;
    if (name.len < 12 || (name.p[0] | 0x20) != 'x' || name.p[1] != '-')
        return EDGE_NONE;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (hr_str_eq_nocase(name, hr_str_from(names[i].name)))
            return names[i].kind;
    return hr_str_eq_nocase(hr_str_of(name.p, 8), HR_STR("x-envoy-")) ? edge_control(name)
                                                                      : EDGE_NONE;
}

/* Of a list in one or more lines: letter case counts, parameters are not expected. */
static bool edge_lists_trailers(hr_str value) {
    for (size_t at = 0; at <= value.len;) {
        size_t comma = hr_str_find(value, ',', at);
        if (hr_str_eq(hr_trim_blanks(hr_str_from_to(value, at, comma)), HR_STR("trailers")))
            return true;
        at = comma + 1;
    }
    return false;
}

/* Room for the joined lines of x-forwarded-for with one more address. */
static size_t edge_joined_size(const hr_request *request) {
    size_t size = INET6_ADDRSTRLEN + 2;
    for (size_t i = 0; i < request->n_headers; i++)
        if (edge_kind(request->headers[i].name) == EDGE_FORWARDED_FOR)
            size += request->headers[i].value.len + 1;
    const hr_connection *c = request->connection;
    return c == NULL ? size : size + c->peer_address.len;
}

/* Envoy joins the lines of a field of which it keeps one entry; empty ones leave no comma. */
static void edge_join(char *text, hr_str *joined, hr_str value) {
    if (joined->p == NULL)
        *joined = hr_str_of(text, 0);
    if (value.len == 0)
        return;
    if (joined->len > 0)
        text[joined->len++] = ',';
    memcpy(text + joined->len, value.p, value.len);
    joined->len += value.len;
}

static void edge_look(edge_found *found, const hr_request *request, char *text) {
    size_t protos = 0;
    for (size_t i = 0; i < request->n_headers; i++) {
        hr_str value = request->headers[i].value;
        switch (edge_kind(request->headers[i].name)) {
        case EDGE_FORWARDED_FOR:
            edge_join(text, &found->forwarded_for, value);
            break;
        case EDGE_FORWARDED_PROTO:
            found->has_proto |= value.len > 0;
            found->proto = protos++ == 0 ? value : (hr_str){0};
            break;
        case EDGE_REQUEST_ID:
            found->has_id |= value.len > 0;
            break;
        case EDGE_TE:
            found->te = true;
            found->te_value |= value.len > 0;
            found->trailers |= edge_lists_trailers(value);
            break;
        default:
            break;
        }
    }
}

static bool edge_is_address(hr_str s) {
    char text[INET6_ADDRSTRLEN];
    struct in6_addr address;
    if (s.len == 0 || s.len >= sizeof(text))
        return false;
    memcpy(text, s.p, s.len);
    text[s.len] = '\0';
    return inet_pton(AF_INET, text, &address) == 1 || inet_pton(AF_INET6, text, &address) == 1;
}

/* The entry of x-forwarded-for that the outermost trusted proxy wrote: the Nth from the end.
 * Absent: there is none, or it is not an address. */
static hr_str edge_trusted_client(hr_str forwarded_for, unsigned trusted) {
    size_t end = forwarded_for.len;
    if (trusted == 0 || forwarded_for.len == 0)
        return (hr_str){0};
    for (unsigned i = 1;; i++) {
        size_t at = end;
        while (at > 0 && forwarded_for.p[at - 1] != ',')
            at--;
        if (i == trusted) {
            hr_str entry = hr_trim_blanks(hr_str_from_to(forwarded_for, at, end));
            return edge_is_address(entry) ? entry : (hr_str){0};
        }
        if (at == 0)
            return (hr_str){0};
        end = at - 1;
    }
}

/* ---- the two kinds of proxies ---- */

typedef struct edge_list {
    hr_pair *v;
    size_t n;
} edge_list;

static void edge_put(edge_list *list, hr_str name, hr_str value) {
    if (value.p != NULL)
        list->v[list->n++] = (hr_pair){name, value};
}

/* Which of the client's headers are passed on unchanged. */
typedef struct edge_policy {
    bool forwarded_for, proto, id, edge_controls;
} edge_policy;

static bool edge_keeps(edge_name kind, const edge_policy *policy) {
    switch (kind) {
    case EDGE_NONE:
        return true;
    case EDGE_FORWARDED_FOR:
        return policy->forwarded_for;
    case EDGE_FORWARDED_PROTO:
        return policy->proto;
    case EDGE_REQUEST_ID:
        return policy->id;
    case EDGE_EXTERNAL_ADDRESS:
    case EDGE_EDGE_CONTROL:
        return policy->edge_controls;
    default:
        return false;
    }
}

static void edge_keep(edge_list *list, const hr_request *request, const edge_policy *policy) {
    for (size_t i = 0; i < request->n_headers; i++)
        if (edge_keeps(edge_kind(request->headers[i].name), policy))
            list->v[list->n++] = request->headers[i];
}

static hr_str edge_client(const hr_connection *c, hr_str forwarded_for, unsigned trusted) {
    hr_str client = edge_trusted_client(forwarded_for, trusted);
    return client.p != NULL ? client : c->peer_address;
}

static bool edge_encrypted(const hr_request *request) {
    return hr_str_eq_nocase(request->scheme, HR_STR("https"));
}

/* `text` has room for the peer's address behind the joined lines. */
static void edge_of_gateway(edge_list *list, hr_connection *c, edge_found *found, char *text) {
    c->client_address = edge_client(c, found->forwarded_for, c->trusted_proxies);
    if (c->peer_address.len > 0)
        edge_join(text, &found->forwarded_for, c->peer_address);
    edge_put(list, HR_STR("x-forwarded-for"), found->forwarded_for);
    edge_put(list, HR_STR("x-envoy-external-address"), c->client_address);
    edge_put(list, HR_STR("x-forwarded-client-cert"), c->forwarded_client_cert);
}

/* :scheme follows x-forwarded-proto where that is a scheme. */
static hr_str edge_scheme(hr_str proto, hr_str scheme) {
    if (hr_str_eq_nocase(proto, HR_STR("http")))
        return HR_STR("http");
    return hr_str_eq_nocase(proto, HR_STR("https")) ? HR_STR("https") : scheme;
}

/* Returns how many headers, the last of the list, the proxy has set. */
static size_t edge_fill(edge_list *list, hr_connection *c, hr_str *scheme,
                        const hr_request *request, bool gateway, char *text) {
    edge_found found = {0};
    edge_look(&found, request, text);
    edge_policy policy = {.forwarded_for = !gateway,
                          .proto = found.has_proto && (!gateway || c->trusted_proxies > 0),
                          .id = found.has_id && !gateway,
                          .edge_controls = !gateway};
    edge_keep(list, request, &policy);
    if (found.te && (found.trailers || !found.te_value))
        edge_put(list, HR_STR("te"), found.trailers ? HR_STR("trailers") : HR_STR(""));
    size_t of_client = list->n;
    if (gateway)
        edge_of_gateway(list, c, &found, text);
    else /* the last address is taken for the client's */
        c->client_address = edge_client(c, found.forwarded_for, c->trusted_proxies + 1);
    if (!policy.proto)
        edge_put(list, HR_STR("x-forwarded-proto"), *scheme);
    else
        *scheme = edge_scheme(found.proto, *scheme);
    if (!policy.id)
        edge_put(list, HR_STR("x-request-id"),
                 c->request_id.len > 0 ? c->request_id : HR_STR(UNKNOWN_ID));
    return list->n - of_client;
}

static size_t edge_round_up(size_t n) {
    const size_t align = alignof(max_align_t) - 1;
    return (n + align) & ~align;
}

int hr_edge_request(hr_request *out, const hr_view *view, const hr_request *request, void *memory,
                    size_t *size) {
    if (out == NULL || size == NULL || view == NULL || request == NULL ||
        request->version != HR_REQUEST_VERSION ||
        (request->headers == NULL && request->n_headers > 0) ||
        (request->connection != NULL && request->connection->version != HR_CONNECTION_VERSION))
        return HR_EINVAL;
    *out = (hr_request){0};
    size_t pairs = edge_round_up((request->n_headers + ADDED) * sizeof(hr_pair));
    size_t connection = edge_round_up(sizeof(hr_connection));
    size_t needed = pairs + connection + edge_joined_size(request);
    if (memory == NULL || *size < needed) {
        *size = needed;
        return HR_ENOSPC;
    }
    edge_list list = {.v = memory};
    hr_connection *c = (hr_connection *)((char *)memory + pairs);
    char *text = (char *)c + connection;
    hr_str scheme = edge_encrypted(request) ? HR_STR("https") : HR_STR("http");
    *c = request->connection != NULL ? *request->connection : (hr_connection)HR_CONNECTION_INIT;
    size_t set = edge_fill(&list, c, &scheme, request, view->gateway, text);
    *out = *request;
    out->headers = list.v;
    out->n_headers = list.n;
    out->scheme = scheme;
    out->connection = c;
    out->n_proxy_headers = set;
    return HR_OK;
}

hr_str hr_trim_blanks(hr_str value) {
    size_t from = 0, to = value.len;
    while (from < to && (value.p[from] == ' ' || value.p[from] == '\t'))
        from++;
    while (to > from && (value.p[to - 1] == ' ' || value.p[to - 1] == '\t'))
        to--;
    return value.p == NULL ? value : hr_str_of(value.p + from, to - from);
}
