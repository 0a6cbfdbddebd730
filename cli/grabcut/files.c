/* Reads and writes whole files. */
#define _GNU_SOURCE /* asprintf */
#include "files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int read_all(uint8_t **out, size_t *len, int fd) {
    size_t capacity = 1 << 16;
    *len = 0;
    *out = malloc(capacity);
    while (*out != NULL) {
        ssize_t n = read(fd, *out + *len, capacity - *len);
        if (n < 0)
            return errno;
        if (n == 0)
            return 0;
        *len += (size_t)n;
        if (*len < capacity)
            continue;
        uint8_t *grown = realloc(*out, capacity *= 2);
        if (grown == NULL)
            break;
        *out = grown;
    }
    return ENOMEM;
}

int cut_read(uint8_t **out, size_t *len, const char *path) {
    int fd = strcmp(path, "-") == 0 ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    *out = NULL;
    *len = 0;
    if (fd < 0)
        return errno;
    int error = read_all(out, len, fd);
    if (fd != STDIN_FILENO)
        close(fd);
    if (error != 0) {
        free(*out);
        *out = NULL;
        *len = 0;
    }
    return error;
}

static int write_all(int fd, const uint8_t *bytes, size_t len) {
    while (len > 0) {
        ssize_t n = write(fd, bytes, len);
        if (n < 0)
            return errno;
        bytes += n;
        len -= (size_t)n;
    }
    return 0;
}

static int write_to(const char *path, int flags, const uint8_t *bytes, size_t len) {
    int fd = open(path, O_WRONLY | O_CLOEXEC | flags, 0666);
    if (fd < 0)
        return errno;
    int error = write_all(fd, bytes, len);
    if (close(fd) != 0 && error == 0)
        error = errno;
    return error;
}

/* A name of this process and of one path at a time, short whatever the length of the path's own. */
static char *temporary_beside(const char *path) {
    const char *slash = strrchr(path, '/');
    int folder = slash == NULL ? 0 : (int)(slash - path) + 1;
    char *name = NULL;
    unsigned long sum = 5381;
    for (const char *p = path; *p != '\0'; p++)
        sum = sum * 33 + (unsigned char)*p;
    int n = asprintf(&name, "%.*s.grabcut-%ld-%lx", folder, path, (long)getpid(), sum);
    return n < 0 ? NULL : name;
}

int cut_write(const char *path, const uint8_t *bytes, size_t len) {
    struct stat found;
    if (path == NULL)
        return write_all(STDOUT_FILENO, bytes, len);
    /* A device, a pipe or a symbolic link stays what it is. */
    if (lstat(path, &found) == 0 && !S_ISREG(found.st_mode))
        return write_to(path, O_TRUNC, bytes, len);
    char *temporary = temporary_beside(path);
    if (temporary == NULL)
        return ENOMEM;
    int error = write_to(temporary, O_CREAT | O_EXCL, bytes, len);
    if (error == 0 && rename(temporary, path) != 0)
        error = errno;
    if (error != 0 && error != EEXIST)
        unlink(temporary);
    free(temporary);
    return error;
}

int cut_make_folder(const char *path) {
    char *part = strdup(path);
    if (part == NULL)
        return ENOMEM;
    int error = 0;
    for (char *p = part + 1; error == 0 && *p != '\0'; p++) {
        if (*p != '/')
            continue;
        *p = '\0';
        if (mkdir(part, 0777) != 0 && errno != EEXIST)
            error = errno;
        *p = '/';
    }
    if (error == 0 && mkdir(part, 0777) != 0 && errno != EEXIST)
        error = errno;
    free(part);
    struct stat found;
    if (error == 0 && stat(path, &found) == 0 && !S_ISDIR(found.st_mode))
        error = ENOTDIR;
    return error;
}
