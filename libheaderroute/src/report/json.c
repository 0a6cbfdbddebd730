/* A decision as one line of JSON: every member of decision_members.h, always. */
#include "decision_members.h"
#include "forward.h"

#define PUT_OBJECT(name, type, rows, about) HR_JSON_OBJECT(, name, type, rows)
HR_DECISION_OBJECTS(PUT_OBJECT)

/* A request that is answered here has no upstream. */
static bool has_upstream(const hr_decision *d) {
    return d->action == HR_ACTION_PASSTHROUGH ||
           (d->action == HR_ACTION_ROUTE && d->local_reply.status == 0);
}

/* One of those that the proxy set before it looked at routes, not changed since. */
static bool is_of_proxy(const hr_request *request, const hr_pair *header) {
    for (size_t i = request->n_headers - request->n_proxy_headers; i < request->n_headers; i++)
        if (request->headers[i].name.p == header->name.p &&
            request->headers[i].value.p == header->value.p)
            return true;
    return false;
}

static int show_upstream(hr_shown_upstream *out, const hr_decision *d, const hr_request *request,
                         hr_scratch *scratch) {
    hr_upstream upstream = HR_UPSTREAM_INIT;
    int error = hr_upstream_request(&upstream, d, request, scratch);
    if (error != HR_OK)
        return error;
    *out = (hr_shown_upstream){.path = upstream.path, .authority = upstream.authority};
    out->headers = hr_scratch_alloc(scratch, 2 * upstream.n_headers * sizeof(*out->headers));
    if (out->headers == NULL)
        return HR_ENOMEM;
    out->proxy_headers = out->headers + upstream.n_headers;
    for (size_t i = 0; i < upstream.n_headers; i++) {
        if (is_of_proxy(request, &upstream.headers[i]))
            out->proxy_headers[out->n_proxy_headers++] = upstream.headers[i];
        else
            out->headers[out->n_headers++] = upstream.headers[i];
    }
    return HR_OK;
}

int hr_decision_json(hr_str *out, const hr_decision *d, const hr_request *request,
                     hr_scratch *scratch) {
    static const hr_cluster no_cluster = {.endpoints_known = 1};
    if (out != NULL)
        *out = (hr_str){0};
    if (out == NULL || d == NULL || request == NULL || scratch == NULL ||
        request->version != HR_REQUEST_VERSION)
        return HR_EINVAL;
    hr_shown_upstream upstream;
    int error = has_upstream(d) ? show_upstream(&upstream, d, request, scratch) : HR_OK;
    if (error != HR_OK)
        return error;
    const hr_str *caveats;
    size_t n_caveats;
    error = hr_decision_caveats(&caveats, &n_caveats, d, request, scratch);
    if (error != HR_OK)
        return error;
    hr_shown_decision shown = {
        .d = d,
        .cluster = d->cluster == NULL ? &no_cluster : d->cluster,
        .upstream = has_upstream(d) ? &upstream : NULL,
        .caveats = caveats,
        .n_caveats = n_caveats,
    };
    hr_json_writer w = {.s = hr_sbuf_begin(scratch, 2048), .first = true};
    hr_json_put_decision(&w, &shown);
    *out = hr_sbuf_end(&w.s);
    return out->p == NULL ? HR_ENOMEM : HR_OK;
}
