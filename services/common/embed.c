#include "embed.h"

#include <string.h>

#include "answer.h"

extern const hr_embedded hr_docs_files[];

const hr_embedded *hr_embedded_find(const hr_embedded *files, const char *name, size_t len) {
    for (; files->name != NULL; ++files)
        if (strlen(files->name) == len && memcmp(files->name, name, len) == 0)
            return files;
    return NULL;
}

static void add_header(h2o_req_t *req, const char *name, const char *value) {
    h2o_add_header_by_str(&req->pool, &req->res.headers, name, strlen(name), 1, NULL, value, strlen(value));
}

static bool is_get(const h2o_req_t *req) {
    return h2o_memis(req->method.base, req->method.len, H2O_STRLIT("GET")) ||
           h2o_memis(req->method.base, req->method.len, H2O_STRLIT("HEAD"));
}

void hr_answer_embedded(hr_exchange *ex, const hr_embedded *file) {
    if (!is_get(ex->req)) {
        hr_answer_method(ex, "GET, HEAD");
        return;
    }
    add_header(ex->req, "content-security-policy",
               "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
               "form-action 'none'; frame-ancestors 'none'; base-uri 'none'");
    add_header(ex->req, "x-content-type-options", "nosniff");
    add_header(ex->req, "referrer-policy", "no-referrer");
    add_header(ex->req, "cache-control", "no-cache"); /* another version may answer next time */
    hr_answer(ex, 200, file->content_type, h2o_iovec_init((const char *)file->bytes, file->size));
}

bool hr_answer_docs(hr_exchange *ex) {
    static const char docs[] = "/docs", below[] = "/docs/";
    h2o_iovec_t path = hr_request_path(ex->req);
    const hr_embedded *file = NULL;
    if (h2o_memis(path.base, path.len, H2O_STRLIT("/openapi.json")))
        file = hr_embedded_find(hr_docs_files, "openapi.json", strlen("openapi.json"));
    else if (h2o_memis(path.base, path.len, H2O_STRLIT(docs)))
        file = hr_embedded_find(hr_docs_files, "docs/index.html", strlen("docs/index.html"));
    else if (path.len > strlen(below) && memcmp(path.base, below, strlen(below)) == 0)
        file = hr_embedded_find(hr_docs_files, path.base + 1, path.len - 1);
    if (file == NULL)
        return false;
    hr_answer_embedded(ex, file);
    return true;
}
