/* What admission asks of a resource as a whole, once all are read. */
#include "diag.h"
#include "resource.h"
#include "text.h"

/* Annotations by which Istio talks to itself: a user's file may not have them. */
static void check_annotations(hr_diagnostics *d, const hr_meta *meta) {
    for (size_t i = 0; i < meta->n_annotations; i++) {
        hr_str name = meta->annotations[i].name;
        if (hr_str_starts(name, HR_STR("internal.istio.io/")))
            hr_diag_error(d, meta->pos, "metadata.annotations", "\"%.*s\" is Istio's own; leave it out", (int)name.len,
                          name.p);
        else if (hr_str_eq_c(name, "istio.io/dry-run"))
            hr_diag_error(d, meta->pos, "metadata.annotations", "\"istio.io/dry-run\" is for AuthorizationPolicies only");
    }
}

int hr_resources_validate(const hr_resources *resources, hr_diagnostics *d) {
    for (size_t i = 0; i < resources->n_virtual_services; i++)
        check_annotations(d, &resources->virtual_services[i].meta);
    for (size_t i = 0; i < resources->n_destination_rules; i++)
        check_annotations(d, &resources->destination_rules[i].meta);
    for (size_t i = 0; i < resources->n_gateways; i++)
        check_annotations(d, &resources->gateways[i].meta);
    for (size_t i = 0; i < resources->n_service_entries; i++)
        check_annotations(d, &resources->service_entries[i].meta);
    for (size_t i = 0; i < resources->n_workload_entries; i++)
        check_annotations(d, &resources->workload_entries[i].meta);
    return hr_diagnostics_oom(d) ? HR_ENOMEM : HR_OK;
}
