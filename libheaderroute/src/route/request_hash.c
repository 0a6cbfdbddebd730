/* Envoy's hash of a request by the route's hash policies. */
#define XXH_STATIC_LINKING_ONLY
#include <xxhash.h>

#include "balancer.h"
#include "match.h"

/* ---- headers ---- */

static size_t find_header(const hr_request *request, hr_str name, size_t from) {
    while (from < request->n_headers && !hr_str_eq_nocase(request->headers[from].name, name))
        from++;
    return from;
}

/* The least value that was not taken yet: equal ones in the order they came. */
static size_t next_in_order(const hr_request *request, hr_str name, size_t last, bool first) {
    size_t best = request->n_headers;
    for (size_t i = find_header(request, name, 0); i < request->n_headers; i = find_header(request, name, i + 1)) {
        hr_str value = request->headers[i].value;
        if (!first) {
            int c = hr_str_cmp(value, request->headers[last].value);
            if (c < 0 || (c == 0 && i <= last))
                continue;
        }
        if (best == request->n_headers || hr_str_cmp(value, request->headers[best].value) < 0)
            best = i;
    }
    return best;
}

/* Several values are sorted and hashed one behind the other, so that their order does not count. */
static uint64_t hash_sorted(const hr_request *request, hr_str name) {
    XXH64_state_t state;
    XXH64_reset(&state, 0);
    size_t i = next_in_order(request, name, 0, true);
    while (i < request->n_headers) {
        hr_str value = request->headers[i].value;
        if (value.len > 0)
            XXH64_update(&state, value.p, value.len);
        i = next_in_order(request, name, i, false);
    }
    return XXH64_digest(&state);
}

static bool lower_name(hr_str *out, hr_str name, char *buf, size_t size) {
    if (name.len > size)
        return false;
    for (size_t i = 0; i < name.len; i++)
        buf[i] = hr_lower(name.p[i]);
    *out = hr_str_of(buf, name.len);
    return true;
}

static int hash_header(uint64_t *out, hr_str name, hr_subject *subject) {
    char buf[256];
    hr_str lower;
    const hr_request *request = subject->request;
    if (!lower_name(&lower, name, buf, sizeof(buf)))
        return HR_ENOENT;
    hr_str pseudo = {0};
    if (hr_str_eq_c(lower, ":authority") || hr_str_eq_c(lower, "host"))
        pseudo = subject->authority;
    else if (hr_str_eq_c(lower, ":path"))
        pseudo = subject->full_path;
    else if (hr_str_eq_c(lower, ":method"))
        pseudo = subject->method;
    else if (hr_str_eq_c(lower, ":scheme"))
        pseudo = subject->scheme;
    if (pseudo.p == NULL && find_header(request, lower, 0) == request->n_headers)
        return HR_ENOENT;
    if (pseudo.p == NULL && hr_header_is_inline(lower))
        pseudo = hr_header_value(subject, lower);
    *out = pseudo.p != NULL ? hr_xxh64(pseudo, 0) : hash_sorted(request, lower);
    return subject->no_memory ? HR_ENOMEM : HR_OK;
}

/* ---- cookies ---- */

static hr_str unquoted(hr_str v) {
    if (v.len >= 2 && v.p[0] == '"' && v.p[v.len - 1] == '"')
        return hr_str_from_to(v, 1, v.len - 1);
    return v;
}

static hr_str cookie_in(hr_str header, hr_str name) {
    for (size_t at = 0; at < header.len;) {
        size_t end = hr_str_find(header, ';', at);
        hr_str item = hr_str_from_to(header, at, end);
        at = end + 1;
        while (item.len > 0 && item.p[0] == ' ')
            item = hr_str_tail(item, 1);
        size_t equals = hr_str_find(item, '=', 0);
        if (equals < item.len && hr_str_eq(hr_str_of(item.p, equals), name))
            return unquoted(hr_str_tail(item, equals + 1));
    }
    return (hr_str){0};
}

static int hash_cookie(uint64_t *out, hr_str name, const hr_request *request) {
    hr_str value = {0};
    size_t i = find_header(request, HR_STR("cookie"), 0);
    for (; value.p == NULL && i < request->n_headers; i = find_header(request, HR_STR("cookie"), i + 1))
        value = cookie_in(request->headers[i].value, name);
    if (value.len == 0)
        return HR_ENOENT;
    *out = hr_xxh64(value, 0);
    return HR_OK;
}

/* ---- policies ---- */

static int hash_one(uint64_t *out, const hr_hash_policy *policy, hr_subject *subject, hr_str source_ip) {
    hr_str value;
    switch (policy->kind) {
    case HR_HASH_HEADER:
        return hash_header(out, policy->name, subject);
    case HR_HASH_COOKIE:
        return hash_cookie(out, policy->name, subject->request);
    case HR_HASH_SOURCE_IP:
        if (source_ip.len == 0)
            return HR_ENOENT;
        *out = hr_xxh64(source_ip, 0);
        return HR_OK;
    case HR_HASH_QUERY_PARAMETER:
        value = hr_query_value(subject->full_path, subject->path.len, policy->name);
        if (value.p == NULL)
            return HR_ENOENT;
        *out = hr_xxh64(value, 0);
        return HR_OK;
    }
    return HR_ENOENT;
}

int hr_request_hash(uint64_t *out, const hr_decision *decision, const hr_request *request, hr_str source_ip,
                    hr_scratch *scratch) {
    if (out != NULL)
        *out = 0;
    if (out == NULL || decision == NULL || request == NULL || scratch == NULL || decision->internal == NULL)
        return HR_EINVAL;
    const hr_chosen *chosen = decision->internal;
    hr_subject subject = {
        .request = request,
        .scratch = scratch,
        .method = request->method.p == NULL ? HR_STR("GET") : request->method,
        .scheme = request->scheme.p == NULL ? HR_STR("http") : request->scheme,
        .authority = request->authority,
        .full_path = chosen->path,
        .path = hr_str_of(chosen->path.p, chosen->path_len),
    };
    bool any = false;
    for (size_t i = 0; i < decision->n_hash_policy; i++) {
        uint64_t hash;
        int error = hash_one(&hash, &decision->hash_policy[i], &subject, source_ip);
        if (error == HR_ENOENT)
            continue;
        if (error != HR_OK)
            return error;
        /* Rotated first, so that two equal policies do not cancel each other out. */
        *out = (any ? (*out << 1 | *out >> 63) : 0) ^ hash;
        any = true;
    }
    return any ? HR_OK : HR_ENOENT;
}
