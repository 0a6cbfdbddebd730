/*
 * libgrabcut: picture in, foreground mask out.
 *
 * The segmentation is GrabCut (Rother, Kolmogorov, Blake: "GrabCut - Interactive Foreground
 * Extraction using Iterated Graph Cuts", SIGGRAPH 2004), with the numbers of OpenCV's cv::grabCut:
 * the same picture, start and seed give the same mask, pixel for pixel, from every engine.
 *
 * Conventions of this header:
 *  - Functions return GRABCUT_OK (0) or a negative `grabcut_error`. What went wrong, in a sentence,
 *    is written to the caller's `grabcut_errbuf` where one is given (NULL is allowed).
 *  - Outputs come first. On failure outputs are left empty (zeroed), never half filled.
 *  - No function keeps a pointer to its arguments after it returns, except where said.
 *  - Everything is thread-safe: there is no global mutable state. One object must not be used by
 *    two threads at the same time.
 *  - Pixels are 8 bit, interleaved. BGR order, as OpenCV has it. Row 0 is the top row.
 */
#ifndef GRABCUT_GRABCUT_H
#define GRABCUT_GRABCUT_H

#include <stddef.h>
#include <stdint.h>

#include <grabcut/version.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define GRABCUT_API __attribute__((visibility("default")))
#else
#define GRABCUT_API
#endif

/* ---- errors ------------------------------------------------------------------------------ */

typedef enum grabcut_error {
    GRABCUT_OK = 0,
    GRABCUT_EINVAL = -1,      /* an argument is NULL, of size 0, out of its range, or of another version */
    GRABCUT_ENOMEM = -2,      /* memory ran out, or `max_bytes` would be exceeded */
    GRABCUT_EFORMAT = -3,     /* not a JPEG, PNG, WebP or BMP file */
    GRABCUT_EDECODE = -4,     /* the file is of a known format but damaged or truncated */
    GRABCUT_ETOOBIG = -5,     /* more pixels (or a longer side) than the limit; no pixel was decoded */
    GRABCUT_ERECT = -6,       /* the rect does not overlap the picture, or is empty */
    GRABCUT_ENOBACKGROUND = -7, /* no pixel is (sure or probable) background at the start */
    GRABCUT_ENOFOREGROUND = -8, /* no pixel is (sure or probable) foreground at the start */
    GRABCUT_ECANCELED = -9,   /* the progress callback asked to stop */
    GRABCUT_EENCODE = -10,    /* the encoder refused */
    GRABCUT_EUNSUPPORTED = -11, /* the engine or build lacks this (a forced SIMD level, say) */
    GRABCUT_EINTERNAL = -12   /* an exception or assertion of a library underneath; the text tells */
} grabcut_error;

/* A fixed English phrase for a code, never NULL. */
GRABCUT_API const char *grabcut_strerror(int error);

/* Room for one sentence. Zero-terminated; empty after success. */
typedef struct grabcut_errbuf {
    char text[256];
} grabcut_errbuf;

/* "MAJOR.MINOR.PATCH" of the library at run time. */
GRABCUT_API const char *grabcut_version(void);

/* ---- pictures ---------------------------------------------------------------------------- */

/* A picture: `height` rows of `width` pixels of `channels` bytes (1 mask or grey, 3 BGR, 4 BGRA).
 * `stride` is the distance of two rows in bytes, at least width * channels. `data` of a picture
 * filled by this library is owned by it: free with grabcut_image_free. Pictures that the caller
 * builds over memory of its own are never freed by the library. */
typedef struct grabcut_image {
    uint8_t *data;
    int32_t width, height;
    int32_t channels;
    size_t stride;
} grabcut_image;

/* Allocates zeroed pixels. GRABCUT_EINVAL for a size < 1 or channels not 1, 3, 4; GRABCUT_ENOMEM. */
GRABCUT_API int grabcut_image_alloc(grabcut_image *out, int32_t width, int32_t height, int32_t channels);
/* Frees the pixels and zeroes the struct. NULL and an empty picture are fine. */
GRABCUT_API void grabcut_image_free(grabcut_image *image);

typedef struct grabcut_rect {
    int32_t x, y, width, height; /* pixels; x to the right, y down */
} grabcut_rect;

