/* Decodes, segments, cuts out and encodes one image. */
#include "cut.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "files.h"

/* ---- --mask ---- */

static bool read_mask(grabcut_image *mask, const char *path) {
    uint8_t *bytes;
    size_t len;
    grabcut_image image;
    grabcut_errbuf err;
    int error = cut_read(&bytes, &len, path);
    if (error != 0) {
        fprintf(stderr, "grabcut: --mask %s: %s\n", path, strerror(error));
        return false;
    }
    error = grabcut_decode(&image, bytes, len, NULL, &err);
    free(bytes);
    if (error != GRABCUT_OK) {
        fprintf(stderr, "grabcut: --mask %s: %s\n", path, err.text);
        return false;
    }
    bool ok = grabcut_image_alloc(mask, image.width, image.height, 1) == GRABCUT_OK;
    if (!ok)
        fputs("grabcut: out of memory\n", stderr);
    else if (!(ok = grabcut_mask_from_grey(mask, &image, &err) == GRABCUT_OK))
        fprintf(stderr, "grabcut: --mask %s: %s\n", path, err.text);
    grabcut_image_free(&image);
    return ok;
}

bool cut_setup_init(cut_setup *out, const cut_options *options, int threads) {
    *out = (cut_setup){.options = options, .threads = threads};
    if (options->mask == NULL)
        return true;
    if (read_mask(&out->mask, options->mask))
        return true;
    cut_setup_free(out);
    return false;
}

void cut_setup_free(cut_setup *setup) {
    grabcut_image_free(&setup->mask);
}

/* ---- one image ---- */

static int start_from_mask(grabcut_image *mask, grabcut_options *run, const grabcut_image *given,
                           grabcut_errbuf *err) {
    if (given->width != mask->width || given->height != mask->height) {
        snprintf(err->text, sizeof(err->text), "the mask has %dx%d pixels, the image has %dx%d",
                 given->width, given->height, mask->width, mask->height);
        return GRABCUT_EINVAL;
    }
    run->mode = GRABCUT_INIT_WITH_MASK;
    for (int32_t y = 0; y < mask->height; y++)
        memcpy(mask->data + (size_t)y * mask->stride, given->data + (size_t)y * given->stride,
               (size_t)mask->width);
    return GRABCUT_OK;
}

static int start_from_rect(grabcut_options *run, const cut_options *o, const grabcut_image *image,
                           grabcut_errbuf *err) {
    if (o->rect_text == NULL) {
        run->rect = grabcut_rect_inset(image->width, image->height, 5);
        return GRABCUT_OK;
    }
    run->rect = o->rect;
    int error = grabcut_rect_clamp(&run->rect, image->width, image->height);
    if (error != GRABCUT_OK)
        snprintf(err->text, sizeof(err->text), "the rectangle %s is outside of the image of %dx%d",
                 o->rect_text, image->width, image->height);
    return error;
}

/* The rect as a mask, with transparent pixels as background. */
static int start_from_alpha(grabcut_image *mask, grabcut_options *run, const grabcut_image *alpha) {
    int error = GRABCUT_OK;
    if (run->mode == GRABCUT_INIT_WITH_RECT)
        error = grabcut_mask_from_rect(mask, &run->rect);
    run->mode = GRABCUT_INIT_WITH_MASK;
    return error == GRABCUT_OK ? grabcut_mask_from_alpha(mask, alpha) : error;
}

/* One image on its way through. */
typedef struct cut_work {
    grabcut_image image, mask, alpha; /* alpha: empty if it is ignored */
    uint8_t *icc;                     /* or NULL */
    size_t icc_len;
} cut_work;

static int decode_input(cut_work *w, const uint8_t *bytes, size_t len, const cut_options *o,
                        grabcut_errbuf *err) {
    grabcut_decode_options how = GRABCUT_DECODE_OPTIONS_INIT;
    how.alpha = o->respect_alpha;
    how.allow_truncated = o->allow_truncated;
    int error = grabcut_decode(&w->image, bytes, len, &how, err);
    if (error == GRABCUT_OK && o->respect_alpha)
        error = grabcut_split_alpha(&w->alpha, &w->image);
    if (error == GRABCUT_OK && o->kind != GRABCUT_CUTOUT_MASK)
        error = grabcut_icc_profile(&w->icc, &w->icc_len, bytes, len, err);
    if (error == GRABCUT_OK)
        error = grabcut_image_alloc(&w->mask, w->image.width, w->image.height, 1);
    return error;
}

static int find_start(cut_work *w, grabcut_options *run, const cut_setup *setup,
                      grabcut_errbuf *err) {
    int error = setup->mask.data != NULL ? start_from_mask(&w->mask, run, &setup->mask, err)
                                         : start_from_rect(run, setup->options, &w->image, err);
    if (error == GRABCUT_OK && w->alpha.data != NULL)
        error = start_from_alpha(&w->mask, run, &w->alpha);
    return error;
}

static int encode_result(uint8_t **png, size_t *png_len, const cut_work *w,
                         grabcut_cutout_kind kind, grabcut_errbuf *err) {
    grabcut_encode_options how = GRABCUT_ENCODE_OPTIONS_INIT;
    grabcut_image out;
    how.icc = w->icc;
    how.icc_len = w->icc_len;
    int error = grabcut_cutout(&out, &w->image, &w->mask, kind);
    if (error == GRABCUT_OK && kind == GRABCUT_CUTOUT_ALPHA && w->alpha.data != NULL)
        error = grabcut_multiply_alpha(&out, &w->alpha);
    if (error == GRABCUT_OK)
        error = grabcut_encode(png, png_len, &out, &how, err);
    grabcut_image_free(&out);
    return error;
}

int cut_bytes(uint8_t **png, size_t *png_len, const uint8_t *bytes, size_t len,
              const cut_setup *setup, grabcut_workspace *workspace, grabcut_progress_fn progress,
              void *progress_ctx, grabcut_errbuf *err) {
    cut_work w = {0};
    grabcut_options run = GRABCUT_OPTIONS_INIT;
    run.iterations = setup->options->iterations;
    run.seed = setup->options->seed;
    run.threads = setup->threads;
    run.workspace = workspace;
    run.progress = progress;
    run.progress_ctx = progress_ctx;
    err->text[0] = '\0';
    int error = decode_input(&w, bytes, len, setup->options, err);
    if (error == GRABCUT_OK)
        error = find_start(&w, &run, setup, err);
    if (error == GRABCUT_OK)
        error = grabcut_segment(grabcut_engine_fast(), &w.mask, &w.image, &run, err);
    if (error == GRABCUT_OK)
        error = encode_result(png, png_len, &w, setup->options->kind, err);
    if (error != GRABCUT_OK && err->text[0] == '\0')
        snprintf(err->text, sizeof(err->text), "%s", grabcut_strerror(error));
    grabcut_image_free(&w.image);
    grabcut_image_free(&w.mask);
    grabcut_image_free(&w.alpha);
    grabcut_free(w.icc);
    return error;
}
