/* Computes the final path, authority and headers of a decision. */
#include "forward.h"

#include "headers.h"
#include "host_index.h"
#include "http_match.h"
#include "regex.h"

/* ---- paths ---- */

/* What the route's uri matched: the exact or regex match all of the path, a prefix itself, and
 * without a uri match the prefix "/". */
static size_t matched_len(const hr_chosen *chosen) {
    const hr_view_route *route = chosen->route;
    if (route == NULL || route->path_kind == HR_SM_NONE)
        return 1;
    return route->path_kind == HR_SM_REGEX ? chosen->path_len : route->path_len;
}

/* Plain substitution: no slash is added or taken away. */
static hr_str substitute(hr_scratch *scratch, hr_str path, size_t matched, hr_str with) {
    hr_sbuf s = hr_sbuf_begin(scratch, path.len + with.len);
    hr_sbuf_put(&s, with);
    if (matched < path.len)
        hr_sbuf_put(&s, hr_str_tail(path, matched));
    return hr_sbuf_end(&s);
}

/* An empty result leaves the path as it was. */
static hr_str substitute_regex(hr_scratch *scratch, const hr_chosen *chosen) {
    const hr_view_action *plan = chosen->plan;
    hr_str path = hr_str_of(chosen->path.p, chosen->path_len);
    hr_str query = hr_str_tail(chosen->path, chosen->path_len);
    size_t room = path.len + plan->substitution.len + 64;
    for (;;) {
        char *p = hr_scratch_alloc(scratch, room + query.len);
        if (p == NULL)
            return (hr_str){0};
        size_t n = hr_regex_replace_all(p, room, plan->regex, path, plan->substitution);
        if (n == 0)
            return chosen->path;
        if (n <= room) {
            if (query.len > 0)
                memcpy(p + n, query.p, query.len);
            hr_scratch_shorten(scratch, p, n + query.len);
            return hr_str_of(p, n + query.len);
        }
        room = n;
    }
}

static hr_str forwarded_path(const hr_chosen *chosen, hr_scratch *scratch) {
    const hr_view_action *plan = chosen->plan;
    if (plan->kind != HR_ACTION_ROUTE)
        return chosen->path;
    if (plan->prefix_rewrite.p != NULL)
        return substitute(scratch, chosen->path, matched_len(chosen), plan->prefix_rewrite);
    if (plan->regex != NULL)
        return substitute_regex(scratch, chosen);
    return chosen->path;
}

/* ---- redirects ---- */

static hr_str or (hr_str a, hr_str b) {
    return a.len > 0 ? a : b;
}

/* Where the ':' of the port is; len where there is none. */
static size_t port_at(hr_str authority) {
    hr_str host = hr_authority_host(authority);
    return host.len;
}

/* The request's host keeps its port, unless the redirect names one, or the scheme changes and the
 * port was the old scheme's own. */
static hr_str kept_host(hr_str authority, hr_str scheme, hr_str old_scheme, bool names_port) {
    size_t at = port_at(authority);
    hr_str port = hr_str_tail(authority, at);
    bool drop = names_port;
    if (!hr_str_eq(scheme, old_scheme))
        drop |= (hr_str_eq_nocase(old_scheme, HR_STR("https")) && hr_str_eq_c(port, ":443")) ||
                (hr_str_eq_nocase(old_scheme, HR_STR("http")) && hr_str_eq_c(port, ":80"));
    return drop ? hr_str_of(authority.p, at) : authority;
}

static hr_str redirect_path(const hr_chosen *chosen, hr_scratch *scratch) {
    const hr_view_redirect *r = &chosen->plan->redirect;
    if (r->prefix_rewrite.len > 0)
        return substitute(scratch, chosen->path, matched_len(chosen), r->prefix_rewrite);
    if (r->path.len == 0)
        return chosen->path;
    hr_sbuf s = hr_sbuf_begin(scratch, r->path.len + chosen->path.len);
    hr_sbuf_put(&s, r->path);
    if (!r->path_has_query)
        hr_sbuf_put(&s, hr_str_tail(chosen->path, chosen->path_len));
    return hr_sbuf_end(&s);
}

hr_str hr_redirect_location(const hr_chosen *chosen, const hr_request *request,
                            hr_scratch *scratch) {
    const hr_view_redirect *r = &chosen->plan->redirect;
    hr_str old_scheme = or (request->scheme, HR_STR("http"));
    hr_str scheme = r->https ? HR_STR("https") : or (r->scheme, old_scheme);
    hr_str host =
        r->https ? request->authority /* httpsRedirect keeps it whole, an :80 too */
                 : or (r->host, kept_host(request->authority, scheme, old_scheme, r->port != 0));
    hr_str path = redirect_path(chosen, scratch);
    if (path.p == NULL)
        return path;
    hr_sbuf s = hr_sbuf_begin(scratch, scheme.len + host.len + path.len + 16);
    hr_sbuf_put(&s, scheme);
    hr_sbuf_put(&s, HR_STR("://"));
    hr_sbuf_put(&s, host);
    if (r->port != 0) {
        hr_sbuf_put_c(&s, ':');
        hr_sbuf_put_int(&s, r->port);
    }
    if (path.len == 0 || path.p[0] != '/')
        hr_sbuf_put_c(&s, '/');
    hr_sbuf_put(&s, path);
    return hr_sbuf_end(&s);
}

