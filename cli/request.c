/*
 * Builds one request from a URL, headers and flags, and caches the views in which requests are
 * decided.
 */
#include "request.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

void cli_add_header(cli_request *r, hr_str name, hr_str value) {
    if (name.len == 4 && strncasecmp(name.p, "host", 4) == 0) {
        r->request.authority = hr_trim_blanks(value);
        return;
    }
    cli_push_pair(&r->headers, &r->n_headers, &r->headers_capacity, name, hr_trim_blanks(value));
    r->request.headers = r->headers;
    r->request.n_headers = r->n_headers;
}

/* ---- the connection ---- */

void cli_request_init(cli_request *r) {
    *r = (cli_request){.request = HR_REQUEST_INIT, .connection = HR_CONNECTION_INIT};
}

void cli_request_free(cli_request *r) {
    for (size_t i = 0; i < r->texts.n; i++)
        free((void *)r->texts.v[i]);
    free(r->texts.v);
    free(r->claims);
    free(r->headers);
    free(r->facts);
    free(r->memory);
}

static bool is_ip_literal(hr_str s) {
    char text[INET6_ADDRSTRLEN];
    struct in6_addr address;
    if (s.len >= sizeof(text))
        return false;
    memcpy(text, s.p, s.len);
    text[s.len] = '\0';
    return inet_pton(AF_INET, text, &address) == 1 || inet_pton(AF_INET6, text, &address) == 1;
}

bool cli_set_peer(cli_request *r, hr_str text) {
    hr_connection *c = &r->connection;
    c->peer_address = text;
    c->peer_port = 0;
    if (is_ip_literal(text))
        return true;
    size_t colon = text.len;
    while (colon > 0 && text.p[colon - 1] != ':')
        colon--;
    char port[8] = "";
    if (colon == 0 || text.len - colon >= sizeof(port))
        return false;
    memcpy(port, text.p + colon, text.len - colon);
    c->peer_address = (hr_str){text.p, colon - 1};
    if (c->peer_address.len > 2 && text.p[0] == '[' && text.p[colon - 2] == ']')
        c->peer_address = (hr_str){text.p + 1, colon - 3};
    return is_ip_literal(c->peer_address) && cli_parse_port(&c->peer_port, port);
}

void cli_put_fact(cli_request *r, hr_str command, hr_str value) {
    cli_push_pair(&r->facts, &r->n_facts, &r->facts_capacity, command, value);
}

bool cli_add_fact(cli_request *r, hr_str text) {
    const char *equals = text.len == 0 ? NULL : memchr(text.p, '=', text.len);
    if (equals == NULL || equals == text.p)
        return false;
    size_t name = (size_t)(equals - text.p);
    cli_put_fact(r, (hr_str){text.p, name}, (hr_str){equals + 1, text.len - name - 1});
    return true;
}

void cli_put_claim(cli_request *r, hr_str name, hr_str value) {
    cli_push_pair(&r->claims, &r->n_claims, &r->claims_capacity, name, value);
    r->request.claims = r->claims;
    r->request.n_claims = r->n_claims;
}

hr_str cli_keep_text(cli_request *r, const char *text) {
    cli_push(&r->texts, cli_strdup(text, strlen(text)));
    return hr_str_from(r->texts.v[r->texts.n - 1]);
}

int cli_edge(hr_request *out, cli_request *r, const hr_view *view) {
    size_t size = 0;
    r->connection.facts = r->facts;
    r->connection.n_facts = r->n_facts;
    r->request.connection = &r->connection;
    int error = hr_edge_request(out, view, &r->request, NULL, &size);
    if (error != HR_ENOSPC)
        return error;
    r->memory = cli_realloc(r->memory, size);
    return hr_edge_request(out, view, &r->request, r->memory, &size);
}

/* ---- what the command line says ---- */

const char *cli_parse_url(cli_request *r, const char *url) {
    const char *rest = strstr(url, "://");
    const char *path = strpbrk(url, "/?#");
    if (rest != NULL && path > rest) {
        r->request.scheme = (hr_str){url, (size_t)(rest - url)};
        rest += 3;
    } else {
        r->request.scheme = HR_STR("http");
        rest = url;
    }
    bool https = r->request.scheme.len == 5 && strncasecmp(r->request.scheme.p, "https", 5) == 0;
    bool http = r->request.scheme.len == 4 && strncasecmp(r->request.scheme.p, "http", 4) == 0;
    if (!http && !https)
        return "the URL's scheme is neither http nor https";
    path = rest + strcspn(rest, "/?#");
    for (const char *at = rest; at < path; at++)
        if (*at == '@')
            rest = at + 1;
    if (path == rest)
        return "the URL names no host";
    r->called = (hr_str){rest, (size_t)(path - rest)};
    if (r->request.authority.p ==
        NULL) /* as with curl, Host is but a text: it does not say where to connect */
        r->request.authority = r->called;
    r->request.connect_to = r->called;
    r->request.path = *path == '/' ? hr_str_from(path) : HR_STR("/");
    if (*path == '?' || *path == '#')
        return "the URL has no path before its query: write HOST/?...";
    return NULL;
}

