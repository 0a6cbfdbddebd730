/* Routes a request by its header. Valid C and C++. */
#include <headerroute/headerroute.h>

#include <stdio.h>
#include <string.h>

static const char yaml[] = "apiVersion: v1\n"
                           "kind: Service\n"
                           "metadata: {name: shop}\n"
                           "spec: {ports: [{name: http, port: 80}]}\n"
                           "---\n"
                           "apiVersion: networking.istio.io/v1\n"
                           "kind: VirtualService\n"
                           "metadata: {name: v}\n"
                           "spec:\n"
                           "  hosts: [shop]\n"
                           "  http:\n"
                           "  - match: [{headers: {target: {regex: 'cond.*1'}}}]\n"
                           "    route: [{destination: {host: one}}]\n"
                           "  - route: [{destination: {host: two}}]\n";

static int destination_is(const hr_view *view, hr_scratch *scratch, const char *value,
                          const char *host) {
    hr_pair header;
    hr_request request = HR_REQUEST_INIT;
    hr_decision decision = HR_DECISION_INIT;
    header.name = hr_str_from("target");
    header.value = hr_str_from(value);
    request.authority = hr_str_from("shop");
    request.path = hr_str_from("/");
    request.headers = &header;
    request.n_headers = 1;
    if (hr_route(&decision, view, &request, scratch) != HR_OK) {
        return 0;
    }
    return decision.destination_host.len >= strlen(host) &&
           memcmp(decision.destination_host.p, host, strlen(host)) == 0;
}

int main(void) {
    hr_source source;
    hr_table *table;
    hr_view *view;
    hr_scratch *scratch;
    memset(&source, 0, sizeof(source));
    source.name = "inline";
    source.text = hr_str_from(yaml);
    if (hr_table_load(&table, NULL, &source, 1, NULL) || hr_view_new(&view, table, NULL) ||
        hr_scratch_new(&scratch)) {
        return 1;
    }
    int ok = destination_is(view, scratch, "condition1", "one") &&
             destination_is(view, scratch, "other", "two");
    printf("headerroute %s (headers %s): %s\n", hr_version(), HR_VERSION, ok ? "ok" : "wrong");
    hr_scratch_free(scratch);
    hr_view_unref(view);
    hr_table_unref(table);
    return ok ? 0 : 1;
}
