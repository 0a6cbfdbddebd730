/*
 * libgrabcut: image in, foreground mask out.
 *
 * The segmentation is GrabCut (Rother, Kolmogorov, Blake: "GrabCut - Interactive Foreground
 * Extraction using Iterated Graph Cuts", SIGGRAPH 2004), with the results of OpenCV's cv::grabCut:
 * the same image, start and seed give the same mask, pixel for pixel, wherever OpenCV's cuts are
 * minimal and unique. The engine's own cut of an iteration is exactly minimal for capacities that
 * are rounded to whole multiples of 2^-40. Of several minimal cuts it is the one with the fewest
 * background pixels, which is unique. docs/grabcut.md states what that means for the energy, and
 * the memory that it takes.
 *
 * Conventions of this header:
 *  - Functions return GRABCUT_OK (0) or a negative `grabcut_error`. On failure they write one
 *    sentence to the caller's `grabcut_errbuf`, which may be NULL.
 *  - Output parameters come first. On failure outputs are zeroed, never half filled.
 *  - No function keeps a pointer to its arguments after it returns, unless stated otherwise.
 *  - All functions are thread-safe; the library has no global mutable state. One object must not be
 *    used by two threads at the same time.
 *  - Pixels have 8 bits a channel, interleaved, in BGR order as in OpenCV. Row 0 is the top row.
 *  - Structs that the caller allocates begin with a `version` and have an _INIT macro, so that they
 *    can grow. Four never change: grabcut_errbuf, grabcut_image, grabcut_rect, grabcut_models.
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
    GRABCUT_EINVAL = -1,  /* an argument is NULL, out of range, or of an unknown version */
    GRABCUT_ENOMEM = -2,  /* out of memory, or `max_bytes` would be exceeded */
    GRABCUT_EFORMAT = -3, /* not a JPEG, PNG, WebP or BMP file */
    GRABCUT_EDECODE = -4, /* the file has a known format but is damaged or truncated */
    GRABCUT_ETOOBIG =
        -5,             /* more pixels than the limit, or a side is too long; nothing was decoded */
    GRABCUT_ERECT = -6, /* the rect is empty or does not overlap the image */
    GRABCUT_ENOBACKGROUND = -7, /* no pixel is (sure or probable) background at the start */
    GRABCUT_ENOFOREGROUND = -8, /* no pixel is (sure or probable) foreground at the start */
    GRABCUT_ECANCELED = -9,     /* a callback requested a stop */
    GRABCUT_EENCODE = -10,      /* the encoder failed */
    GRABCUT_EUNSUPPORTED =
        -11,                /* this engine, build or processor lacks a feature, e.g. AVX2; or the
                               file is of a kind that is not decoded, e.g. a lossless JPEG */
    GRABCUT_EINTERNAL = -12 /* an exception or assertion of an underlying library */
} grabcut_error;

/* Returns a fixed English phrase for a code. Never returns NULL. */
GRABCUT_API const char *grabcut_strerror(int error);

/* Receives one sentence on failure. Zero-terminated; empty after success. */
typedef struct grabcut_errbuf {
    char text[256];
} grabcut_errbuf;

/* Returns "MAJOR.MINOR.PATCH" of the library at run time. */
GRABCUT_API const char *grabcut_version(void);

/* ---- images ------------------------------------------------------------------------------ */

/* `height` rows of `width` pixels of `channels` bytes: 1 (mask or grey), 3 (BGR) or 4 (BGRA).
 * `stride` is the distance between two rows in bytes, at least width * channels.
 *
 * The library owns the pixels of images that it fills; free them with grabcut_image_free. It never
 * frees the pixels of an image that the caller builds over its own memory. */
typedef struct grabcut_image {
    uint8_t *data;
    int32_t width, height;
    int32_t channels;
    size_t stride;
} grabcut_image;

/* Allocates zeroed pixels. Returns GRABCUT_EINVAL if a side is below 1 or `channels` is not 1, 3 or
 * 4, and GRABCUT_ENOMEM. */
GRABCUT_API int grabcut_image_alloc(grabcut_image *out, int32_t width, int32_t height,
                                    int32_t channels);