typedef enum grabcut_format {
    GRABCUT_FORMAT_UNKNOWN = 0,
    GRABCUT_FORMAT_JPEG,
    GRABCUT_FORMAT_PNG,
    GRABCUT_FORMAT_WEBP,
    GRABCUT_FORMAT_BMP
} grabcut_format;

/* "image/jpeg", "image/png", "image/webp", "image/bmp"; NULL for unknown. */
GRABCUT_API const char *grabcut_format_mime(grabcut_format format);

/* What the header of a file says, without decoding a pixel. */
typedef struct grabcut_probe {
    grabcut_format format;
    int32_t width, height; /* as stored, before the orientation is applied */
    int32_t orientation;   /* EXIF tag 0x0112: 1 (upright) to 8; 1 where absent or unreadable */
} grabcut_probe;

/* Reads the header only: time and memory do not depend on the size of the picture.
 * GRABCUT_EFORMAT, GRABCUT_EDECODE (header damaged or cut off), GRABCUT_EINVAL. */
GRABCUT_API int grabcut_probe_header(grabcut_probe *out, const void *bytes, size_t len, grabcut_errbuf *err);

typedef struct grabcut_decode_options {
    unsigned version;       /* GRABCUT_DECODE_OPTIONS_VERSION */
    uint64_t max_pixels;    /* beyond: GRABCUT_ETOOBIG, before any pixel; 0: cv::imdecode's own limits,
                               which always hold: 2^30 pixels, 2^20 on a side */
    int32_t ignore_orientation; /* 1: leave the pixels as stored */
    uint64_t max_bytes;     /* since version 2. If grabcut_decode_estimate is above it: GRABCUT_ENOMEM, before
                               anything is allocated; 0: 64 MiB and 16 bytes a pixel */
} grabcut_decode_options;
#define GRABCUT_DECODE_OPTIONS_VERSION 2
#define GRABCUT_DECODE_OPTIONS_INIT {GRABCUT_DECODE_OPTIONS_VERSION, 0, 0, 0}

/* Decodes to 3-channel BGR, upright (EXIF orientation applied), the same pixels that
 * cv::imdecode(IMREAD_COLOR) gives: alpha is dropped, grey is spread to three channels, 16 bit is cut
 * to 8, CMYK JPEG is converted, colour profiles and gamma are left alone. The first frame of an
 * animation counts. Beyond cv::imdecode: EXIF behind another APP1 segment of a JPEG and in a WebP is
 * honoured, and a file that lost pixels (cut off, damaged) is GRABCUT_EDECODE, never a picture with
 * grey patches.
 *
 * Memory while it runs: at most grabcut_decode_estimate, which is checked against `max_bytes` first. The
 * image takes 3 bytes a pixel; a progressive JPEG up to 6 more a pixel (8 with CMYK), a lossless WebP 4 and
 * its prefix codes, a quarter turn 3. Metadata of any size adds none.
 *
 * opts may be NULL. Every code of grabcut_probe_header, and GRABCUT_ETOOBIG, GRABCUT_ENOMEM. */
GRABCUT_API int grabcut_decode(grabcut_image *out, const void *bytes, size_t len,
                               const grabcut_decode_options *opts, grabcut_errbuf *err);

/* Writes to *out_bytes how many bytes grabcut_decode with these options allocates at most for this file,
 * the image included. Decodes no pixel and allocates nothing. Takes time in proportion to the header, and
 * for a lossless WebP to the compressed description of its prefix codes, which has to be decoded: the
 * format has no field for their number. `max_bytes` is not looked at.
 *
 * opts may be NULL. Every code of grabcut_probe_header (GRABCUT_EDECODE also for a WebP whose prefix codes
 * are damaged), and GRABCUT_ETOOBIG. */
GRABCUT_API int grabcut_decode_estimate(uint64_t *out_bytes, const void *bytes, size_t len,
                                        const grabcut_decode_options *opts, grabcut_errbuf *err);

/* Encodes 1 (grey), 3 (BGR) or 4 (BGRA) channels as PNG. `level` is zlib's 0 (none) to 9 (small),
 * -1 for the library's choice. *out is malloc'ed memory of *out_len bytes: grabcut_free. */
GRABCUT_API int grabcut_encode_png(uint8_t **out, size_t *out_len, const grabcut_image *image, int level,
                                   grabcut_errbuf *err);
/* Encodes 1 or 3 channels as baseline JPEG, quality 1 to 100. Ownership as above. */
GRABCUT_API int grabcut_encode_jpeg(uint8_t **out, size_t *out_len, const grabcut_image *image, int quality,
                                    grabcut_errbuf *err);
