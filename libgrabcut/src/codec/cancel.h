/* The caller's question whether decoding should stop. */
#ifndef GRABCUT_CODEC_CANCEL_H
#define GRABCUT_CODEC_CANCEL_H

#include "fail.h"

typedef struct grabcut_cancel {
    grabcut_cancel_fn requested; /* NULL: never */
    void *ctx;
} grabcut_cancel;

static inline int grabcut_is_cancelled(const grabcut_cancel *cancel) {
    return cancel->requested && cancel->requested(cancel->ctx);
}

static inline int grabcut_fail_cancelled(grabcut_errbuf *err) {
    return grabcut_fail(err, GRABCUT_ECANCELED, "decoding was cancelled");
}

#endif
