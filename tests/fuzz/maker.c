/* Makes rules and requests from the bytes of a fuzzer. */
#define _GNU_SOURCE
#include "maker.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_SERVICES 4
#define MAX_RULES 48

uint8_t maker_byte(maker *m) {
    if (m->n == 0)
        return 0;
    m->n--;
    return *m->p++;
}

unsigned maker_below(maker *m, unsigned n) {
    return maker_byte(m) % n;
}

#define PICK(m, list) (list)[maker_below((m), sizeof(list) / sizeof((list)[0]))]

/* ---- words ---- */

static const char *const names[] = {
    "x-a", "x-b", "x-tenant", "accept", "cookie", "te",  "x-request-id",     "referer",
    "x-1", "x-2", "x-3",      "x-4",    "x-5",    "x-6", "x-envoy-internal", ":authority"};
static const char *const parameters[] = {"q", "page", "qq", "a"};
static const char *const methods[] = {"GET", "POST", "PUT", "OPTIONS"};
static const char *const hosts[] = {"shop",          "shop.default.svc.cluster.local",
                                    "cart",          "www.example.com",
                                    "*.example.com", "*.www.example.com",
                                    "*.com",         "a.b.example.com"};
static const char *const asked[] = {"shop",
                                    "shop:80",
                                    "SHOP.default",
                                    "shop.default.svc.cluster.local:80",
                                    "cart:81",
                                    "cart",
                                    "www.example.com",
                                    "WWW.example.com:8080",
                                    "b.example.com",
                                    "b.www.example.com",
                                    "a.b.example.com",
                                    "x.com",
                                    "com",
                                    "nobody",
                                    "10.0.0.1",
                                    "[::1]:80"};
static const char *const words[] = {"a",        "b",        "ab", "abc", "A",   "v1",
                                    "tenant-1", "tenant-2", "",   "/",   "a,b", "*"};

/* A string of one's own: at most 7 characters that mean something to paths, patterns or cases. None
 * is special in YAML's double quotes or an error in a request. */
static void own_word(char *out, maker *m) {
    static const char letters[] = "abAB12/./%-_~*|?";
    unsigned n = maker_below(m, 8);
    for (unsigned i = 0; i < n; i++)
        out[i] = letters[maker_below(m, sizeof(letters) - 1)];
    out[n] = '\0';
}

static void word(char *out, maker *m) {
    unsigned choice = maker_below(m, sizeof(words) / sizeof(words[0]) + 4);
    if (choice < sizeof(words) / sizeof(words[0]))
        strcpy(out, words[choice]);
    else
        own_word(out, m);
}

/* Some characters take a place in a query that a path ends at. */
static void path(char *out, size_t size, maker *m, bool rule) {
    size_t at = 0;
    for (unsigned i = 0, n = 1 + maker_below(m, 4); i < n && at + 16 < size; i++) {
        char segment[16];
        word(segment, m);
        if (rule)
            segment[strcspn(segment, "?")] = '\0';
        at += (size_t)snprintf(out + at, size - at, "/%s", segment);
    }
}

/* Always one that RE2 takes. Written for YAML's single quotes. */
static void pattern(FILE *out, maker *m, bool of_path) {
    static const char *const pieces[] = {
        "a",       "b",     "[ab]",    "(a|b)",        ".*",      "a?",     "b+",  "\\.",
        "/",       "[^/]+", "(/a|/b)", "\\d",          "tenant-", "A{1,2}", "|/a", "\\Qa|b\\E",
        "(?i:ab)", ".",     "[]a]",    "[[:alpha:]|]", "$",       "^",      "\\b"};
    if (maker_below(m, 4) == 0)
        fputc('^', out);
    if (of_path && maker_below(m, 4) != 0)
        fputc('/', out);
    for (unsigned i = 0, n = 1 + maker_below(m, 4); i < n; i++)
        fputs(PICK(m, pieces), out);
}

/* ---- rules ---- */