GRABCUT_API void grabcut_free(void *p);

/* ---- segmentation ------------------------------------------------------------------------ */

/* Values of a mask pixel, numerically those of OpenCV. `value & 1` is foreground. */
enum {
    GRABCUT_BGD = 0,    /* sure background */
    GRABCUT_FGD = 1,    /* sure foreground */
    GRABCUT_PR_BGD = 2, /* probable background */
    GRABCUT_PR_FGD = 3  /* probable foreground */
};

/* How a run starts (cv::GrabCutModes). */
typedef enum grabcut_mode {
    GRABCUT_INIT_WITH_RECT = 0, /* mask is written: outside of rect BGD, inside PR_FGD; then models, iterations */
    GRABCUT_INIT_WITH_MASK = 1, /* mask is read (all four values), models are learnt from it */
    GRABCUT_EVAL = 2,           /* mask and models are read and carried on */
    GRABCUT_EVAL_FREEZE_MODEL = 3 /* as EVAL, one iteration, models are left as they are */
} grabcut_mode;

/* Two Gaussian mixture models of 5 components each, in OpenCV's layout: 65 doubles each
 * (5 weights, 5 means of 3, 5 covariances of 3x3), background first. All zero: not learnt. */
#define GRABCUT_MODEL_DOUBLES 65
typedef struct grabcut_models {
    double background[GRABCUT_MODEL_DOUBLES];
    double foreground[GRABCUT_MODEL_DOUBLES];
} grabcut_models;

/* Where a run stands, for the progress callback. */
typedef enum grabcut_phase {
    GRABCUT_PHASE_INIT = 0, /* k-means, first models, n-links */
    GRABCUT_PHASE_MODELS,   /* assigning components, learning, t-links */
    GRABCUT_PHASE_CUT       /* max-flow; reported again and again while it runs, where the engine can */
} grabcut_phase;

typedef struct grabcut_progress {
    grabcut_phase phase;
    int32_t iteration;  /* from 0 */
    int32_t iterations; /* in all */
    double done;        /* estimate of the whole, 0 to 1, never falling */
} grabcut_progress;

/* Called on the thread that called grabcut_segment. A value other than 0 stops the run with
 * GRABCUT_ECANCELED as soon as the engine can (the fast engine: within milliseconds; OpenCV's: between
 * iterations). */
typedef int (*grabcut_progress_fn)(void *ctx, const grabcut_progress *progress);

/* Which instructions the fast engine may use. AUTO is the best level that the processor has. A level that the
 * processor lacks is GRABCUT_EUNSUPPORTED. The mask does not depend on it. */
typedef enum grabcut_simd {
    GRABCUT_SIMD_AUTO = 0,
    GRABCUT_SIMD_PORTABLE,
    GRABCUT_SIMD_AVX2
} grabcut_simd;

typedef struct grabcut_workspace grabcut_workspace;
typedef struct grabcut_engine grabcut_engine;

typedef struct grabcut_options {
    unsigned version; /* GRABCUT_OPTIONS_VERSION */
    grabcut_mode mode;
    int32_t iterations; /* at least 1; OpenCV's iterCount */
    grabcut_rect rect;  /* INIT_WITH_RECT only; treated as OpenCV treats it (a negative x or y is moved
                           to 0 while the size stays; what sticks out is cut off) */
    uint64_t seed;      /* as cv::setRNGSeed((int)seed) before the call; k-means draws from it */
    grabcut_models *models; /* in and out, caller's; NULL where not wanted (EVAL modes need it) */
    int32_t threads;    /* at least 1; the mask does not depend on it. The most that may be used: the fast
                           engine takes one for every 16,384 pixels, since more would cost time */
    grabcut_simd simd;
    uint64_t max_bytes; /* 0: no limit; beyond: GRABCUT_ENOMEM before the work starts */
    grabcut_workspace *workspace; /* reused memory, or NULL */
    grabcut_progress_fn progress; /* or NULL */
    void *progress_ctx;
} grabcut_options;
#define GRABCUT_OPTIONS_VERSION 1
#define GRABCUT_OPTIONS_INIT                                                                                 \
    {                                                                                                        \
        GRABCUT_OPTIONS_VERSION, GRABCUT_INIT_WITH_RECT, 5, {0, 0, 0, 0}, 0, NULL, 1, GRABCUT_SIMD_AUTO, 0,  \
            NULL, NULL, NULL                                                                                 \
    }