/* Frees the pixels and zeroes the struct. `image` may be NULL or empty. */
GRABCUT_API void grabcut_image_free(grabcut_image *image);

typedef struct grabcut_rect {
    int32_t x, y, width, height; /* pixels; x grows to the right, y down */
} grabcut_rect;

typedef enum grabcut_format {
    GRABCUT_FORMAT_UNKNOWN = 0,
    GRABCUT_FORMAT_JPEG,
    GRABCUT_FORMAT_PNG,
    GRABCUT_FORMAT_WEBP,
    GRABCUT_FORMAT_BMP
} grabcut_format;

/* Returns "image/jpeg", "image/png", "image/webp" or "image/bmp", or NULL for an unknown format. */
GRABCUT_API const char *grabcut_format_mime(grabcut_format format);

/* The contents of a file's header. */
typedef struct grabcut_probe {
    unsigned version; /* GRABCUT_PROBE_VERSION, set by the caller */
    grabcut_format format;
    int32_t width, height; /* as stored, before the orientation is applied */
    int32_t orientation;   /* EXIF tag 0x0112, 1 (upright) to 8; 1 if absent or unreadable */
} grabcut_probe;
#define GRABCUT_PROBE_VERSION 1
#define GRABCUT_PROBE_INIT                                                                         \
    { GRABCUT_PROBE_VERSION, GRABCUT_FORMAT_UNKNOWN, 0, 0, 0 }

/* Reads the header and no pixel: time and memory do not depend on the size of the image. On failure
 * all members of `out` but the version are zeroed.
 *
 * Returns GRABCUT_EFORMAT, GRABCUT_EDECODE if the header is damaged or truncated,
 * GRABCUT_EUNSUPPORTED for a lossless, hierarchical or 12-bit JPEG, or GRABCUT_EINVAL. */
GRABCUT_API int grabcut_probe_header(grabcut_probe *out, const void *bytes, size_t len,
                                     grabcut_errbuf *err);

/* Called on the thread that called grabcut_decode. A return value other than 0 stops it with
 * GRABCUT_ECANCELED. */
typedef int (*grabcut_cancel_fn)(void *ctx);

typedef struct grabcut_decode_options {
    unsigned version;           /* GRABCUT_DECODE_OPTIONS_VERSION */
    uint64_t max_pixels;        /* 0: only the limits of cv::imdecode, 2^30 pixels and 2^20 a side,
                                   which always apply */
    int32_t ignore_orientation; /* 1: leave the pixels as stored */
    uint64_t max_bytes;         /* since version 2; 0: 64 MiB and 16 bytes a pixel */
    /* Since version 3. Called before the first row of pixels and before each further one; of a JPEG
     * with several scans, also between the rows of each scan; of a WebP only at the beginning.
     * NULL: decoding is not interrupted. */
    grabcut_cancel_fn cancel;
    void *cancel_ctx;
    /* Since version 4. 1: the image has 4 channels, BGRA, not premultiplied; it is opaque where the
     * file has no alpha, and transparent beside the first frame of an animation. 0: alpha is
     * dropped. */
    int32_t alpha;
    /* Since version 4. 1: a JPEG, PNG or BMP that ends too early is decoded as far as it goes, if
     * its header is whole; a JPEG also ends at an end marker that comes too early. What is missing
     * has no detail in a JPEG (grey, or the colour so far), is black and transparent in a PNG or
     * BMP, and is the first colour of the palette in a BMP of runs. A truncated WebP, and damage of
     * another kind, stay GRABCUT_EDECODE. */
    int32_t allow_truncated;
} grabcut_decode_options;
#define GRABCUT_DECODE_OPTIONS_VERSION 4
#define GRABCUT_DECODE_OPTIONS_INIT                                                                \
    { GRABCUT_DECODE_OPTIONS_VERSION, 0, 0, 0, NULL, NULL, 0, 0 }

