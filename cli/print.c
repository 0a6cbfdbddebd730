/* Prints decisions and the trace of `explain` as text for people. */
#include "print.h"

#include <string.h>

#include "color.h"

#define S(s) (int)(s).len, ((s).p == NULL ? "" : (s).p)

static void print_rule(FILE *to, const hr_decision *d) {
    if (d->virtual_service.p != NULL) {
        if (d->delegate.p != NULL)
            fprintf(to, "rule         %.*s  http[%d]  %.*s:%d\n", S(d->virtual_service),
                    d->root_route_index, S(d->root_source_file), d->root_source_line);
        fprintf(to, "%-12s %.*s  http[%d]", d->delegate.p != NULL ? "delegate" : "rule",
                S(d->delegate.p != NULL ? d->delegate : d->virtual_service), d->route_index);
        if (d->match_index >= 0)
            fprintf(to, ".match[%d]", d->match_index);
        if (d->route_name.len > 0)
            fprintf(to, "  \"%.*s\"", S(d->route_name));
        fprintf(to, "  %.*s:%d\n", S(d->source_file), d->source_line);
    } else if (d->rule_name.p != NULL) {
        fprintf(to, "rule         %.*s %.*s  rules[%d]", S(d->rule_kind), S(d->rule_name),
                d->route_index);
        if (d->match_index >= 0)
            fprintf(to, ".matches[%d]", d->match_index);
        fprintf(to, "  \"%.*s\"  %.*s:%d\n", S(d->route_name), S(d->source_file), d->source_line);
    } else if (d->route_name.len > 0) {
        fprintf(to, "rule         none of a VirtualService: route \"%.*s\"\n", S(d->route_name));
    }
}

/* Where no Pod is loaded, the Deployments and the like that would make them. */
static void print_workloads(FILE *to, const hr_cluster *cluster) {
    if (cluster == NULL || cluster->endpoints_known)
        return;
    fprintf(to, "endpoints    unknown: no Pod and no EndpointSlice is loaded\n");
    for (size_t i = 0; i < cluster->n_workloads; i++)
        fprintf(to, "%-12s %.*s %.*s  %.*s:%d\n", i == 0 ? "workloads" : "",
                S(cluster->workloads[i].kind), S(cluster->workloads[i].name),
                S(cluster->workloads[i].file), cluster->workloads[i].line);
}

static void print_destination(FILE *to, const hr_decision *d) {
    if (d->destination_host.p != NULL) {
        fprintf(to, "destination  %.*s:%u", S(d->destination_host), d->destination_port);
        if (d->destination_subset.len > 0)
            fprintf(to, "  subset %.*s", S(d->destination_subset));
        fputc('\n', to);
    }
    if (d->cluster_name.p != NULL)
        fprintf(to, "cluster      %.*s%s%s\n", S(d->cluster_name), d->has_lb ? "  " : "",
                d->has_lb ? hr_lb_name(d->lb) : "");
    for (size_t i = 0; d->cluster != NULL && i < d->cluster->n_endpoints; i++) {
        const hr_endpoint *e = d->cluster->endpoints[i];
        fprintf(to, "%-12s %.*s:%u", i == 0 ? "endpoints" : "", S(e->address), e->port);
        if (e->name.len > 0)
            fprintf(to, "  %.*s", S(e->name));
        fputc('\n', to);
    }
    print_workloads(to, d->cluster);
}

