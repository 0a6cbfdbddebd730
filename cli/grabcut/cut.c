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

static int encode_result(uint8_t **png, size_t *png_len, const grabcut_image *image,
                         const grabcut_image *mask, grabcut_cutout_kind kind, grabcut_errbuf *err) {
    grabcut_image out;
    int error = grabcut_cutout(&out, image, mask, kind);
    if (error == GRABCUT_OK)
        error = grabcut_encode_png(png, png_len, &out, -1, err);
    grabcut_image_free(&out);
    return error;
}

int cut_bytes(uint8_t **png, size_t *png_len, const uint8_t *bytes, size_t len,
              const cut_setup *setup, grabcut_workspace *workspace, grabcut_progress_fn progress,
              void *progress_ctx, grabcut_errbuf *err) {
    grabcut_image image = {0}, mask = {0};
    grabcut_options run = GRABCUT_OPTIONS_INIT;
    run.iterations = setup->options->iterations;
    run.seed = setup->options->seed;
    run.threads = setup->threads;
    run.workspace = workspace;
    run.progress = progress;
    run.progress_ctx = progress_ctx;
    err->text[0] = '\0';
    int error = grabcut_decode(&image, bytes, len, NULL, err);
    if (error == GRABCUT_OK)
        error = grabcut_image_alloc(&mask, image.width, image.height, 1);
    if (error == GRABCUT_OK && setup->mask.data != NULL)
        error = start_from_mask(&mask, &run, &setup->mask, err);
    else if (error == GRABCUT_OK)
        error = start_from_rect(&run, setup->options, &image, err);
    if (error == GRABCUT_OK)
        error = grabcut_segment(grabcut_engine_fast(), &mask, &image, &run, err);
    if (error == GRABCUT_OK)
        error = encode_result(png, png_len, &image, &mask, setup->options->kind, err);
    if (error != GRABCUT_OK && err->text[0] == '\0')
        snprintf(err->text, sizeof(err->text), "%s", grabcut_strerror(error));
    grabcut_image_free(&image);
    grabcut_image_free(&mask);
    return error;
}
