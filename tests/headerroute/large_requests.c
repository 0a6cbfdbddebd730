/* Large views and requests that several tests of limits share. */
#include "large_requests.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "harness.h"

/* ---- rules ---- */

hr_view *large_view(const char *match, hr_repeated_headers repeated) {
    char *yaml;
    size_t size;
    FILE *f = open_memstream(&yaml, &size);
    fputs("apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: a}\nspec:\n"
          "  hosts: [reviews]\n  http:\n",
          f);
    for (int i = 0; i < RULES; i++) {
        fputs("  - match: [{", f);
        for (const char *p = match; *p != '\0'; p++) {
            if (*p == '#')
                fprintf(f, "%d", i + 1000);
            else
                fputc(*p, f);
        }
        fputs("}]\n    route: [{destination: {host: reviews}}]\n", f);
    }
    fputs("  - route: [{destination: {host: reviews}}]\n", f);
    fputs("    headers: {request: {set: {x-set: a}}}\n---\n", f);
    char *mesh = hrt_mesh();
    fputs(mesh, f);
    free(mesh);
    fclose(f);
    hr_table *table = hrt_load(yaml);
    free(yaml);
    hr_view_options options = HR_VIEW_OPTIONS_INIT;
    options.repeated_headers = repeated;
    hr_view *view;
    cr_assert_eq(hr_view_new(&view, table, &options), HR_OK);
    hr_table_unref(table);
    return view;
}

/* ---- requests of BYTES bytes ---- */

static char text[BYTES];
static hr_pair headers[BYTES / 8];

/* `part` again and again. */
static hr_str filled(const char *part, size_t len) {
    for (size_t i = 0; i < len; i++)
        text[i] = part[i % strlen(part)];
    return (hr_str){text, len};
}

static hr_request with_path(hr_str path) {
    return (hr_request){
        .version = HR_REQUEST_VERSION, .authority = HR_STR("reviews"), .path = path};
}

hr_request large_headers(const char *name, const char *part, size_t lines) {
    hr_str value = filled(part, BYTES / lines);
    for (size_t i = 0; i < lines; i++)
        headers[i] = (hr_pair){hr_str_from(name), value};
    hr_request request = with_path(HR_STR("/"));
    request.headers = headers;
    request.n_headers = lines;
    return request;
}

hr_request large_query(const char *part) {
    hr_str path = filled(part, BYTES);
    memcpy(text, "/?", 2);
    return with_path(path);
}

hr_request large_path(const char *part) {
    hr_str path = filled(part, BYTES);
    text[0] = '/';
    return with_path(path);
}

hr_request small_request(const char *path) {
    return with_path(hr_str_from(path));
}
