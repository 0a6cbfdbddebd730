/* Loads the rules that the tests in C route by. */
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>

#include <criterion/criterion.h>

static hr_table *load(const hr_source *source) {
    hr_table *table = NULL;
    hr_diagnostics *d = NULL;
    char line[1024];
    int error = hr_table_load(&table, &d, source, 1, NULL);
    for (size_t i = 0; error != HR_OK && i < hr_diagnostics_count(d); i++) {
        hr_diagnostic_format(line, sizeof(line), hr_diagnostics_get(d, i));
        fprintf(stderr, "%s\n", line);
    }
    cr_assert_eq(error, HR_OK, "loading: %s", hr_strerror(error));
    hr_diagnostics_free(d);
    return table;
}

hr_table *hrt_load(const char *yaml) {
    return load(&(hr_source){.name = "test.yaml", .text = hr_str_from(yaml)});
}

hr_table *hrt_load_file(const char *name) {
    char path[512];
    snprintf(path, sizeof(path), "%s/tests/headerroute/fixtures/%s", HR_SOURCE_DIR, name);
    return load(&(hr_source){.path = path});
}

char *hrt_mesh(void) {
    FILE *in = fopen(HR_SOURCE_DIR "/tests/headerroute/routing/mesh/mesh.yaml", "r");
    cr_assert_not_null(in, "tests/headerroute/routing/mesh/mesh.yaml is missing");
    char *text = calloc(1, 1 << 16);
    size_t n = fread(text, 1, (1 << 16) - 1, in);
    fclose(in);
    cr_assert(n > 0 && n < (1 << 16) - 1);
    return text;
}
