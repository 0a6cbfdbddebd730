/* Serves the embedded documentation, and adds what protects a page. */
#include "docs.h"

#include <string.h>

#include "answer_error.h"

extern const sv_embedded sv_docs_files[];

void sv_answer_page_headers(sv_exchange *ex) {
    const hr_pair headers[] = {
        {HR_STR("content-security-policy"),
         HR_STR("default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
                "connect-src 'self'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'")},
        {HR_STR("x-content-type-options"), HR_STR("nosniff")},
        {HR_STR("referrer-policy"), HR_STR("no-referrer")},
        {HR_STR("cache-control"), HR_STR("no-cache")}, /* another version may answer next time */
    };
    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
        sv_answer_field(ex, headers[i].name, headers[i].value);
}

static void answer_embedded(sv_exchange *ex, const sv_embedded *file) {
    if (!sv_request_is_get(ex)) {
        sv_answer_method(ex, "GET, HEAD");
        return;
    }
    sv_answer_page_headers(ex);
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
    answer_embedded(ex, file);
    return true;
}