static void string_match(FILE *out, maker *m, bool of_path) {
    char text[128];
    if (of_path)
        path(text, sizeof(text), m, true);
    else
        word(text, m);
    switch (maker_below(m, 5)) {
    case 0:
        fprintf(out, "{prefix: \"%s\"}", text[0] == '\0' ? "a" : text);
        break;
    case 1:
        fputs("{regex: '", out);
        pattern(out, m, of_path);
        fputs("'}", out);
        break;
    default:
        fprintf(out, "{exact: \"%s\"}", text);
        break;
    }
}

static void condition(FILE *out, maker *m, const char *field, const char *name,
                      bool may_be_present) {
    fprintf(out, "%s: {\"%s\": ", field, name);
    if (may_be_present && maker_below(m, 6) == 0)
        fputs("{}", out);
    else
        string_match(out, m, false);
    fputs("}, ", out);
}

static void match(FILE *out, maker *m) {
    unsigned what = maker_byte(m);
    fputc('{', out);
    if (what & 1) {
        fputs("uri: ", out);
        string_match(out, m, true);
        fputs(", ", out);
        if (maker_below(m, 4) == 0)
            fputs("ignoreUriCase: true, ", out);
    }
    if (what & 2)
        condition(out, m, "headers", PICK(m, names), true);
    if ((what & 12) == 12)
        condition(out, m, "withoutHeaders", PICK(m, names), true);
    if ((what & 48) == 48)
        condition(out, m, "queryParams", PICK(m, parameters), true);
    if ((what & 0xC0) == 0xC0)
        fprintf(out, "method: {exact: %s}, ", PICK(m, methods));
    if ((what & 0x84) == 0x84)
        fprintf(out, "authority: {exact: \"%s\"}, ", PICK(m, asked));
    fprintf(out, "scheme: {prefix: \"http\"}}"); /* a match that says nothing is refused */
}

static const char *const actions[] = {
    "route: [{destination: {host: shop, subset: v1}}]",
    "route: [{destination: {host: shop, subset: v2}}]",
    "route: [{destination: {host: shop, subset: v1}, weight: 25}, {destination: {host: cart}, "
    "weight: 75}]",
    "route: [{destination: {host: cart, port: {number: 81}}}], rewrite: {uri: /rewritten}, "
    "timeout: 3s",
    "route: [{destination: {host: shop}}], rewrite: {uriRegexRewrite: {match: '(/[^/]*)/(a*)', "
    "rewrite: '\\2\\1'}}",
    "route: [{destination: {host: shop}}], headers: {request: {set: {x-a: '%REQ(x-b)%'}, remove: "
    "[x-1]}}",
    "route: [{destination: {host: nobody}}], mirrors: [{destination: {host: cart}, percentage: "
    "{value: 50}}]",
    "route: [{destination: {host: ring}}], fault: {abort: {httpStatus: 418, percentage: {value: "
    "30}}}",
    "redirect: {uri: /elsewhere, redirectCode: 302}",
    "redirect: {authority: other.example.com, port: 8443, scheme: https}",
    "directResponse: {status: 201, body: {string: made}}",
    "route: [{destination: {host: shop}}], corsPolicy: {allowOrigins: [{exact: '*'}], "
    "allowMethods: [GET]}",
};

static void rule(FILE *out, maker *m) {
    unsigned n = maker_below(m, 4);
    fputs("  - {", out);
    if (n > 0) {
        fputs("match: [", out);
        for (unsigned i = 0; i < n; i++) {
            fputs(i == 0 ? "" : ", ", out);
            match(out, m);
        }
        fputs("], ", out);
    }
    fprintf(out, "%s}\n", PICK(m, actions));
}

