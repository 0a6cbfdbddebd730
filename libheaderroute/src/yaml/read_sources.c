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
            free(text);
            return fail_errno(d, path, "cannot be read");
        }
        size += (size_t)n;
        if (size > max) {
            free(text);
            return too_large(d, path, max);
        }
        if (n == 0) {
            *out = text;
            *out_size = size;
            return HR_OK;
        }
        if (size == capacity) {
            char *more = realloc(text, capacity * 2);
            if (more == NULL)
                free(text);
            text = more;
            capacity *= 2;
        }
    }
    return HR_ENOMEM;
}

static int give_file(const char *path, size_t max, hr_diagnostics *d, hr_text_fn fn, void *ctx) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return fail_errno(d, path, "cannot be opened");
    char *text = NULL;
    size_t size = 0;
    int rc = read_all(&text, &size, fd, path, max, d);
    close(fd);
    if (rc != HR_OK)
        return rc;
    rc = fn(ctx, hr_str_from(path), (hr_str){text, size});
    free(text);
    return rc;
}

static int ends_with(const char *s, const char *end) {
    size_t n = strlen(s), m = strlen(end);
    return n > m && strcmp(s + n - m, end) == 0;
}

static int is_yaml_file(const struct dirent *entry) {
    const char *name = entry->d_name;
    return name[0] != '.' && (ends_with(name, ".yaml") || ends_with(name, ".yml")) &&
           strcmp(name, "kustomization.yaml") != 0 && strcmp(name, "kustomization.yml") != 0;
}

static int entries_by_name(const struct dirent **a, const struct dirent **b) {
    return strcmp((*a)->d_name, (*b)->d_name);
}

/* What cannot be read does not end the reading; everything else that fails does. */
static bool goes_on(int error) {
    return error == HR_OK || error == HR_EIO;
}

/* The result of two steps: what ends the reading, then unreadable, then fine. */
static int worse(int a, int b) {
    return a == HR_OK || !goes_on(b) ? b : a;
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

static int give_folder(const char *folder, size_t max, hr_diagnostics *d, hr_text_fn fn,
                       void *ctx) {
    struct dirent **entries;
    int n = scandir(folder, &entries, is_yaml_file, entries_by_name);
    if (n < 0)
        return fail_errno(d, folder, "cannot be listed");
    int rc = HR_OK, found = 0;
    for (int i = 0; i < n; i++) {
        char *path = goes_on(rc) ? join_path(folder, entries[i]->d_name) : NULL;
        struct stat st;
        if (path == NULL) {
            rc = goes_on(rc) ? HR_ENOMEM : rc;
        } else {
            if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode)) {
                found = 1;
                rc = worse(rc, give_file(path, max, d, fn, ctx));
            }
            free(path);
        }
        free(entries[i]);
    }
    free(entries);
    if (!found)
        hr_diag_warn(d, no_place(folder), "", "the folder contains no *.yaml or *.yml file");
    return rc;
}

static int give_text(const hr_source *s, size_t max, hr_diagnostics *d, hr_text_fn fn, void *ctx) {
    const char *name = s->name == NULL ? "text" : s->name;
    if (s->text.len > max)
        return too_large(d, name, max);
    return fn(ctx, hr_str_from(name), s->text);
}

int hr_sources_each(const hr_source *sources, size_t n, size_t max_bytes, hr_diagnostics *d,
                    hr_text_fn fn, void *ctx) {
    int rc = HR_OK;
    for (size_t i = 0; i < n && goes_on(rc); i++) {
        const hr_source *s = &sources[i];
        struct stat st;
        if (s->path == NULL && s->text.p == NULL)
            return HR_EINVAL;
        if (s->path == NULL)
            rc = worse(rc, give_text(s, max_bytes, d, fn, ctx));
        else if (stat(s->path, &st) != 0)
            rc = worse(rc, fail_errno(d, s->path, "cannot be read"));
        else if (S_ISDIR(st.st_mode))
            rc = worse(rc, give_folder(s->path, max_bytes, d, fn, ctx));
        else
            rc = worse(rc, give_file(s->path, max_bytes, d, fn, ctx));
    }
    return rc;
}