const char *cli_parse_header(cli_request *r, const char *text) {
    size_t name = strcspn(text, ":;");
    if (text[0] == ':') /* a pseudo header's own colon */
        return "a pseudo header is not allowed here: use -X or the URL";
    if (name == 0 || text[name] == '\0' || (text[name] == ';' && text[name + 1] != '\0'))
        return "a header is written 'Name: value'";
    cli_add_header(r, (hr_str){text, name}, hr_str_from(text + name + 1));
    return NULL;
}

hr_str cli_authority_host(hr_str authority) {
    size_t i = authority.len;
    while (i > 0 && authority.p[i - 1] != ']' && authority.p[i - 1] != ':')
        i--;
    return i > 0 && authority.p[i - 1] == ':' ? (hr_str){authority.p, i - 1} : authority;
}

uint16_t cli_authority_port(hr_str authority) {
    for (size_t i = authority.len; i > 0 && authority.p[i - 1] != ']'; i--)
        if (authority.p[i - 1] == ':') {
            char text[8];
            size_t n = authority.len - i;
            uint16_t port;
            if (n == 0 || n >= sizeof(text))
                return 0;
            memcpy(text, authority.p + i, n);
            text[n] = '\0';
            return cli_parse_port(&port, text) ? port : 0;
        }
    return 0;
}

/* ---- views ---- */

/* A batch may ask for a view of its own in every line: the oldest makes room. */
#define MOST_VIEWS 32

struct cli_cached_view {
    char *key;
    hr_view *view;
    int error;
};

static void key_put(char **key, size_t *len, hr_str s) {
    *key = cli_realloc(*key, *len + s.len + 24);
    int n = snprintf(*key + *len, 24, "%zu:", s.len);
    memcpy(*key + *len + n, s.p == NULL ? "" : s.p, s.len);
    *len += (size_t)n + s.len;
    (*key)[*len] = '\0';
}

static char *key_of(const cli_view *wanted, uint16_t port) {
    hr_view_options o = cli_view_on_port(wanted, port);
    char *key = NULL, number[HR_VIEW_OPTION_NUMBER];
    size_t len = 0;
    const char *option;
    for (size_t i = 0; (option = hr_view_option_name(i)) != NULL; i++)
        key_put(&key, &len, hr_view_options_get(&o, hr_str_from(option), number));
    for (size_t i = 0; i < wanted->n_labels; i++) {
        key_put(&key, &len, wanted->labels[i].name);
        key_put(&key, &len, wanted->labels[i].value);
    }
    return key;
}

/* Where the next view goes; what was there is gone. */
static struct cli_cached_view *make_room(cli_views *views) {
    if (views->v == NULL)
        views->v = cli_realloc(NULL, MOST_VIEWS * sizeof(*views->v));
    if (views->n < MOST_VIEWS)
        return &views->v[views->n++];
    struct cli_cached_view *oldest = &views->v[views->oldest];
    views->oldest = (views->oldest + 1) % MOST_VIEWS;
    free(oldest->key);
    hr_view_unref(oldest->view);
    return oldest;
}

static int get_on_port(const hr_view **out, cli_views *views, const cli_view *wanted,
                       uint16_t port) {
    char *key = key_of(wanted, port);
    for (size_t i = 0; i < views->n; i++)
        if (strcmp(views->v[i].key, key) == 0) {
            free(key);
            *out = views->v[i].view;
            return views->v[i].error;
        }
    hr_view_options options = cli_view_on_port(wanted, port);
    struct cli_cached_view *cached = make_room(views);
    cached->key = key;
    cached->error = hr_view_new(&cached->view, views->table, &options);
    *out = cached->view;
    return cached->error;
}

bool cli_is_https(const hr_request *request) {
    return request->scheme.len == 5 && strncasecmp(request->scheme.p, "https", 5) == 0;
}

int cli_views_get(const hr_view **out, cli_views *views, const cli_view *wanted, hr_str called,
                  bool https) {
    hr_str gateway = wanted->options.gateway;
    bool mesh = gateway.len == 0 || (gateway.len == 4 && memcmp(gateway.p, "mesh", 4) == 0);
    uint16_t port = wanted->options.port != 0 ? wanted->options.port : cli_authority_port(called);
    if (mesh || wanted->options.port != 0)
        return get_on_port(out, views, wanted, port);
    int error = port == 0 ? HR_ENOENT : get_on_port(out, views, wanted, port);
    if (error == HR_ENOENT && https)
        error = get_on_port(out, views, wanted, 443);
    return error == HR_ENOENT ? get_on_port(out, views, wanted, 0) : error;
}

void cli_views_missing(char *buf, size_t size, const cli_view *wanted) {
    hr_str gateway = wanted->options.gateway;
    int len = gateway.len > 128 ? 128 : (int)gateway.len;
    if (wanted->options.port == 0)
        snprintf(buf, size, "there is no Gateway %.*s with an HTTP server", len, gateway.p);
    else
        snprintf(buf, size, "there is no Gateway %.*s with an HTTP server on port %u", len,
                 gateway.p, (unsigned)wanted->options.port);
}

void cli_views_free(cli_views *views) {
    for (size_t i = 0; i < views->n; i++) {
        free(views->v[i].key);
        hr_view_unref(views->v[i].view);
    }
    free(views->v);
}
