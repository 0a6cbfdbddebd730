/* Serves the embedded documentation. */
#include "docs.h"

#include <string.h>

#include "answer.h"

extern const sv_embedded sv_docs_files[];

static void add_header(sv_exchange *ex, const char *name, const char *value) {
    sv_answer_field(ex, sv_str(name), sv_str(value));
}

void sv_answer_embedded(sv_exchange *ex, const sv_embedded *file) {
    if (!sv_request_is_get(ex)) {
        sv_answer_method(ex, "GET, HEAD");
        return;
    }
    add_header(ex, "content-security-policy",
               "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
               "connect-src 'self'; "
               "form-action 'none'; frame-ancestors 'none'; base-uri 'none'");
    add_header(ex, "x-content-type-options", "nosniff");
    add_header(ex, "referrer-policy", "no-referrer");
    add_header(ex, "cache-control", "no-cache"); /* another version may answer next time */
    sv_answer(ex, 200, file->content_type, (hr_str){(const char *)file->bytes, file->size});
}

bool sv_answer_docs(sv_exchange *ex) {
    static const char docs[] = "/docs", below[] = "/docs/";
    hr_str path = sv_request_path(ex);
    const sv_embedded *file = NULL;
    if (sv_str_is(path, "/openapi.json"))
        file = sv_embedded_find(sv_docs_files, "openapi.json", strlen("openapi.json"));
    else if (sv_str_is(path, docs))
        file = sv_embedded_find(sv_docs_files, "docs/index.html", strlen("docs/index.html"));
    else if (path.len > strlen(below) && memcmp(path.p, below, strlen(below)) == 0)
        file = sv_embedded_find(sv_docs_files, path.p + 1, path.len - 1);
    if (file == NULL)
        return false;
    sv_answer_embedded(ex, file);
    return true;
}
