/* YAML text to the rules in the other language. */
#include <stdint.h>
#include <stdlib.h>

#include <headerroute/headerroute.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was written is a table without errors, or nothing was written. */
static void convert(const hr_source *source, const hr_load_options *options, hr_dialect to) {
    hr_conversion *c;
    hr_diagnostics *d;
    int error = hr_convert(&c, &d, source, 1, options, to);
    if ((error == HR_OK) != (c != NULL) || (error != HR_OK && error != HR_ECONFIG))
        abort();
    if (error == HR_ECONFIG && hr_diagnostics_errors(d) == 0)
        abort();
    hr_converted written;
    for (size_t i = 0; i < hr_conversion_count(c); i++)
        if (hr_conversion_get(&written, c, i) != HR_OK || written.text.len == 0)
            abort();
    if (c != NULL && hr_conversion_after(c) == NULL)
        abort();
    hr_conversion_free(c);
    hr_diagnostics_free(d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    hr_load_options options = HR_LOAD_OPTIONS_INIT;
    options.max_nodes = 100000;
    options.lenient = 1;
    hr_source source = {.name = "fuzz", .text = {(const char *)data, size}};
    convert(&source, &options, HR_DIALECT_GATEWAY_API);
    convert(&source, &options, HR_DIALECT_ISTIO);
    return 0;
}
