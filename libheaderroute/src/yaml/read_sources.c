/* Reads the YAML files of a path, of a folder, or a text from memory. */
#include "read_sources.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "diag.h"
#include "load_limits.h"
#include "text.h"

/* What is done with the texts. */
typedef struct reading {
    hr_text_fn fn;
    void *ctx;
    hr_diagnostics *d;
    size_t max_bytes;
    bool recursive;
} reading;

static hr_pos no_place(const char *path) {
    return (hr_pos){hr_str_from(path), 0, 0};
}

static int fail_errno(hr_diagnostics *d, const char *path, const char *what) {
    char why[128] = "";
    if (errno == ENOMEM)
        return HR_ENOMEM;
    if (strerror_r(errno, why, sizeof(why)) != 0)
        snprintf(why, sizeof(why), "error %d", errno);
    hr_diag_error(d, no_place(path), "", "%s: %s", what, why);
    return HR_EIO;
}

static int too_large(hr_diagnostics *d, const char *name, size_t max) {
    hr_diag_error(d, no_place(name), "", "is larger than the limit of %zu bytes (option max_bytes)",
                  max);
    return HR_EIO;
}

/* Secrets may be among it. */
static void forget(char *text, size_t size) {
    explicit_bzero(text, size);
    free(text);
}

/* Reads the whole file into malloc'ed memory. */
static int read_all(char **out, size_t *out_size, int fd, const char *path, size_t max,
                    hr_diagnostics *d) {
    size_t size = 0, capacity = 65536;
    char *text = malloc(capacity);
    while (text != NULL) {
        ssize_t n = read(fd, text + size, capacity - size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            forget(text, size);
            return fail_errno(d, path, "cannot be read");
        }
        size += (size_t)n;
        if (size > max) {
            forget(text, size);
            return too_large(d, path, max);
        }
        if (n == 0) {
            *out = text;
            *out_size = size;
            return HR_OK;
        }
        if (size == capacity) {
            char *more = malloc(capacity * 2);
            if (more != NULL)
                memcpy(more, text, size);
            forget(text, size);
            text = more;
            capacity *= 2;
        }
    }
    return HR_ENOMEM;
}

static int give_file(const reading *r, const char *path) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return fail_errno(r->d, path, "cannot be opened");
    char *text = NULL;
    size_t size = 0;
    int rc = read_all(&text, &size, fd, path, r->max_bytes, r->d);
    close(fd);
    if (rc != HR_OK)
        return rc;
    rc = r->fn(r->ctx, hr_str_from(path), (hr_str){text, size});
    forget(text, size);
    return rc;
}

/* ---- names ---- */

static hr_str base_name(hr_str path) {
    size_t from = path.len;
    while (from > 0 && path.p[from - 1] != '/')
        from--;
    return hr_str_tail(path, from);
}

static const char *const kustomizations[] = {"kustomization.yaml", "kustomization.yml",
                                             "Kustomization"};
enum { KUSTOMIZATIONS = sizeof(kustomizations) / sizeof(kustomizations[0]) };

bool hr_is_kustomization(hr_str path) {
    hr_str name = base_name(path);
    for (size_t i = 0; i < KUSTOMIZATIONS; i++)
        if (hr_str_eq_c(name, kustomizations[i]))
            return true;
    return false;
}

hr_str hr_folder_of(hr_str path) {
    size_t len = path.len - base_name(path).len;
    return len == 0 ? HR_STR(".") : hr_str_of(path.p, len > 1 ? len - 1 : 1);
}

bool hr_folder_is_kustomized(hr_str folder) {
    char path[4096];
    for (size_t i = 0; i < KUSTOMIZATIONS; i++) {
        int n =
            snprintf(path, sizeof(path), "%.*s/%s", (int)folder.len, folder.p, kustomizations[i]);
        if (n > 0 && (size_t)n < sizeof(path) && access(path, F_OK) == 0)
            return true;
    }
    return false;
}

static bool is_yaml_name(const char *name) {
    hr_str s = hr_str_from(name);
    return name[0] != '.' && (hr_str_ends(s, HR_STR(".yaml")) || hr_str_ends(s, HR_STR(".yml"))) &&
           !hr_is_kustomization(s);
}

static bool is_read_name(const char *name) {
    return is_yaml_name(name) ||
           (name[0] != '.' && hr_str_ends(hr_str_from(name), HR_STR(".json")));
}

static int is_visible(const struct dirent *entry) {
    return entry->d_name[0] != '.';
}

static int entries_by_name(const struct dirent **a, const struct dirent **b) {
    return strcmp((*a)->d_name, (*b)->d_name);
}

/* "folder/name", malloc'ed. */
static char *join_path(const char *folder, const char *name) {
    size_t len = strlen(folder), size = len + strlen(name) + 2;
    while (len > 1 && folder[len - 1] == '/')
        len--;
    char *path = malloc(size);
    if (path != NULL)
        snprintf(path, size, "%.*s%s%s", (int)len, folder,
                 len > 0 && folder[len - 1] == '/' ? "" : "/", name);
    return path;
}

/* ---- folders ---- */

/* What cannot be read does not end the reading; everything else that fails does. */
static bool goes_on(int error) {
    return error == HR_OK || error == HR_EIO;
}

