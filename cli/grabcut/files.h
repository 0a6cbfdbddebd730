/* Whole files: read into memory, written so that a failure leaves nothing half done. */
#ifndef GRABCUT_CLI_FILES_H
#define GRABCUT_CLI_FILES_H

#include <stddef.h>
#include <stdint.h>

/* Both return 0 or an errno. "-" is standard input; a NULL path is standard output. */

/* The caller frees *out. */
int cut_read(uint8_t **out, size_t *len, const char *path);

/* Replaces the file in one step: a reader sees the old contents or the new ones. */
int cut_write(const char *path, const uint8_t *bytes, size_t len);

/* Makes a folder and those above it. */
int cut_make_folder(const char *path);

#endif