/* Decodes a file to an upright image of 3 channels (BGR), or 4 with `alpha`, with the EXIF
 * orientation applied.
 *
 * The pixels are those of cv::imdecode(IMREAD_COLOR): grey is copied to three
 * channels, 16 bits are cut to 8, CMYK is converted, colour profiles and gamma are ignored. Only
 * the first frame of an animated WebP, and the still image of an animated PNG, are decoded. There
 * are two differences. The EXIF data of a WebP, and of a JPEG behind another APP1 segment, are
 * honoured. A damaged file is GRABCUT_EDECODE, as is a truncated one unless `allow_truncated` is
 * set, never an image with grey patches.
 *
 * Memory: at most grabcut_decode_estimate, which is compared with `max_bytes` before anything is
 * allocated. Metadata of any size adds none.
 *
 * `opts` may be NULL. Returns every code of grabcut_probe_header, GRABCUT_ETOOBIG, GRABCUT_ENOMEM,
 * or GRABCUT_ECANCELED. */
GRABCUT_API int grabcut_decode(grabcut_image *out, const void *bytes, size_t len,
                               const grabcut_decode_options *opts, grabcut_errbuf *err);

/* Writes to *out_bytes the most bytes that grabcut_decode allocates for this file with these
 * options, including the image. Ignores `max_bytes`. Decodes no pixel and allocates nothing.
 *
 * The time depends on the header only, except for a lossless WebP: the format has no field for the
 * number of its prefix codes, so the compressed description of them is decoded.
 *
 * `opts` may be NULL. Returns every code of grabcut_probe_header, or GRABCUT_ETOOBIG. */
GRABCUT_API int grabcut_decode_estimate(uint64_t *out_bytes, const void *bytes, size_t len,
                                        const grabcut_decode_options *opts, grabcut_errbuf *err);

/* The longest ICC profile that grabcut_icc_profile copies, in bytes. */
#define GRABCUT_ICC_MOST 1048576

/* Copies the ICC profile of a PNG (iCCP), JPEG (APP2) or WebP (ICCP), so that grabcut_encode can
 * embed it in a result: grabcut_decode does not convert pixels. *out is NULL if the file has no
 * profile that describes such pixels: none at all; one of another colour space than RGB (of a grey
 * or CMYK file); one longer than GRABCUT_ICC_MOST; a damaged one (parts are missing or contradict
 * each other, the checksum or the declared length is wrong, a tag lies outside; ICC.1:2022). All
 * of this returns GRABCUT_OK. The profile of a BMP is not read.
 *
 * The caller frees *out, of *out_len bytes, with grabcut_free. `out` may be NULL: *out_len is then
 * the most bytes that the profile has, found without copying it. Besides the copy, a PNG takes 48
 * KiB for zlib until the function returns.
 *
 * Returns every code of grabcut_probe_header, or GRABCUT_ENOMEM. */
GRABCUT_API int grabcut_icc_profile(uint8_t **out, size_t *out_len, const void *bytes, size_t len,
                                    grabcut_errbuf *err);

/* Encodes an image of 1 (grey), 3 (BGR) or 4 (BGRA) channels as PNG. `level` is zlib's 0 (none) to
 * 9 (smallest); -1 is the fastest setting for photos. The caller frees *out, of *out_len bytes,
 * with grabcut_free.
 *
 * Returns GRABCUT_EINVAL, GRABCUT_ENOMEM or GRABCUT_EENCODE. */
GRABCUT_API int grabcut_encode_png(uint8_t **out, size_t *out_len, const grabcut_image *image,
                                   int level, grabcut_errbuf *err);

/* Encodes an image of 1 or 3 channels as baseline JPEG with a quality of 1 to 100. Ownership and
 * errors are those of grabcut_encode_png. */
GRABCUT_API int grabcut_encode_jpeg(uint8_t **out, size_t *out_len, const grabcut_image *image,
                                    int quality, grabcut_errbuf *err);

