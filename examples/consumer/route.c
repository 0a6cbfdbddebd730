/* Prints the subset that a VirtualService chooses for a request with the header `target`. */
#include <headerroute/headerroute.h>

#include <stdio.h>

static int route(const hr_view *view, hr_scratch *scratch, const char *target) {
    hr_pair header = {HR_STR("target"), hr_str_from(target)};
    hr_request request = HR_REQUEST_INIT;
    request.authority = HR_STR("proxy-server:5000");
    request.path = HR_STR("/predict");
    request.headers = &header;
    request.n_headers = 1;
    hr_decision decision = HR_DECISION_INIT;
    int error = hr_route(&decision, view, &request, scratch);
    if (error == HR_OK)
        printf("%.*s\n", (int)decision.destination_subset.len, decision.destination_subset.p);
    return error;
}

static void print_findings(const hr_diagnostics *found) {
    char line[1024];
    for (size_t i = 0; i < hr_diagnostics_count(found); i++) {
        hr_diagnostic_format(line, sizeof(line), hr_diagnostics_get(found, i));
        fprintf(stderr, "%s\n", line);
    }
}

int main(int argc, char **argv) {
    if (argc < 3) {
        fprintf(stderr, "usage: %s TARGET PATH...\n", argv[0]);
        return 2;
    }
    hr_table *table = NULL;
    hr_view *view = NULL;
    hr_scratch *scratch = NULL;
    hr_diagnostics *found = NULL;
    hr_view_options caller = HR_VIEW_OPTIONS_INIT;
    caller.port = 5000;
    int error =
        hr_table_load_paths(&table, &found, (const char *const *)argv + 2, (size_t)argc - 2, NULL);
    print_findings(found);
    if (error == HR_OK)
        error = hr_view_new(&view, table, &caller);
    if (error == HR_OK)
        error = hr_scratch_new(&scratch);
    if (error == HR_OK)
        error = route(view, scratch, argv[1]);
    if (error != HR_OK)
        fprintf(stderr, "%s: %s\n", argv[0], hr_strerror(error));
    hr_scratch_free(scratch);
    hr_view_unref(view);
    hr_table_unref(table);
    hr_diagnostics_free(found);
    return error != HR_OK;
}
