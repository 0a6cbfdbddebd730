/* Kinds of former versions of Istio, each with what replaces it. */
#include "removed.h"

#include <stddef.h>

static const char virtual_service[] = "use a VirtualService";
static const char destination_rule[] = "use a DestinationRule";
static const char service_entry[] = "use a ServiceEntry";
static const char access[] = "Istio 1.6 removed it; use an AuthorizationPolicy";
static const char quotas[] = "Istio 1.8 removed it; use Envoy's rate limits (an EnvoyFilter)";
static const char mixer[] = "Istio 1.8 removed Mixer; use a Telemetry for metrics, logs and "
                            "traces, and an AuthorizationPolicy for access";
static const char authentication[] =
    "Istio 1.6 removed it; use a PeerAuthentication for mutual TLS and a RequestAuthentication for "
    "JWTs";

/* Rows of one group: the first that fits. */
static const struct removed_kind {
    const char *group, *kind; /* kind NULL: every other kind of the group */
    const char *instead;
} removed_kinds[] = {
    {"config.istio.io", "RouteRule", virtual_service},
    {"config.istio.io", "DestinationPolicy", destination_rule},
    {"config.istio.io", "EgressRule", service_entry},
    {"config.istio.io", "QuotaSpec", quotas},
    {"config.istio.io", "QuotaSpecBinding", quotas},
    {"config.istio.io", NULL, mixer},
    {"rbac.istio.io", NULL, access},
    {"authentication.istio.io", NULL, authentication},
};

const char *hr_removed_kind(hr_str group, hr_str kind) {
    for (size_t i = 0; i < sizeof(removed_kinds) / sizeof(removed_kinds[0]); i++) {
        const struct removed_kind *row = &removed_kinds[i];
        if (hr_str_eq_c(group, row->group) && (row->kind == NULL || hr_str_eq_c(kind, row->kind)))
            return row->instead;
    }
    return NULL;
}