static void print_behaviour(FILE *to, const hr_decision *d) {
    if (d->timeout_ms >= 0)
        fprintf(to, "timeout      %lld ms\n", (long long)d->timeout_ms);
    if (d->retries != NULL) {
        fprintf(to, "retries      %d on", d->retries->attempts);
        for (size_t i = 0; i < d->retries->n_retry_on; i++)
            fprintf(to, "%s%.*s", i == 0 ? " " : ",", S(d->retries->retry_on[i]));
        for (size_t i = 0; i < d->retries->n_status_codes; i++)
            fprintf(to, "%s%u", i == 0 ? "; statuses " : ",", d->retries->status_codes[i]);
        fputc('\n', to);
    }
    if (d->delay_ms >= 0)
        fprintf(to, "fault        delay of %lld ms %s\n", (long long)d->delay_ms,
                d->delay_fires ? "fires" : "does not fire");
    if (d->abort_status != 0 || d->abort_grpc_status.len > 0) {
        fprintf(to, "fault        abort with ");
        if (d->abort_status != 0)
            fprintf(to, "%d", d->abort_status);
        else
            fprintf(to, "grpc %.*s", S(d->abort_grpc_status));
        fprintf(to, " %s\n", d->abort_fires ? "fires" : "does not fire");
    }
    for (size_t i = 0; i < d->n_mirrors; i++)
        fprintf(to, "mirror       %.*s  %g %%, %s\n", S(d->mirrors[i].cluster_name),
                d->mirrors[i].percentage, d->mirrors[i].fires ? "fires" : "does not fire");
    if (d->cors != NULL)
        fprintf(to, "cors         origin %s%s\n",
                d->cors_origin_allowed ? "allowed" : "not allowed",
                d->cors_preflight ? ", answered as a preflight" : "");
}

static int print_upstream(FILE *to, const hr_decision *d, const hr_request *request,
                          hr_scratch *scratch) {
    hr_upstream up = HR_UPSTREAM_INIT;
    int error = hr_upstream_request(&up, d, request, scratch);
    if (error != HR_OK)
        return error;
    fprintf(to, "upstream     %.*s %.*s%s\n", S(request->method), S(up.path),
            up.path_rewritten ? "  (rewritten)" : "");
    fprintf(to, "%-12s host: %.*s\n", "", S(up.authority));
    for (size_t i = 0; i < up.n_headers; i++)
        fprintf(to, "%-12s %.*s: %.*s\n", "", S(up.headers[i].name), S(up.headers[i].value));
    return HR_OK;
}

static int print_caveats(FILE *to, const hr_decision *d, const hr_request *request,
                         hr_scratch *scratch) {
    const hr_str *caveats;
    size_t n;
    int error = hr_decision_caveats(&caveats, &n, d, request, scratch);
    for (size_t i = 0; error == HR_OK && i < n; i++)
        fprintf(to, "%scaveat%s       %.*s\n", cli_color_on(to, CLI_YELLOW), cli_color_off(to),
                S(caveats[i]));
    return error;
}

/* The findings that docs/linter.md lists under "Destinations that answer 503". */
static bool is_about_503(hr_str code) {
    static const char *const codes[] = {"host-unknown",     "no-services",        "port-unknown",
                                        "port-missing",     "not-exported",       "alias-unknown",
                                        "subset-unknown",   "subset-not-reached", "subset-empty",
                                        "destination-empty"};
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
        if (code.len == strlen(codes[i]) && memcmp(code.p, codes[i], code.len) == 0)
            return true;
    return false;
}

void cli_print_findings(FILE *to, const hr_decision *d, const hr_diagnostics *findings) {
    for (size_t i = 0; i < hr_diagnostics_count(findings); i++) {
        const hr_diagnostic *f = hr_diagnostics_get(findings, i);
        if (f->code.len == 0 || !hr_decision_has_finding(d, f))
            continue;
        bool reason = d->local_reply.status == 503 && is_about_503(f->code);
        fprintf(to, "%s%s%s      %.*s: %.*s [%.*s]  %.*s:%d\n", cli_color_on(to, CLI_YELLOW),
                reason ? "reason " : "warning", cli_color_off(to), S(f->field), S(f->message),
                S(f->code), S(f->file), f->line);
    }
}

static cli_color color_of(const hr_decision *d) {
    if (d->action == HR_ACTION_NO_ROUTE || d->local_reply.status != 0)
        return CLI_RED;
    return d->action == HR_ACTION_ROUTE ? CLI_GREEN : CLI_YELLOW;
}