/* ---- the upstream's view ---- */

static int set_deadline(hr_header_list *list, const hr_decision *d) {
    bool grpc = false;
    for (size_t i = 0; i < list->n && !grpc; i++)
        grpc = hr_str_eq_c(list->v[i].name, "content-type") && hr_is_grpc(list->v[i].value);
    int64_t ms = d->retries != NULL && d->retries->per_try_timeout_ms > 0
                     ? d->retries->per_try_timeout_ms
                     : 0;
    if (d->timeout_ms > 0 && (ms == 0 || d->timeout_ms < ms))
        ms = d->timeout_ms;
    return grpc && ms > 0 ? hr_headers_set_grpc_timeout(list, ms) : HR_OK;
}

static int fill_upstream(hr_upstream *out, const hr_decision *d, const hr_request *request,
                         hr_scratch *scratch) {
    const hr_chosen *chosen = d->internal;
    hr_header_list list;
    if (hr_headers_of_request(&list, request, scratch) != HR_OK || set_deadline(&list, d) != HR_OK)
        return HR_ENOMEM;
    hr_format_context context = {
        .request = request, .chosen = chosen, .decision = d, .headers = &list};
    for (size_t i = 0; i < d->n_request_headers; i++)
        if (hr_headers_apply(&list, d->request_headers[i], &context, true) != HR_OK)
            return HR_ENOMEM;
    out->path = forwarded_path(chosen, scratch);
    if (out->path.p == NULL)
        return HR_ENOMEM;
    out->path_rewritten = !hr_str_eq(out->path, chosen->path);
    out->authority =
        chosen->target->authority.p != NULL ? chosen->target->authority : request->authority;
    out->headers = list.v;
    out->n_headers = list.n;
    return HR_OK;
}

int hr_upstream_request(hr_upstream *out, const hr_decision *decision, const hr_request *request,
                        hr_scratch *scratch) {
    if (out == NULL || out->version != HR_UPSTREAM_VERSION)
        return HR_EINVAL;
    *out = (hr_upstream)HR_UPSTREAM_INIT;
    if (decision == NULL || request == NULL || scratch == NULL ||
        request->version != HR_REQUEST_VERSION || decision->internal == NULL ||
        (decision->action != HR_ACTION_ROUTE && decision->action != HR_ACTION_PASSTHROUGH))
        return HR_EINVAL;
    int error = fill_upstream(out, decision, request, scratch);
    if (error != HR_OK)
        *out = (hr_upstream)HR_UPSTREAM_INIT;
    return error;
}

/* A response's values see the request as it was sent. */
static bool asks_for_request(const hr_decision *d) {
    for (size_t i = 0; i < d->n_response_headers; i++) {
        const hr_header_ops *ops = d->response_headers[i];
        for (size_t j = 0; j < ops->n_set; j++)
            if (hr_str_has(ops->set[j].value, '%'))
                return true;
        for (size_t j = 0; j < ops->n_add; j++)
            if (hr_str_has(ops->add[j].value, '%'))
                return true;
    }
    return false;
}

int hr_response_headers(const hr_pair **out, size_t *n_out, const hr_decision *decision,
                        const hr_request *request, const hr_response *response,
                        hr_scratch *scratch) {
    if (out == NULL || n_out == NULL || decision == NULL || request == NULL || scratch == NULL ||
        response == NULL || request->version != HR_REQUEST_VERSION ||
        response->version != HR_RESPONSE_VERSION ||
        (response->headers == NULL && response->n_headers > 0))
        return HR_EINVAL;
    *out = NULL;
    *n_out = 0;
    hr_header_list list, sent;
    if (hr_headers_of_response(&list, response->headers, response->n_headers, scratch) != HR_OK)
        return HR_ENOMEM;
    hr_format_context context = {.request = request,
                                 .chosen = decision->internal,
                                 .decision = decision,
                                 .answer = &list,
                                 .response = response};
    hr_upstream upstream = HR_UPSTREAM_INIT;
    bool was_sent = !response->local || response->attempts > 0;
    if (was_sent && decision->action == HR_ACTION_ROUTE && asks_for_request(decision)) {
        if (fill_upstream(&upstream, decision, request, scratch) != HR_OK)
            return HR_ENOMEM;
        sent = (hr_header_list){.v = (hr_pair *)upstream.headers, .n = upstream.n_headers};
        context.headers = &sent;
        context.path = upstream.path;
    }
    for (size_t i = 0; i < decision->n_response_headers; i++)
        if (hr_headers_apply(&list, decision->response_headers[i], &context, false) != HR_OK)
            return HR_ENOMEM;
    *out = list.v;
    *n_out = list.n;
    return HR_OK;
}
