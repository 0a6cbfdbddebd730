/* Watches files with inotify and computes their fingerprint. */
#include "watch.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#define EVENTS                                                                                     \
    (IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ATTRIB |            \
     IN_DELETE_SELF | IN_MOVE_SELF)

int gw_watch_open(void) {
    return inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
}

void gw_watch_paths(int fd, const char *const *paths, size_t n) {
    for (size_t i = 0; i < n; i++) {
        char parent[PATH_MAX];
        size_t len = strlen(paths[i]);
        while (len > 1 && paths[i][len - 1] == '/')
            len--;
        if (len >= sizeof(parent))
            continue;
        memcpy(parent, paths[i], len);
        parent[len] = '\0';
        char *slash = strrchr(parent, '/');
        if (slash == NULL)
            strcpy(parent, ".");
        else
            slash[slash == parent] = '\0';
        inotify_add_watch(fd, parent, EVENTS | IN_ONLYDIR);
        inotify_add_watch(fd, paths[i], EVENTS);
    }
}

void gw_watch_drain(int fd) {
    char events[4096];
    while (read(fd, events, sizeof(events)) > 0)
        continue;
}

static uint64_t watch_mix(uint64_t hash, const void *bytes, size_t n) {
    const unsigned char *p = bytes;
    for (size_t i = 0; i < n; i++)
        hash = (hash ^ p[i]) * 1099511628211ull; /* FNV-1a */
    return hash;
}

static uint64_t fingerprint_of(const char *path, const struct stat *st) {
    uint64_t hash = watch_mix(14695981039346656037ull, path, strlen(path));
    hash = watch_mix(hash, &st->st_ino, sizeof(st->st_ino));
    hash = watch_mix(hash, &st->st_dev, sizeof(st->st_dev));
    hash = watch_mix(hash, &st->st_size, sizeof(st->st_size));
    return watch_mix(hash, &st->st_mtim, sizeof(st->st_mtim));
}

static int is_yaml(const char *name) {
    const char *dot = strrchr(name, '.');
    return dot != NULL && (strcmp(dot, ".yaml") == 0 || strcmp(dot, ".yml") == 0);
}

/* A sum: the order in which a folder lists its files does not matter. */
static uint64_t folder(const char *path) {
    uint64_t sum = 1;
    DIR *dir = opendir(path);
    if (dir == NULL)
        return 0;
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        char file[PATH_MAX];
        struct stat st;
        if (is_yaml(entry->d_name) &&
            snprintf(file, sizeof(file), "%s/%s", path, entry->d_name) < (int)sizeof(file) &&
            stat(file, &st) == 0)
            sum += fingerprint_of(file, &st);
    }
    closedir(dir);
    return sum;
}

uint64_t gw_watch_fingerprint(const char *const *paths, size_t n) {
    uint64_t sum = 0;
    for (size_t i = 0; i < n; i++) {
        struct stat st;
        if (stat(paths[i], &st) != 0)
            continue;
        sum = sum * 31 + (S_ISDIR(st.st_mode) ? folder(paths[i]) : fingerprint_of(paths[i], &st));
    }
    return sum;
}
