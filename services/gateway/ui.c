#include "ui.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "explain.h"
#include "json_out.h"

#define MAX_SAMPLE (16 << 20)

/* The page needs nothing from elsewhere, and nobody may frame it or post its forms. */
static const char policy[] = "default-src 'none'; script-src 'self'; style-src 'self'; img-src "
                             "'self' blob:; connect-src 'self'; "
                             "form-action 'none'; frame-ancestors 'none'; base-uri 'none'";

static const struct type {
    const char *suffix, *content_type;
} sample_types[] = {{".jpg", "image/jpeg"},
                    {".jpeg", "image/jpeg"},
                    {".png", "image/png"},
                    {".webp", "image/webp"}};

static const char *sample_type(const char *name) {
    size_t len = strlen(name);
    for (size_t i = 0; i < sizeof(sample_types) / sizeof(sample_types[0]); i++) {
        size_t n = strlen(sample_types[i].suffix);
        if (len > n && strcmp(name + len - n, sample_types[i].suffix) == 0)
            return sample_types[i].content_type;
    }
    return NULL;
}

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

static int compare(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void answer_samples(hr_exchange *ex, const char *folder) {
    char *names[256];
    size_t n = 0;
    DIR *dir = folder != NULL ? opendir(folder) : NULL;
    for (struct dirent *entry; dir != NULL && n < 256 && (entry = readdir(dir)) != NULL;)
        if (entry->d_name[0] != '.' && sample_type(entry->d_name) != NULL &&
            (names[n] = strdup(entry->d_name)) != NULL)
            n++;
    if (dir != NULL)
        closedir(dir);
    qsort(names, n, sizeof(*names), compare);
    hr_text json = {0};
    hr_text_str(&json, "[");
    for (size_t i = 0; i < n; i++) {
        hr_text_str(&json, i > 0 ? "," : "");
        hr_json_string(&json, names[i], strlen(names[i]));
        free(names[i]);
    }
    hr_text_str(&json, "]");
    hr_answer_text(ex, 200, &json);
}

/* Names of files in that folder only: no slash, no leading dot, a picture's suffix, no link. */
static void answer_sample(hr_exchange *ex, const char *folder, h2o_iovec_t name) {
    char file[256];
    struct stat st;
    int fd = -1, dir = -1;
    h2o_iovec_t body = {NULL, 0};
    int usable = folder != NULL && name.len > 0 && name.len < sizeof(file) && name.base[0] != '.' &&
                 memchr(name.base, '/', name.len) == NULL &&
                 memchr(name.base, '\0', name.len) == NULL;
    const char *type = NULL;
    if (usable) {
        memcpy(file, name.base, name.len);
        file[name.len] = '\0';
        type = sample_type(file);
    }
    if (type != NULL && (dir = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) >= 0)
        fd = openat(dir, file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size <= MAX_SAMPLE) {
        body = h2o_iovec_init(h2o_mem_alloc_pool(&ex->req->pool, (size_t)st.st_size + 1), 0);
        for (ssize_t got;
             (got = read(fd, body.base + body.len, (size_t)st.st_size - body.len)) > 0;)
            body.len += (size_t)got;
    }
    if (fd >= 0)
        close(fd);
    if (dir >= 0)
        close(dir);
    if (body.base == NULL)
        hr_answer_error(ex, 404, "there is no such sample");
    else
        hr_answer(ex, 200, type, body);
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
        answer_samples(ex, options->ui_samples);
    else if (rest.len > 8 && memcmp(rest.base, "samples/", 8) == 0)
        answer_sample(ex, options->ui_samples, h2o_iovec_init(rest.base + 8, rest.len - 8));
    else
        answer_file(ex, rest);
    return 1;
}