/* An engine is a table of functions that another library can provide (libgrabcut-opencv does).
 * `segment` and `estimate` get arguments that grabcut_segment and grabcut_estimate have checked,
 * `max_bytes` included. `segment` writes to the mask and to the models only when nothing can fail any
 * more: unless it returns GRABCUT_OK, both are as they were. */
struct grabcut_engine {
    unsigned version; /* GRABCUT_ENGINE_VERSION */
    const char *name; /* "fast", "opencv" */
    int (*segment)(const grabcut_engine *self, grabcut_image *mask, const grabcut_image *image,
                   const grabcut_options *opts, grabcut_errbuf *err);
    int (*estimate)(const grabcut_engine *self, uint64_t *out_bytes, int32_t width, int32_t height,
                    const grabcut_options *opts);
};
#define GRABCUT_ENGINE_VERSION 1

/* The engine of this library: exact, and needs no OpenCV. Static, never NULL. */
GRABCUT_API const grabcut_engine *grabcut_engine_fast(void);

/* Segments `image` (3 channels, BGR). `mask` is 1 channel of the same size, read and written as
 * `mode` says; the caller brings its memory. After GRABCUT_OK it holds BGD, FGD, PR_BGD and PR_FGD.
 * After a failure its contents are as before the call.
 *
 * Deterministic: image, mask, mode, rect, iterations, seed and models settle the result, whatever ran
 * before, on every thread.
 *
 * GRABCUT_EINVAL (NULL, sizes differ, iterations or threads < 1, a mask value above 3, EVAL without
 * learnt models), GRABCUT_ERECT, GRABCUT_ENOBACKGROUND and GRABCUT_ENOFOREGROUND (in the two INIT
 * modes only: a run that is carried on may have lost one side), GRABCUT_ENOMEM, GRABCUT_ECANCELED,
 * GRABCUT_EUNSUPPORTED, GRABCUT_EINTERNAL. No C++ exception leaves it. */
GRABCUT_API int grabcut_segment(const grabcut_engine *engine, grabcut_image *mask, const grabcut_image *image,
                                const grabcut_options *opts, grabcut_errbuf *err);

/* How many bytes a call with these options will allocate at most, beyond picture and mask.
 * For INIT_WITH_RECT the rect counts: pixels outside of it are settled. GRABCUT_EINVAL. */
GRABCUT_API int grabcut_estimate(const grabcut_engine *engine, uint64_t *out_bytes, int32_t width,
                                 int32_t height, const grabcut_options *opts);

/* Memory that calls can share one after the other; it grows to the largest estimate and stays.
 * Used by one call at a time. */
GRABCUT_API int grabcut_workspace_new(grabcut_workspace **out);
GRABCUT_API void grabcut_workspace_free(grabcut_workspace *workspace);
/* Bytes held now. */
GRABCUT_API size_t grabcut_workspace_bytes(const grabcut_workspace *workspace);

/* The rect that leaves `percent` (0 to 49) of each side out, rounded down; at least 1x1. 5 is what the
 * services call "auto". */
GRABCUT_API grabcut_rect grabcut_rect_inset(int32_t width, int32_t height, int percent);

/* Cuts `rect` to the picture. GRABCUT_ERECT if nothing is left. */
GRABCUT_API int grabcut_rect_clamp(grabcut_rect *rect, int32_t width, int32_t height);

/* ---- cut-outs ---------------------------------------------------------------------------- */

typedef enum grabcut_cutout_kind {
    GRABCUT_CUTOUT_BLACK = 0, /* BGR, background black */
    GRABCUT_CUTOUT_ALPHA,     /* BGRA, background transparent (alpha 0, colour kept), foreground opaque */
    GRABCUT_CUTOUT_MASK       /* 1 channel, 255 foreground, 0 background */
} grabcut_cutout_kind;

/* Makes a new picture from `image` (3 channels) and `mask` (any of the four values).
 * GRABCUT_EINVAL, GRABCUT_ENOMEM. */
GRABCUT_API int grabcut_cutout(grabcut_image *out, const grabcut_image *image, const grabcut_image *mask,
                               grabcut_cutout_kind kind);

#ifdef __cplusplus
}
#endif
#endif
