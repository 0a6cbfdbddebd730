/* BackendTLSPolicies as DestinationRules, as Istio's control plane converts them
 * (pilot/pkg/config/kube/gateway/backend_policies.go). */
#ifndef HR_BACKEND_TLS_H
#define HR_BACKEND_TLS_H

#include "arena.h"
#include "messages.h"

/* The credential names that the conversion makes: a ConfigMap "NAMESPACE/NAME" behind the first;
 * the second is none at all, so that no connection is made. */
#define HR_CREDENTIAL_CONFIG_MAP "configmap://"
#define HR_CREDENTIAL_INVALID "invalid://"

typedef enum hr_tls_target_state {
    HR_TLS_TARGET_OK = 0,
    HR_TLS_TARGET_KIND,       /* neither a Service nor a ServiceEntry */
    HR_TLS_TARGET_NOT_FOUND,  /* not among the resources of the policy's namespace */
    HR_TLS_TARGET_NO_PORT,    /* it has no port of the name in sectionName */
    HR_TLS_TARGET_CONFLICTED, /* an older policy has the same target */
} hr_tls_target_state;

/* What becomes of the targets of all policies, in the arena. NULL if there are none, or if the
 * arena has failed. Takes time and memory by the number of targets, not by their square: files of
 * users are read. */
typedef struct hr_backend_tls hr_backend_tls;
const hr_backend_tls *hr_backend_tls_new(hr_arena *arena, const hr_resources *resources);

/* What becomes of one of targetRefs. *winner: the policy that CONFLICTED is about. */
hr_tls_target_state hr_backend_tls_target(const hr_spec_backend_tls_policy **winner,
                                          const hr_backend_tls *found,
                                          const hr_spec_backend_tls_policy *policy, size_t target);
/* Whether the control plane finds authorities to trust. ConfigMaps are not read, so each of them is
 * taken to exist. */
bool hr_backend_tls_has_ca(const hr_spec_backend_tls_policy *policy);

/* A list of rules in the arena, one a host of a target. NULL with *n = 0 if there are none. To be
 * called once. */
hr_spec_destination_rule *hr_backend_tls_rules(size_t *n, hr_arena *arena,
                                               const hr_backend_tls *found, hr_str domain);

#endif
