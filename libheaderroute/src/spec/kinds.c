/* Checks the annotations of all resources of a load. */
#include "kinds.h"

int hr_resources_validate(const hr_resources *resources, hr_diagnostics *d) {
    for (size_t i = 0; i < resources->n_virtual_services; i++)
        hr_check_annotations(d, &resources->virtual_services[i].meta);
    for (size_t i = 0; i < resources->n_destination_rules; i++)
        hr_check_annotations(d, &resources->destination_rules[i].meta);
    for (size_t i = 0; i < resources->n_gateways; i++)
        hr_check_annotations(d, &resources->gateways[i].meta);
    for (size_t i = 0; i < resources->n_service_entries; i++)
        hr_check_annotations(d, &resources->service_entries[i].meta);
    for (size_t i = 0; i < resources->n_sidecars; i++)
        hr_check_annotations(d, &resources->sidecars[i].meta);
    for (size_t i = 0; i < resources->n_workload_entries; i++)
        hr_check_annotations(d, &resources->workload_entries[i].meta);
    return hr_diagnostics_oom(d) ? HR_ENOMEM : HR_OK;
}