/* Options of grabcut_encode. */
typedef struct grabcut_encode_options {
    unsigned version;      /* GRABCUT_ENCODE_OPTIONS_VERSION */
    grabcut_format format; /* PNG, JPEG or WEBP */
    int32_t level;         /* PNG: as in grabcut_encode_png */
    int32_t quality;       /* JPEG: 1 to 100. WebP: 1 to 100, or 0 for lossless */
    const void *icc;       /* an ICC profile to embed, or NULL */
    size_t icc_len;        /* its length in bytes; JPEG holds at most 16,707,345 */
} grabcut_encode_options;
#define GRABCUT_ENCODE_OPTIONS_VERSION 1
#define GRABCUT_ENCODE_OPTIONS_INIT                                                                \
    { GRABCUT_ENCODE_OPTIONS_VERSION, GRABCUT_FORMAT_PNG, -1, 90, NULL, 0 }

/* Encodes an image of 1 (grey), 3 (BGR) or 4 (BGRA) channels as a file of the given format. JPEG
 * takes no fourth channel. WebP takes at most 16,383 pixels a side; its alpha is always exact, and
 * an image of 1 channel is always lossless. The pixels are not converted to or from the profile.
 *
 * The caller frees *out, of *out_len bytes, with grabcut_free. Returns GRABCUT_EINVAL,
 * GRABCUT_ENOMEM or GRABCUT_EENCODE. */
GRABCUT_API int grabcut_encode(uint8_t **out, size_t *out_len, const grabcut_image *image,
                               const grabcut_encode_options *opts, grabcut_errbuf *err);

/* Frees memory that an encoder returned. `p` may be NULL. */
GRABCUT_API void grabcut_free(void *p);

/* ---- segmentation ------------------------------------------------------------------------ */

/* Values of a mask pixel, equal to those of OpenCV. `value & 1` is foreground. */
enum {
    GRABCUT_BGD = 0,    /* sure background */
    GRABCUT_FGD = 1,    /* sure foreground */
    GRABCUT_PR_BGD = 2, /* probable background */
    GRABCUT_PR_FGD = 3  /* probable foreground */
};

/* How a run starts (cv::GrabCutModes). */
typedef enum grabcut_mode {
    GRABCUT_INIT_WITH_RECT = 0,   /* overwrites the mask: BGD outside the rect, PR_FGD inside */
    GRABCUT_INIT_WITH_MASK = 1,   /* reads the mask and learns models from it */
    GRABCUT_EVAL = 2,             /* reads mask and models, and continues from them */
    GRABCUT_EVAL_FREEZE_MODEL = 3 /* as EVAL, but one iteration that does not change the models */
} grabcut_mode;

/* Two Gaussian mixture models of 5 components each in OpenCV's layout of 65 doubles: 5 weights, 5
 * means of 3, 5 covariances of 3x3. Models of zeros are not learned yet. */
#define GRABCUT_MODEL_DOUBLES 65
typedef struct grabcut_models {
    double background[GRABCUT_MODEL_DOUBLES];
    double foreground[GRABCUT_MODEL_DOUBLES];
} grabcut_models;

/* Checks models that come from outside, as the EVAL modes of grabcut_segment do: weights from 0 to
 * 1, means from 0 to 255, covariances of at most 255 * 255, and one that can be inverted for each
 * component in use. Returns GRABCUT_EINVAL otherwise, also for models of zeros. */
GRABCUT_API int grabcut_models_check(const grabcut_models *models, grabcut_errbuf *err);

/* The phase of a run that the progress callback receives. */
typedef enum grabcut_phase {
    GRABCUT_PHASE_INIT = 0, /* k-means, first models, n-links */
    GRABCUT_PHASE_MODELS,   /* component assignment, learning, t-links */
    GRABCUT_PHASE_CUT       /* max-flow */
} grabcut_phase;

/* Allocated by the library; later versions may append members. */
typedef struct grabcut_progress {
    grabcut_phase phase;
    int32_t iteration;  /* from 0 */
    int32_t iterations; /* in total */
    double done;        /* estimate for the whole run, 0 to 1; never decreases */
} grabcut_progress;

/* Called on the thread that called grabcut_segment, also repeatedly within a phase. A return value
 * other than 0 stops the run with GRABCUT_ECANCELED: within milliseconds in the fast engine, at the
 * end of the iteration in OpenCV's. */
typedef int (*grabcut_progress_fn)(void *ctx, const grabcut_progress *progress);

