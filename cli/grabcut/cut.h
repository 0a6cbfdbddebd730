/* One image: from the bytes of a file to those of a PNG. */
#ifndef GRABCUT_CLI_CUT_H
#define GRABCUT_CLI_CUT_H

#include "options.h"

/* How all images of a run are cut. */
typedef struct cut_setup {
    const cut_options *options;
    grabcut_image mask; /* of --mask, in the library's four values; `data` is NULL without it */
    int threads;
} cut_setup;

/* Reads --mask. Returns false after it printed what is wrong. */
bool cut_setup_init(cut_setup *out, const cut_options *options, int threads);
void cut_setup_free(cut_setup *setup);

/* Returns GRABCUT_OK or an error with its sentence in `err`. The caller frees *png with
 * grabcut_free(). `stop` is the progress callback of grabcut_segment(). */
int cut_bytes(uint8_t **png, size_t *png_len, const uint8_t *bytes, size_t len,
              const cut_setup *setup, grabcut_workspace *workspace, grabcut_progress_fn progress,
              void *progress_ctx, grabcut_errbuf *err);

#endif
