/* Collects and filters the trailers of one message. */
#include "trailers.h"

#include <stdlib.h>
#include <string.h>

#include "memory.h"

void sv_trailers_add(sv_trailers *t, const sv_http1_piece *piece) {
    bool is_empty_section = t->len == 0 && piece->n_trailers == 2 && piece->trailers[0] == '\r';
    if (piece->n_trailers == 0 || is_empty_section || t->dropped)
        return;
    t->text = sv_realloc(t->text, t->len + piece->n_trailers);
    memcpy(t->text + t->len, piece->trailers, piece->n_trailers);
    t->len += piece->n_trailers;
}

void sv_trailers_drop(sv_trailers *t) {
    sv_trailers_free(t);
    t->dropped = true;
}

/* What says how the message is framed, routed, authenticated or read, and what proxies set. */
bool sv_trailer_is_allowed(hr_str name) {
    static const char *const names[] = {
        "host",       "expect",        "max-forwards", "authorization", "cookie",
        "set-cookie", "cache-control", "content-type", "content-range", "content-encoding",
        "location",   "via",           "age",          "date",          "www-authenticate",
        "range",      "retry-after",   "vary",         "x-request-id",  "server-timing"};
    static const char *const prefixes[] = {"x-envoy-", "x-forwarded-", "proxy-", "if-"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (name.len == strlen(names[i]) && memcmp(name.p, names[i], name.len) == 0)
            return false;
    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
        if (name.len >= strlen(prefixes[i]) &&
            memcmp(name.p, prefixes[i], strlen(prefixes[i])) == 0)
            return false;
    return true;
}

void sv_trailers_parse(sv_trailers *t) {
    const char *why;
    size_t n = 0;
    if (t->len == 0)
        return;
    t->fields = sv_alloc(SV_MAX_TRAILERS * sizeof(*t->fields));
    if (sv_http1_parse_trailers(t->fields, &n, SV_MAX_TRAILERS, t->text, t->len, &why) !=
        SV_HTTP1_DONE)
        return;
    n = sv_http_strip_hop_by_hop(t->fields, n);
    for (size_t i = 0; i < n; i++)
        if (sv_trailer_is_allowed(t->fields[i].name))
            t->fields[t->n++] = t->fields[i];
}

void sv_trailers_free(sv_trailers *t) {
    free(t->text);
    free(t->fields);
    *t = (sv_trailers){.n = 0};
}
