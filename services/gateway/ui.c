/* Serves the web page's files, its samples and its requests under the --ui prefix. */
#include "ui.h"

#include <string.h>

#include "answer_error.h"
#include "docs.h"
#include "explain.h"
#include "rules.h"
#include "samples.h"
#include "ui_diff.h"

extern const sv_embedded gw_ui_files[]; /* ui/, compiled in */

static void answer_sample(sv_exchange *ex, const gw_samples *samples, hr_str name) {
    const gw_sample *sample = gw_samples_find(samples, name);
    if (sample == NULL)
        sv_answer_error(ex, 404, "the sample was not found");
    else
        sv_answer(ex, 200, sample->content_type, sample->bytes);
}

static void answer_file(sv_exchange *ex, hr_str name) {
    if (name.len == 0)
        name = HR_STR("index.html");
    const sv_embedded *file = sv_embedded_find(gw_ui_files, name.p, name.len);
    if (file != NULL)
        sv_answer(ex, 200, file->content_type, (hr_str){(const char *)file->bytes, file->size});
    else
        sv_answer_error(ex, 404, "the page has no such file");
}

static void redirect_to_folder(sv_exchange *ex, const char *prefix) {
    hr_str location = SV_JOIN(ex->pool, sv_str(prefix), HR_STR("/"));
    sv_answer_field(ex, HR_STR("location"), location);
    sv_answer(ex, 308, "text/plain", HR_STR(""));
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

int gw_ui(sv_exchange *ex) {
    const gw_loop *loop = ex->loop->data;
    const gw_options *options = &loop->gateway->options;
    const gw_samples *samples = loop->gateway->samples;
    hr_str path = sv_request_path(ex), method = ex->request.method;
    size_t len = options->ui != NULL ? strlen(options->ui) : 0;
    if (len == 0 || path.len < len || memcmp(path.p, options->ui, len) != 0 ||
        (path.len > len && path.p[len] != '/'))
        return 0;
    hr_str rest = (hr_str){path.p + len + 1, path.len > len ? path.len - len - 1 : 0};
    int post = sv_str_is(method, "POST");
    int get = sv_str_is(method, "GET") || sv_str_is(method, "HEAD");
    int explain = sv_str_is(rest, "explain"), diff = sv_str_is(rest, "diff");
    sv_answer_page_headers(ex);
    if (explain && post)
        gw_explain(ex, GW_ASIDE_PAGE);
    else if (diff && post)
        gw_ui_diff(ex);
    else if (explain || diff || !get)
        sv_answer_method(ex, explain || diff ? "POST" : "GET, HEAD");
    else if (path.len == len)
        redirect_to_folder(ex, options->ui);
    else if (sv_str_is(rest, "rules"))
        gw_rules(ex);
    else if (sv_str_is(rest, "samples"))
        sv_answer(ex, 200, "application/json", gw_samples_list(samples));
    else if (rest.len > 8 && memcmp(rest.p, "samples/", 8) == 0)
        answer_sample(ex, samples, (hr_str){rest.p + 8, rest.len - 8});
    else
        answer_file(ex, rest);
    return 1;
}
