/* What Envoy's CORS filter answers. */
#include "cors.h"

#include <stdio.h>
#include <string.h>

#include "reply.h"

static hr_str cors_join(gw_request *r, const hr_str *list, size_t n) {
    size_t len = 0;
    for (size_t i = 0; i < n; i++)
        len += list[i].len + 1;
    char *text = sv_pool_alloc(r->ex->pool, len + 1), *at = text;
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            *at++ = ',';
        memcpy(at, list[i].p, list[i].len);
        at += list[i].len;
    }
    return (hr_str){text, (size_t)(at - text)};
}

static hr_str request_field(const gw_request *r, const char *name) {
    for (size_t i = 0; i < r->in.n_headers; i++)
        if (r->in.headers[i].name.len == strlen(name) &&
            memcmp(r->in.headers[i].name.p, name, strlen(name)) == 0)
            return r->in.headers[i].value;
    return (hr_str){NULL, 0};
}

/* The one value `*` admits whatever was asked for, also nothing. Beside others it is a name like
 * them. */
static size_t add_allowed(gw_request *r, hr_pair *fields, size_t n, hr_str name, const hr_str *list,
                          size_t n_list, const char *asked) {
    hr_str value = cors_join(r, list, n_list);
    if (value.len == 0)
        return n;
    if (value.len == 1 && value.p[0] == '*')
        value = request_field(r, asked);
    fields[n++] = (hr_pair){name, value.p == NULL ? HR_STR("") : value};
    return n;
}

static size_t add_common(gw_request *r, hr_pair *fields, size_t n) {
    const hr_cors_policy *cors = r->decision.cors;
    fields[n++] = (hr_pair){HR_STR("access-control-allow-origin"), request_field(r, "origin")};
    if (cors->allow_credentials == 1)
        fields[n++] = (hr_pair){HR_STR("access-control-allow-credentials"), HR_STR("true")};
    return n;
}

static size_t add_exposed(gw_request *r, hr_pair *fields, size_t n) {
    const hr_cors_policy *cors = r->decision.cors;
    if (cors->n_expose_headers > 0)
        fields[n++] = (hr_pair){HR_STR("access-control-expose-headers"),
                                cors_join(r, cors->expose_headers, cors->n_expose_headers)};
    return n;
}

size_t gw_cors_fields(gw_request *r, hr_pair *fields, size_t n) {
    if (r->decision.cors == NULL || !r->decision.cors_origin_allowed)
        return n;
    return add_exposed(r, fields, add_common(r, fields, n));
}

void gw_preflight(gw_request *r) {
    const hr_cors_policy *cors = r->decision.cors;
    hr_pair fields[GW_CORS_FIELDS + 3];
    size_t n = 0;
    if (r->decision.cors_origin_allowed) {
        n = add_common(r, fields, n);
        n = add_allowed(r, fields, n, HR_STR("access-control-allow-methods"), cors->allow_methods,
                        cors->n_allow_methods, "access-control-request-method");
        n = add_allowed(r, fields, n, HR_STR("access-control-allow-headers"), cors->allow_headers,
                        cors->n_allow_headers, "access-control-request-headers");
        if (cors->max_age_s >= 0) {
            char *age = sv_pool_alloc(r->ex->pool, 24);
            int len = snprintf(age, 24, "%lld", (long long)cors->max_age_s);
            fields[n++] = (hr_pair){HR_STR("access-control-max-age"), {age, (size_t)len}};
        }
        n = add_exposed(r, fields, n);
    }
    gw_answer(r, GW_PREFLIGHT, fields, n);
}
