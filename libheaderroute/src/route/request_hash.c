/* Envoy's hash of a request by the route's hash policies. */
#define XXH_STATIC_LINKING_ONLY
#include <xxhash.h>

#include "balancer.h"
#include "match.h"
#include "query.h"
#include "rings.h"

/* ---- headers ---- */

static size_t find_header(const hr_request *request, hr_str name, size_t from) {
    while (from < request->n_headers && !hr_str_eq_nocase(request->headers[from].name, name))
        from++;
    return from;
}

/* Moves the value at `at` down a heap of n values, the greatest of which is the first. */
static void sift_down(hr_str *v, size_t at, size_t n) {
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= n)
            return;
        if (child + 1 < n && hr_str_cmp(v[child + 1], v[child]) > 0)
            child++;
        if (hr_str_cmp(v[at], v[child]) >= 0)
            return;
        hr_str moved = v[at];
        v[at] = v[child];
        v[child] = moved;
        at = child;
    }
}

/* In place: qsort may allocate, and its worst case is quadratic in some C libraries. */
static void heap_sort(hr_str *v, size_t n) {
    for (size_t i = n / 2; i > 0; i--)
        sift_down(v, i - 1, n);
    for (size_t left = n; left > 1; left--) {
        hr_str greatest = v[0];
        v[0] = v[left - 1];
        v[left - 1] = greatest;
        sift_down(v, 0, left - 1);
    }
}

/* Several values are sorted and hashed one behind the other, so that their order does not count. */
static int hash_sorted(uint64_t *out, const hr_request *request, hr_str name, hr_scratch *scratch) {
    size_t first = find_header(request, name, 0), n = 0;
    hr_str *values = hr_scratch_alloc(scratch, (request->n_headers - first) * sizeof(*values));
    if (values == NULL)
        return HR_ENOMEM;
    for (size_t i = first; i < request->n_headers; i = find_header(request, name, i + 1))
        values[n++] = request->headers[i].value;
    heap_sort(values, n);
    XXH64_state_t state;
    XXH64_reset(&state, 0);
    for (size_t i = 0; i < n; i++)
        if (values[i].len > 0)
            XXH64_update(&state, values[i].p, values[i].len);
    *out = XXH64_digest(&state);
    return HR_OK;
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
    if (subject->no_memory)
        return HR_ENOMEM;
    if (pseudo.p == NULL)
        return hash_sorted(out, request, lower, subject->scratch);
    *out = hr_xxh64(pseudo, 0);
    return HR_OK;
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
    for (; value.p == NULL && i < request->n_headers;
         i = find_header(request, HR_STR("cookie"), i + 1))
        value = cookie_in(request->headers[i].value, name);
    if (value.len == 0)
        return HR_ENOENT;
    *out = hr_xxh64(value, 0);
    return HR_OK;
}

/* ---- policies ---- */

static int hash_one(uint64_t *out, const hr_hash_policy *policy, hr_subject *subject,
                    hr_str source_ip) {
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

int hr_request_hash(uint64_t *out, const hr_decision *decision, const hr_request *request,
                    hr_str source_ip, hr_scratch *scratch) {
    if (out != NULL)
        *out = 0;
    if (out == NULL || decision == NULL || request == NULL || scratch == NULL ||
        decision->internal == NULL || request->version != HR_REQUEST_VERSION)
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
