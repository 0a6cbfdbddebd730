/* YAML text to a table, with the linter, and a view of the mesh and of every Gateway. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <headerroute/headerroute.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void view(hr_table *table, hr_str gateway, uint16_t port) {
    hr_view_options options = HR_VIEW_OPTIONS_INIT;
    options.gateway = gateway;
    options.port = port;
    hr_view *v = NULL;
    if (hr_view_new(&v, table, &options) != HR_OK && v != NULL)
        abort();
    hr_view_unref(v);
}

/* Every other name, by its length. */
static int leave_out(void *ctx, const hr_resource_name *name) {
    if (ctx != NULL || name->source != 0 || name->name.len == 0 ||
        memchr(name->group.p, '/', name->group.len) != NULL)
        abort();
    return name->name.len % 2 == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    hr_load_options options = HR_LOAD_OPTIONS_INIT;
    options.lint = 1;
    options.max_nodes = 100000;
    options.lenient = size % 2;
    options.expand_rollouts = size / 2 % 2;
    options.rollout_step = (int)(size / 4 % 4);
    if (size / 16 % 2 == 1)
        options.leave_out = leave_out;
    hr_source source = {.name = "fuzz", .text = {(const char *)data, size}};
    hr_table *table;
    hr_diagnostics *d;
    int error = hr_table_load(&table, &d, &source, 1, &options);
    /* A table comes without errors, and errors have a sentence. */
    if ((error == HR_OK) != (table != NULL) || (error == HR_OK) != (hr_diagnostics_errors(d) == 0))
        abort();
    for (size_t i = 0; i < hr_diagnostics_count(d); i++) {
        char line[64];
        const hr_diagnostic *f = hr_diagnostics_get(d, i);
        if (hr_diagnostic_format(line, sizeof(line), f) == 0 || f->message.len == 0)
            abort();
    }
    if (table != NULL) {
        view(table, HR_STR("mesh"), 80);
        for (size_t i = 0; i < hr_table_gateway_count(table) && i < 4; i++) {
            hr_gateway_info info = HR_GATEWAY_INFO_INIT;
            if (hr_table_gateway(&info, table, i) == HR_OK && info.n_ports > 0)
                view(table, info.name, info.ports[0]);
        }
    }
    hr_table_unref(table);
    hr_diagnostics_free(d);
    return 0;
}