/* Instructions that the fast engine may use. AUTO uses the best level of the processor; a level
 * that the processor lacks is GRABCUT_EUNSUPPORTED. */
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
    grabcut_rect rect;  /* INIT_WITH_RECT only. As in OpenCV, a negative x or y becomes 0 while the
                           size stays, and the rectangle is clipped to the image */
    uint64_t seed;      /* k-means draws from it, as after cv::setRNGSeed((int)seed) */
    grabcut_models *models; /* read and written; may be NULL except in the EVAL modes */
    int32_t threads;        /* at least 1, an upper limit: the fast engine uses one thread for every
                               16,384 pixels. The mask does not depend on it */
    grabcut_simd simd;
    uint64_t max_bytes; /* if grabcut_estimate is above it: GRABCUT_ENOMEM, before the work starts;
                           0: no limit */
    grabcut_workspace *workspace; /* memory to reuse, or NULL */
    grabcut_progress_fn progress; /* or NULL */
    void *progress_ctx;
} grabcut_options;
#define GRABCUT_OPTIONS_VERSION 1
#define GRABCUT_OPTIONS_INIT                                                                       \
    {                                                                                              \
        GRABCUT_OPTIONS_VERSION, GRABCUT_INIT_WITH_RECT, 5, {0, 0, 0, 0}, 0, NULL, 1,              \
            GRABCUT_SIMD_AUTO, 0, NULL, NULL, NULL                                                 \
    }

/* A table of functions that another library can provide, as libgrabcut-opencv does.
 *
 * grabcut_segment and grabcut_estimate check all arguments, `max_bytes` included, before they call
 * it. `segment` changes the mask and the models only if it returns GRABCUT_OK. */
struct grabcut_engine {
    unsigned version; /* GRABCUT_ENGINE_VERSION */
    const char *name; /* "fast", "opencv" */
    int (*segment)(const grabcut_engine *self, grabcut_image *mask, const grabcut_image *image,
                   const grabcut_options *opts, grabcut_errbuf *err);
    int (*estimate)(const grabcut_engine *self, uint64_t *out_bytes, int32_t width, int32_t height,
                    const grabcut_options *opts);
};
#define GRABCUT_ENGINE_VERSION 1

/* Returns this library's own engine, which does not need OpenCV. Static; never NULL. */
GRABCUT_API const grabcut_engine *grabcut_engine_fast(void);

/* Segments `image` (3 channels, BGR). `mask` has 1 channel and the same size; the caller allocates
 * it, and `mode` determines whether it is read. After GRABCUT_OK it holds BGD, FGD, PR_BGD and
 * PR_FGD. On failure its contents are unchanged.
 *
 * The result depends on image, mask, mode, rect, iterations, seed and models only, on every thread
 * and whatever ran before.
 *
 * Returns GRABCUT_EINVAL (an argument is NULL, the sizes differ, iterations or threads are below 1,
 * a mask value is above 3, EVAL without learned models), GRABCUT_ERECT, GRABCUT_ENOBACKGROUND and
 * GRABCUT_ENOFOREGROUND (in the two INIT modes only), GRABCUT_ENOMEM, GRABCUT_ECANCELED,
 * GRABCUT_EUNSUPPORTED or GRABCUT_EINTERNAL. Never throws a C++ exception. */
GRABCUT_API int grabcut_segment(const grabcut_engine *engine, grabcut_image *mask,
                                const grabcut_image *image, const grabcut_options *opts,
                                grabcut_errbuf *err);

/* Writes to *out_bytes the most bytes that a call with these options allocates in addition to image
 * and mask. With INIT_WITH_RECT only the pixels inside the rect count. Returns GRABCUT_EINVAL, or
 * GRABCUT_ERECT. */
GRABCUT_API int grabcut_estimate(const grabcut_engine *engine, uint64_t *out_bytes, int32_t width,
                                 int32_t height, const grabcut_options *opts);

/* Creates memory that several calls can use one after the other. It grows to the largest estimate
 * and is kept. Only one call may use it at a time. Returns GRABCUT_EINVAL or GRABCUT_ENOMEM. */