/* The result of two steps: what ends the reading, then unreadable, then fine. */
static int worse(int a, int b) {
    return a == HR_OK || !goes_on(b) ? b : a;
}

static bool is_folder(const char *path) {
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* Symbolic links are not followed: they may lead in a circle. */
static bool is_own_folder(const char *path) {
    struct stat st;
    return lstat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* Calls `fn` with the path of each visible entry, in order of name, until it does not return HR_OK
 * or HR_EIO. */
static int each_entry(const char *folder, int (*fn)(void *ctx, const char *path), void *ctx,
                      hr_diagnostics *d) {
    struct dirent **entries;
    int n = scandir(folder, &entries, is_visible, entries_by_name), rc = HR_OK;
    if (n < 0)
        return d == NULL ? HR_OK : fail_errno(d, folder, "cannot be listed");
    for (int i = 0; i < n; i++) {
        char *path = goes_on(rc) ? join_path(folder, entries[i]->d_name) : NULL;
        if (path != NULL)
            rc = worse(rc, fn(ctx, path));
        else if (goes_on(rc))
            rc = HR_ENOMEM;
        free(path);
        free(entries[i]);
    }
    free(entries);
    return rc;
}

typedef struct walk {
    const reading *r;
    bool found;  /* a file of a name that is read */
    char *below; /* while looking into subfolders: the first YAML file; malloc'ed */
    int depth;
} walk;

static int give_if_named(void *ctx, const char *path) {
    walk *w = ctx;
    if (!is_read_name(base_name(hr_str_from(path)).p) || is_folder(path))
        return HR_OK;
    w->found = true;
    return give_file(w->r, path);
}

static int give_subfolder(void *ctx, const char *path) {
    walk *w = ctx;
    if (!is_own_folder(path))
        return HR_OK;
    int rc = each_entry(path, give_if_named, w, w->r->d);
    return goes_on(rc) ? worse(rc, each_entry(path, give_subfolder, w, w->r->d)) : rc;
}

#define DEEPEST_LOOK 8 /* levels of subfolders where YAML is looked for */

static int find_below(void *ctx, const char *path) {
    walk *w = ctx;
    int rc = HR_OK;
    if (w->below != NULL)
        return HR_OK;
    if (w->depth > 0 && is_yaml_name(base_name(hr_str_from(path)).p) && !is_folder(path)) {
        w->below = strdup(path);
        return w->below == NULL ? HR_ENOMEM : HR_OK;
    }
    if (w->depth >= DEEPEST_LOOK || !is_own_folder(path))
        return HR_OK;
    w->depth++;
    rc = each_entry(path, find_below, w, NULL);
    w->depth--;
    return rc;
}

static int report_empty_folder(walk *w, const char *folder) {
    int rc = each_entry(folder, find_below, w, NULL);
    if (rc != HR_OK)
        return rc;
    if (w->below != NULL) {
        hr_diag_error(w->r->d, no_place(folder), "",
                      "the YAML files of this folder are in subfolders, such as %s: read them "
                      "with -R, --recursive (option recursive), or name the subfolder",
                      w->below);
        free(w->below);
        return HR_EIO;
    }
    if (hr_folder_is_kustomized(hr_str_from(folder)))
        hr_diag_warn(w->r->d, no_place(folder), "",
                     "the folder contains only a kustomization, which is not read: load what "
                     "`kubectl kustomize %s` prints",
                     folder);
    else
        hr_diag_warn(w->r->d, no_place(folder), "",
                     "the folder contains no *.yaml, *.yml or *.json file");
    return HR_OK;
}

static int give_folder(const reading *r, const char *folder) {
    walk w = {.r = r};
    int rc = each_entry(folder, give_if_named, &w, r->d);
    if (r->recursive && goes_on(rc))
        rc = worse(rc, each_entry(folder, give_subfolder, &w, r->d));
    return w.found || rc != HR_OK ? rc : report_empty_folder(&w, folder);
}

/* ---- sources ---- */

static int give_text(const reading *r, const hr_source *s) {
    const char *name = s->name == NULL ? "text" : s->name;
    if (s->text.len > r->max_bytes)
        return too_large(r->d, name, r->max_bytes);
    return r->fn(r->ctx, hr_str_from(name), s->text);
}

static int give_path(const reading *r, const char *path) {
    struct stat st;
    if (stat(path, &st) != 0)
        return fail_errno(r->d, path, "cannot be read");
    return S_ISDIR(st.st_mode) ? give_folder(r, path) : give_file(r, path);
}

int hr_sources_each(const hr_source *sources, size_t n, const hr_load_options *options,
                    hr_diagnostics *d, hr_text_fn fn, void *ctx) {
    reading r = {fn, ctx, d, hr_limit_bytes(options), hr_load_is_recursive(options)};
    int rc = HR_OK;
    for (size_t i = 0; i < n && goes_on(rc); i++) {
        const hr_source *s = &sources[i];
        if (s->path == NULL && s->text.p == NULL)
            return HR_EINVAL;
        rc = worse(rc, s->path == NULL ? give_text(&r, s) : give_path(&r, s->path));
    }
    return rc;
}
