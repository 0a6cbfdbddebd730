/* Says what of a view the gateway does not do. */
#include "refuse.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "listener_tls.h"
#include "str.h"

__attribute__((format(printf, 4, 5))) static int say_refusal(const gw_refuser *refuser, hr_str file,
                                                             int line, const char *format, ...) {
    char message[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    refuser->refuse(refuser->ctx, &(gw_refusal){file, line, message});
    return 1;
}

/* ---- clusters ---- */

static int refuse_begins(hr_str s, const char *with) {
    size_t n = strlen(with);
    return s.len >= n && memcmp(s.p, with, n) == 0;
}

/* Returns the reason why the gateway cannot apply a cluster's policy, or NULL if it applies all of
 * it. */
static const char *not_acted_on(const hr_cluster *cluster) {
    const hr_traffic_policy *p = cluster->policy;
    if (p->lb == HR_LB_PASSTHROUGH)
        return "loadBalancer PASSTHROUGH sends a connection to its original destination, which "
               "this gateway cannot see; name the endpoints and use another balancer";
    if (cluster->kind == HR_CLUSTER_ORIGINAL_DST)
        return "its addresses are not named (resolution NONE or a headless Service without "
               "endpoints): this "
               "gateway connects only to addresses that its configuration names";
    if (p->retry_budget && p->retry_budget_interval_ms > 0)
        return "trafficPolicy.retryBudget.budgetInterval: this gateway counts the requests that "
               "are active or pending, and none that have ended; remove it";
    if (p->tls_mode == HR_TLS_ISTIO_MUTUAL)
        return "trafficPolicy.tls: ISTIO_MUTUAL requires the certificates that Istio issues to its "
               "sidecars, which this gateway does not have; use SIMPLE or MUTUAL with files, or "
               "DISABLE";
    if (p->tls_mode != HR_TLS_DISABLE && refuse_begins(p->tls_credential_name, "invalid://"))
        return "validation.caCertificateRefs of a BackendTLSPolicy: it names no ConfigMap, so that "
               "Istio makes no connection either";
    if (p->tls_mode != HR_TLS_DISABLE && refuse_begins(p->tls_credential_name, "configmap://"))
        return "validation.caCertificateRefs of a BackendTLSPolicy: this gateway reads no "
               "ConfigMaps; use wellKnownCACertificates: System, or mount the certificates and "
               "name the file by caCertificates of a DestinationRule";
    if (p->tls_mode != HR_TLS_DISABLE && p->tls_credential_name.len > 0)
        return "trafficPolicy.tls.credentialName: this gateway reads no Kubernetes Secrets; mount "
               "them and name the files by caCertificates, clientCertificate and privateKey";
    return NULL;
}

int gw_refuse_cluster(const gw_refuser *refuser, const hr_cluster *cluster) {
    const char *why = not_acted_on(cluster);
    return why == NULL ? 0
                       : say_refusal(refuser, cluster->source_file, cluster->source_line,
                                     "%.*s: %s", (int)cluster->name.len, cluster->name.p, why);
}

/* ---- listeners ---- */

/* What the Gateway's server asks of the listeners, and what the command line gave them. */
static int refuse_server(const gw_refuser *refuser, const hr_view *view) {
    hr_gateway_server server = HR_GATEWAY_SERVER_INIT;
    if (view == NULL || hr_view_gateway_server(&server, view) != HR_OK)
        return 0;
    hr_str mode = server.tls_mode;
    int simple = mode.len == 6 && memcmp(mode.p, "SIMPLE", 6) == 0;
    const char *why = NULL;
    if (server.terminates_tls && !simple)
        why = "this gateway serves TLS of mode SIMPLE only: it asks no certificate of its clients";
    else if (server.terminates_tls && !refuser->certificate)
        why = "its protocol is HTTPS: give the certificate with --tls-cert and --tls-key";
    else if (!server.terminates_tls && refuser->certificate)
        why = "it is not encrypted, but --tls-cert is given: choose the HTTPS server with "
              "--gateway-port, or leave the certificate out";
    if (why == NULL)
        return 0;
    return say_refusal(refuser, server.source_file, server.source_line, "server on port %u: %s",
                       (unsigned)server.port, why);
}

/* Without --map certificates are those of the command line. */
static int refuse_listener(const gw_refuser *refuser, const hr_listener *l) {
    bool asks_clients = l->verifies_clients || sv_str_is(l->tls_mode, "MUTUAL") ||
                        sv_str_is(l->tls_mode, "OPTIONAL_MUTUAL");
    const char *why = refuser->maps || asks_clients ? gw_listener_refusal(l) : NULL;
    if (why == NULL)
        return 0;
    return say_refusal(refuser, l->source_file, l->source_line, "server on port %u: %s",
                       (unsigned)l->port, why);
}

int gw_refuse_listeners(const gw_refuser *refuser, const hr_view *view) {
    int refused = 0;
    for (size_t l = 0; l < hr_view_listener_count(view); l++)
        refused += refuse_listener(refuser, hr_view_listener(view, l));
    return refuser->maps || refused > 0 ? refused : refuse_server(refuser, view);
}
