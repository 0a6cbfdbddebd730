/* Session affinity: the hash by which a consistent-hash balancer keeps a client with its endpoint.
 */
#include "affinity.h"

#include <stdio.h>
#include <string.h>

#include "loop.h"

/* The first cookie of the policies that is to be made where the client has none. */
static const hr_hash_policy *made_cookie(const hr_decision *d) {
    for (size_t i = 0; i < d->n_hash_policy; i++)
        if (d->hash_policy[i].kind == HR_HASH_COOKIE && d->hash_policy[i].ttl_ms >= 0)
            return &d->hash_policy[i];
    return NULL;
}

static hr_str affinity_copy(gw_request *r, const char *p, int len) {
    hr_str copy = sv_pool_copy(r->ex->pool, (hr_str){p, (size_t)len});
    return copy;
}

/* As Envoy writes it; a ttl of zero makes it last as long as the client's session. */
static hr_str set_cookie(gw_request *r, const hr_hash_policy *policy, const char *value) {
    char line[1024], age[40] = "", path[512] = "";
    if (policy->ttl_ms > 0)
        snprintf(age, sizeof(age), "; Max-Age=%lld", (long long)(policy->ttl_ms / 1000));
    if (policy->path.len > 0)
        snprintf(path, sizeof(path), "; Path=%.*s", (int)policy->path.len, policy->path.p);
    int len = snprintf(line, sizeof(line), "%.*s=\"%s\"%s%s; HttpOnly", (int)policy->name.len,
                       policy->name.p, value, age, path);
    return len < (int)sizeof(line) ? affinity_copy(r, line, len) : (hr_str){NULL, 0};
}

void gw_affinity(gw_request *r) {
    const hr_decision *d = &r->decision;
    hr_scratch *scratch = r->scratch->scratch;
    hr_str peer = gw_peer_address(r);
    r->has_hash = hr_request_hash(&r->hash, d, &r->in, peer, scratch) == HR_OK;
    const hr_hash_policy *policy = r->has_hash ? NULL : made_cookie(d);
    if (policy == NULL)
        return;
    char value[20], cookie[512];
    snprintf(value, sizeof(value), "%016llx", (unsigned long long)gw_random(r->loop));
    int len =
        snprintf(cookie, sizeof(cookie), "%.*s=%s", (int)policy->name.len, policy->name.p, value);
    if (len >= (int)sizeof(cookie))
        return;
    /* The hash is that of the client's next request, which will bring the cookie. */
    hr_request with = r->in;
    hr_pair *fields = sv_pool_alloc(r->ex->pool, (with.n_headers + 1) * sizeof(*fields));
    memcpy(fields, with.headers, with.n_headers * sizeof(*fields));
    fields[with.n_headers] = (hr_pair){HR_STR("cookie"), affinity_copy(r, cookie, len)};
    with.headers = fields;
    with.n_headers++;
    r->has_hash = hr_request_hash(&r->hash, d, &with, peer, scratch) == HR_OK;
    r->set_cookie = set_cookie(r, policy, value);
}