/* For readers: "direct response" instead of direct_response. */
static void print_action(FILE *to, const hr_decision *d) {
    fprintf(to, "action       %s", cli_color_on(to, color_of(d)));
    for (const char *name = hr_action_name(d->action); name != NULL && *name != '\0'; name++)
        fputc(*name == '_' ? ' ' : *name, to);
    fprintf(to, "%s\n", cli_color_off(to));
}

int cli_print_decision(FILE *to, const hr_decision *d, const hr_request *request,
                       hr_scratch *scratch) {
    print_action(to, d);
    print_rule(to, d);
    print_destination(to, d);
    print_behaviour(to, d);
    if (d->redirect_code != 0)
        fprintf(to, "redirect     %d %.*s\n", d->redirect_code, S(d->redirect_location));
    if (d->direct_response_status != 0)
        fprintf(to, "response     %d %.*s\n", d->direct_response_status,
                S(d->direct_response_body));
    if (d->local_reply.status != 0)
        fprintf(to, "reply        %d%s%.*s %.*s\n", d->local_reply.status,
                d->local_reply.flag.len > 0 ? " " : "", S(d->local_reply.flag),
                S(d->local_reply.body));
    if (d->closes_connection)
        fprintf(to, "reply        none: the connection is closed (no listener for HTTP on this "
                    "port takes the address)\n");
    bool forwarded = d->action == HR_ACTION_PASSTHROUGH ||
                     (d->action == HR_ACTION_ROUTE && d->local_reply.status == 0);
    int error = forwarded ? print_upstream(to, d, request, scratch) : HR_OK;
    return error == HR_OK ? print_caveats(to, d, request, scratch) : error;
}

static void print_place(FILE *to, const hr_trace_event *e) {
    bool istio = e->virtual_service.len == 0 ||
                 memchr(e->virtual_service.p, ' ', e->virtual_service.len) == NULL;
    fprintf(to, "%.*s", S(e->virtual_service));
    if (e->route_index >= 0)
        fprintf(to, istio ? " http[%d]" : " rules[%d]", e->route_index);
    if (e->match_index >= 0)
        fprintf(to, istio ? ".match[%d]" : ".matches[%d]", e->match_index);
    if (e->file.len > 0)
        fprintf(to, " (%.*s:%d)", S(e->file), e->line);
}

void cli_print_event(void *ctx, const hr_trace_event *e) {
    FILE *to = ctx;
    switch (e->kind) {
    case HR_TRACE_VIRTUAL_HOST:
        if (e->ok)
            fprintf(to, "authority %.*s: virtual host %.*s\n", S(e->actual), S(e->expected));
        else
            fprintf(to, "authority %.*s: %.*s\n", S(e->actual), S(e->detail));
        break;
    case HR_TRACE_CONDITION:
        fprintf(to, "    %s%s%s %.*s: expected %.*s, ",
                cli_color_on(to, e->ok ? CLI_GREEN : CLI_RED), e->ok ? "yes" : "no ",
                cli_color_off(to), S(e->field), S(e->expected));
        if (e->actual.p == NULL)
            fprintf(to, "got no value");
        else
            fprintf(to, "got \"%.*s\"", S(e->actual));
        if (e->detail.len > 0)
            fprintf(to, " (%.*s)", S(e->detail));
        fputc('\n', to);
        break;
    case HR_TRACE_RULE:
        fprintf(to, "  %s%s%s ", cli_color_on(to, e->ok ? CLI_GREEN : CLI_FAINT),
                e->ok ? "MATCH" : "miss ", cli_color_off(to));
        if (e->virtual_service.p == NULL)
            fprintf(to, "route \"%.*s\"", S(e->detail));
        else
            print_place(to, e);
        fputc('\n', to);
        break;
    case HR_TRACE_OMITTED:
        fprintf(to, "not in this view: ");
        print_place(to, e);
        fprintf(to, ": %.*s\n", S(e->detail));
        break;
    }
}