GRABCUT_API int grabcut_workspace_new(grabcut_workspace **out);
/* `workspace` may be NULL. */
GRABCUT_API void grabcut_workspace_free(grabcut_workspace *workspace);
/* Returns the number of bytes held; 0 if `workspace` is NULL. */
GRABCUT_API size_t grabcut_workspace_bytes(const grabcut_workspace *workspace);

/* Returns the rect that leaves out `percent` (0 to 49) of each side, rounded down. If `percent` is
 * above 0, at least one pixel is left out, so that there is background to start with, and at least
 * one is kept: only an image of one pixel is returned whole. The services' rect "auto" leaves
 * out 5.
 */
GRABCUT_API grabcut_rect grabcut_rect_inset(int32_t width, int32_t height, int percent);

/* Cuts `rect` to the image. Returns GRABCUT_ERECT if nothing is left, or GRABCUT_EINVAL if `rect`
 * is NULL. */
GRABCUT_API int grabcut_rect_clamp(grabcut_rect *rect, int32_t width, int32_t height);

/* Writes a start for GRABCUT_INIT_WITH_MASK to `mask` (1 channel) from an image of the same size (1
 * channel, or 3 equal ones, as grabcut_decode returns a grey file). Grey values: 0 is BGD, 255 FGD,
 * 1 to 127 PR_BGD, 128 to 254 PR_FGD. An image whose values are all below 4 holds the four values
 * themselves, as cv::grabCut writes them.
 *
 * Returns GRABCUT_EINVAL if the sizes differ or a pixel has a colour. */
GRABCUT_API int grabcut_mask_from_grey(grabcut_image *mask, const grabcut_image *grey,
                                       grabcut_errbuf *err);

/* Writes the start of GRABCUT_INIT_WITH_RECT to `mask` (1 channel), so that more can be drawn over
 * it: PR_FGD inside of the rect, BGD outside. Returns GRABCUT_ERECT if the rect does not overlap
 * the image, or GRABCUT_EINVAL. */
GRABCUT_API int grabcut_mask_from_rect(grabcut_image *mask, const grabcut_rect *rect);

/* ---- alpha ------------------------------------------------------------------------------- */

/* Makes an image of 3 channels of one of 4, in place, and moves its alpha to a new image of 1
 * channel, which the caller frees. The pixels of `image` are the library's own (grabcut_decode,
 * grabcut_image_alloc). Returns GRABCUT_EINVAL or GRABCUT_ENOMEM; `image` is then unchanged. */
GRABCUT_API int grabcut_split_alpha(grabcut_image *out_alpha, grabcut_image *image);

/* Makes transparent pixels, those of alpha 0, GRABCUT_BGD in a start mask of the same size. Returns
 * GRABCUT_EINVAL. */
GRABCUT_API int grabcut_mask_from_alpha(grabcut_image *mask, const grabcut_image *alpha);

/* Multiplies the alpha of a cut-out (4 channels, not premultiplied) by that of the image it was cut
 * from, rounded. Pixels that become transparent lose their colour. Returns GRABCUT_EINVAL. */
GRABCUT_API int grabcut_multiply_alpha(grabcut_image *cutout, const grabcut_image *alpha);

/* ---- cut-outs ---------------------------------------------------------------------------- */

typedef enum grabcut_cutout_kind {
    GRABCUT_CUTOUT_BLACK = 0, /* BGR, background black */
    GRABCUT_CUTOUT_ALPHA,     /* BGRA, foreground opaque, background transparent and black, so that
                                 the file does not carry the rest of the photo */
    GRABCUT_CUTOUT_MASK       /* 1 channel, 255 foreground, 0 background */
} grabcut_cutout_kind;

/* Allocates a new image from `image` (3 channels) and `mask` (any of the four values). Free it with
 * grabcut_image_free. Returns GRABCUT_EINVAL or GRABCUT_ENOMEM. */
GRABCUT_API int grabcut_cutout(grabcut_image *out, const grabcut_image *image,
                               const grabcut_image *mask, grabcut_cutout_kind kind);

#ifdef __cplusplus
}
#endif
#endif
