/* The caller's question whether decoding should stop. */
#ifndef GRABCUT_CODEC_CANCEL_H
#define GRABCUT_CODEC_CANCEL_H

#include "fail.h"

static inline int grabcut_is_cancelled(const grabcut_decode_options *opts) {
    return opts->cancel && opts->cancel(opts->cancel_ctx);
}

static inline int grabcut_fail_cancelled(grabcut_errbuf *err) {
    return grabcut_fail(err, GRABCUT_ECANCELED, "decoding was cancelled");
}

#endif