static const char mesh[] =
    "apiVersion: v1\nkind: Service\nmetadata: {name: shop}\n"
    "spec: {selector: {app: shop}, ports: [{name: http, port: 80}]}\n---\n"
    "apiVersion: v1\nkind: Service\nmetadata: {name: cart}\n"
    "spec: {selector: {app: cart}, ports: [{name: http, port: 80}, {name: http-admin, port: "
    "81}]}\n---\n"
    "apiVersion: v1\nkind: Service\nmetadata: {name: ring}\n"
    "spec: {selector: {app: shop}, ports: [{name: http, port: 80}]}\n---\n"
    "apiVersion: v1\nkind: Pod\nmetadata: {name: shop-1, labels: {app: shop, version: "
    "v1}}\nstatus: {podIP: 10.1.0.1}\n---\n"
    "apiVersion: v1\nkind: Pod\nmetadata: {name: shop-2, labels: {app: shop, version: "
    "v2}}\nstatus: {podIP: 10.1.0.2}\n---\n"
    "apiVersion: v1\nkind: Pod\nmetadata: {name: cart-1, labels: {app: cart}}\nstatus: {podIP: "
    "10.1.0.3}\n---\n"
    "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: shop}\n"
    "spec: {host: shop, subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: "
    "v2}}]}\n---\n"
    "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: ring}\n"
    "spec: {host: ring, trafficPolicy: {loadBalancer: {consistentHash: {httpHeaderName: x-a, "
    "ringHash: "
    "{minimumRingSize: 8}}}}}\n---\n"
    "apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: gw}\n"
    "spec: {selector: {istio: gw}, servers: [{port: {number: 80, name: http, protocol: HTTP}, "
    "hosts: ['*']}]}\n";

static void virtual_service(FILE *out, maker *m, unsigned number) {
    fprintf(
        out,
        "---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: vs-%u}\n"
        "spec:\n  hosts: [\"%s\"]\n  gateways: [mesh, gw]\n  http:\n",
        number, PICK(m, hosts));
    unsigned n = 1 + maker_below(m, MAX_RULES);
    for (unsigned i = 0; i < n && (i == 0 || m->n > 0); i++)
        rule(out, m);
}

char *maker_rules(maker *m) {
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    if (out == NULL)
        abort();
    fputs(mesh, out);
    unsigned n = 1 + maker_below(m, MAX_SERVICES);
    for (unsigned i = 0; i < n && (i == 0 || m->n > 0); i++)
        virtual_service(out, m, i);
    if (fclose(out) != 0)
        abort();
    return text;
}

/* ---- requests ---- */

static hr_pair header(char name[64], char value[64], maker *m) {
    do
        strcpy(name, PICK(m, names));
    while (name[0] == ':' && m->n > 0);
    if (name[0] == ':')
        name++;
    if (maker_below(m, 4) == 0)
        name[0] = (char)toupper((unsigned char)name[0]);
    if (maker_below(m, 16) == 0)
        strcpy(value, "trailers");
    else
        word(value, m);
    return (hr_pair){hr_str_from(name), hr_str_from(value)};
}

void maker_request(made_request *out, maker *m) {
    path(out->path, sizeof(out->path) - 64, m, false);
    for (unsigned i = 0, n = maker_below(m, 3); i < n; i++) {
        char value[16];
        size_t len = strlen(out->path);
        word(value, m);
        snprintf(out->path + len, sizeof(out->path) - len, "%c%s=%s", i == 0 ? '?' : '&',
                 PICK(m, parameters), value);
    }
    size_t n = maker_below(m, MAKER_HEADERS + 1);
    for (size_t i = 0; i < n; i++)
        out->headers[i] = header(out->room[i][0], out->room[i][1], m);
    double draw = maker_byte(m) / 256.0;
    out->request = (hr_request){
        .version = HR_REQUEST_VERSION,
        .method = hr_str_from(PICK(m, methods)),
        .scheme = maker_below(m, 4) == 0 ? HR_STR("https") : HR_STR("http"),
        .authority = hr_str_from(PICK(m, asked)),
        .path = hr_str_from(out->path),
        .headers = out->headers,
        .n_headers = n,
        .draws = {draw, draw, draw, draw},
    };
}
