/* Serves the embedded documentation. */
#include "docs.h"

#include <string.h>

#include "answer.h"

extern const hr_embedded hr_docs_files[];

static void add_header(hr_exchange *ex, const char *name, const char *value) {
    hr_answer_field(ex, sv_str(name), sv_str(value));
}

void hr_answer_embedded(hr_exchange *ex, const hr_embedded *file) {
    if (!hr_request_is_get(ex)) {
        hr_answer_method(ex, "GET, HEAD");
        return;
    }
    add_header(ex, "content-security-policy",
               "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
               "connect-src 'self'; "
               "form-action 'none'; frame-ancestors 'none'; base-uri 'none'");
    add_header(ex, "x-content-type-options", "nosniff");
    add_header(ex, "referrer-policy", "no-referrer");
    add_header(ex, "cache-control", "no-cache"); /* another version may answer next time */
    hr_answer(ex, 200, file->content_type, (hr_str){(const char *)file->bytes, file->size});
}

bool hr_answer_docs(hr_exchange *ex) {
    static const char docs[] = "/docs", below[] = "/docs/";
    hr_str path = hr_request_path(ex);
    const hr_embedded *file = NULL;
    if (hr_str_is(path, "/openapi.json"))
        file = hr_embedded_find(hr_docs_files, "openapi.json", strlen("openapi.json"));
    else if (hr_str_is(path, docs))
        file = hr_embedded_find(hr_docs_files, "docs/index.html", strlen("docs/index.html"));
    else if (path.len > strlen(below) && memcmp(path.p, below, strlen(below)) == 0)
        file = hr_embedded_find(hr_docs_files, path.p + 1, path.len - 1);
    if (file == NULL)
        return false;
    hr_answer_embedded(ex, file);
    return true;
}
