/* What Istio's admission refuses is refused, at its place; what it takes is taken. */
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include "cases.h"

/* The numbers keep a case file from shrinking unseen. */

Test(validate, virtual_services_are_accepted_and_refused_as_by_istio) {
    cr_assert(ge(sz, cases_check("cases/virtual_service", 0), 260));
}

Test(validate, destination_rules_are_accepted_and_refused_as_by_istio) {
    cr_assert(ge(sz, cases_check("cases/destination_rule", 0), 100));
}

Test(validate, gateways_are_accepted_and_refused_as_by_istio) {
    cr_assert(ge(sz, cases_check("cases/gateway", 0), 50));
}

Test(validate, service_and_workload_entries_are_accepted_and_refused_as_by_istio) {
    cr_assert(ge(sz, cases_check("cases/service_entry", 0), 45));
}

Test(validate, the_gateway_api_is_accepted_and_refused_as_by_the_api_server) {
    cr_assert(ge(sz, cases_check("cases/gateway_api", 0), 29));
    cr_assert(ge(sz, cases_check("cases/gateway_api_schema", 0), 9));
}

Test(validate, kubernetes_kinds_and_metadata_are_accepted_and_refused) {
    cr_assert(ge(sz, cases_check("cases/kubernetes", 0), 30));
}
