#include "ui.h"

#include <string.h>

#include "explain.h"
#include "samples.h"

/* The page needs nothing from elsewhere, and nobody may frame it or post its forms. */
static const char policy[] = "default-src 'none'; script-src 'self'; style-src 'self'; img-src "
                             "'self' blob:; connect-src 'self'; "
                             "form-action 'none'; frame-ancestors 'none'; base-uri 'none'";

static void protect(hr_exchange *ex) {
    h2o_req_t *req = ex->req;
    h2o_add_header_by_str(&req->pool, &req->res.headers, H2O_STRLIT("content-security-policy"), 0,
                          NULL, policy, sizeof(policy) - 1);
    h2o_add_header_by_str(&req->pool, &req->res.headers, H2O_STRLIT("x-content-type-options"), 0,
                          NULL, H2O_STRLIT("nosniff"));
    h2o_add_header_by_str(&req->pool, &req->res.headers, H2O_STRLIT("referrer-policy"), 0, NULL,
                          H2O_STRLIT("no-referrer"));
    h2o_add_header_by_str(&req->pool, &req->res.headers, H2O_STRLIT("cache-control"), 0, NULL,
                          H2O_STRLIT("no-cache"));
}

static void answer_sample(hr_exchange *ex, const gw_samples *samples, h2o_iovec_t name) {
    const gw_sample *sample = gw_samples_find(samples, name);
    if (sample == NULL)
        hr_answer_error(ex, 404, "there is no such sample");
    else
        hr_answer(ex, 200, sample->content_type, sample->bytes);
}

static void answer_file(hr_exchange *ex, h2o_iovec_t name) {
    if (name.len == 0)
        name = h2o_iovec_init(H2O_STRLIT("index.html"));
    for (size_t i = 0; i < gw_ui_files_count; i++) {
        const gw_ui_file *file = &gw_ui_files[i];
        if (h2o_memis(name.base, name.len, file->name, strlen(file->name))) {
            hr_answer(ex, 200, file->content_type, h2o_iovec_init(file->bytes, file->len));
            return;
        }
    }
    hr_answer_error(ex, 404, "the page has no such file");
}

static void redirect_to_folder(hr_exchange *ex, const char *prefix) {
    h2o_req_t *req = ex->req;
    h2o_iovec_t location = h2o_concat(&req->pool, h2o_iovec_init(prefix, strlen(prefix)),
                                      h2o_iovec_init(H2O_STRLIT("/")));
    h2o_add_header(&req->pool, &req->res.headers, H2O_TOKEN_LOCATION, NULL, location.base,
                   location.len);
    hr_answer(ex, 308, "text/plain", h2o_iovec_init(H2O_STRLIT("")));
}

const char *gw_ui_check_prefix(const char *prefix) {
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/";
    size_t len = strlen(prefix);
    if (len < 2 || prefix[0] != '/' || prefix[len - 1] == '/' || strspn(prefix, allowed) != len ||
        strstr(prefix, "//") != NULL)
        return "must be a path such as /ui, with a slash at its beginning and none at its end";
    return NULL;
}

int gw_ui(hr_exchange *ex) {
    const gw_loop *loop = ex->loop->data;
    const gw_options *options = &loop->gateway->options;
    const gw_samples *samples = loop->gateway->samples;
    h2o_iovec_t path = hr_request_path(ex->req), method = ex->req->method;
    size_t len = options->ui != NULL ? strlen(options->ui) : 0;
    if (len == 0 || path.len < len || memcmp(path.base, options->ui, len) != 0 ||
        (path.len > len && path.base[len] != '/'))
        return 0;
    h2o_iovec_t rest = h2o_iovec_init(path.base + len + 1, path.len > len ? path.len - len - 1 : 0);
    int post = h2o_memis(method.base, method.len, H2O_STRLIT("POST"));
    int get = h2o_memis(method.base, method.len, H2O_STRLIT("GET")) ||
              h2o_memis(method.base, method.len, H2O_STRLIT("HEAD"));
    int explain = h2o_memis(rest.base, rest.len, H2O_STRLIT("explain"));
    protect(ex);
    if (explain && post)
        gw_explain(ex);
    else if (explain || !get)
        hr_answer_method(ex, explain ? "POST" : "GET, HEAD");
    else if (path.len == len)
        redirect_to_folder(ex, options->ui);
    else if (h2o_memis(rest.base, rest.len, H2O_STRLIT("samples")))
        hr_answer(ex, 200, "application/json", gw_samples_list(samples));
    else if (rest.len > 8 && memcmp(rest.base, "samples/", 8) == 0)
        answer_sample(ex, samples, h2o_iovec_init(rest.base + 8, rest.len - 8));
    else
        answer_file(ex, rest);
    return 1;
}
