/* Files for tests. */
#ifndef TESTS_GRABCUT_FILES_H
#define TESTS_GRABCUT_FILES_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* A file of the source tree, whole; free() it. Ends the test program if it cannot be read. */
static inline uint8_t *read_source_file(const char *name, size_t *len) {
    char path[4096];
    snprintf(path, sizeof(path), "%s/%s", HR_SOURCE_DIR, name);
    FILE *f = fopen(path, "rb");
    if (!f) {
        perror(path);
        abort();
    }
    fseek(f, 0, SEEK_END);
    *len = (size_t)ftell(f);
    rewind(f);
    uint8_t *bytes = (uint8_t *)malloc(*len ? *len : 1);
    if (!bytes || fread(bytes, 1, *len, f) != *len) {
        perror(path);
        abort();
    }
    fclose(f);
    return bytes;
}

#endif
