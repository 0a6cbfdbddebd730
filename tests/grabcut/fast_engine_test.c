/* What a caller of the fast engine relies on besides the mask: memory, cancelling, modes,
 * determinism. */
#include "files.h"
#include "pipeline.h"
#include "pool.h"
#include "select.h"

#include <criterion/criterion.h>
#include <grabcut/grabcut.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static grabcut_image photo(void) {
    size_t len;
    grabcut_image image;
    uint8_t *bytes = read_source_file("photos/portrait.jpg", &len);
    cr_assert_eq(grabcut_decode(&image, bytes, len, NULL, NULL), GRABCUT_OK);
    free(bytes);
    return image;
}

static grabcut_image mask_for(const grabcut_image *image) {
    grabcut_image mask;
    cr_assert_eq(grabcut_image_alloc(&mask, image->width, image->height, 1), GRABCUT_OK);
    return mask;
}

static size_t size_of(const grabcut_image *image) {
    return image->stride * (size_t)image->height;
}

static grabcut_options options_for(const grabcut_image *image) {
    grabcut_options opts = GRABCUT_OPTIONS_INIT;
    opts.rect = grabcut_rect_inset(image->width, image->height, 5);
    opts.iterations = 2;
    opts.seed = 3;
    return opts;
}

/* Takes as many threads as it may, however small the image. */
static const grabcut_engine *eager_engine(void) {
    static gc_fast_engine engine;
    engine = gc_fast_engine_of(1);
    return &engine.super;
}

static int run(grabcut_image *mask, const grabcut_image *image, const grabcut_options *opts) {
    return grabcut_segment(eager_engine(), mask, image, opts, NULL);
}

Test(fast_engine, the_mask_does_not_depend_on_threads_or_instructions) {
    grabcut_image image = photo(), first = mask_for(&image), mask = mask_for(&image);
    grabcut_options opts = options_for(&image);
    cr_assert_eq(run(&first, &image, &opts), GRABCUT_OK);
    for (int threads = 1; threads <= 5; threads++)
        for (int simd = GRABCUT_SIMD_PORTABLE; simd <= GRABCUT_SIMD_AVX2; simd++) {
            opts.threads = threads;
            opts.simd = (grabcut_simd)simd;
            if (!gc_kernels_for(opts.simd))
                continue;
            cr_assert_eq(run(&mask, &image, &opts), GRABCUT_OK);
            cr_assert_arr_eq(mask.data, first.data, size_of(&mask), "%d threads, level %d", threads,
                             simd);
        }
    grabcut_image_free(&image);
    grabcut_image_free(&first);
    grabcut_image_free(&mask);
}

/* What the pixels of a small picture are made of. */
enum { NOISE, SHAPES, SHADES, STYLES };

static uint8_t component(int style, int x, int y, int channel, uint32_t noise) {
    int inside =
        (x - 40) * (x - 40) + (y - 25) * (y - 25) < 300 || (x > 20 && x < 35 && y > 10 && y < 60);
    if (style == SHAPES)
        return (uint8_t)((inside ? 150 + 20 * channel : 60 - 15 * channel) + (int)(noise % 40));
    return (uint8_t)(style == NOISE ? noise : (unsigned)(x * 2 + y * (channel + 1)) + noise % 16);
}

static void paint(grabcut_image *image, int width, int height, int style, uint64_t state) {
    cr_assert_eq(grabcut_image_alloc(image, width, height, 3), GRABCUT_OK);
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width * 3; x++) {
            state = state * 6364136223846793005u + 1442695040888963407u;
            image->data[(size_t)y * image->stride + (size_t)x] =
                component(style, x / 3, y, x % 3, (uint32_t)(state >> 40));
        }
}

Test(fast_engine, every_level_gives_the_same_masks_of_small_pictures) {
    for (int i = 0; i < 30; i++) {
        grabcut_image image, first, mask;
        grabcut_models models, others;
        paint(&image, 60 + i * 37 % 50, 50 + i * 23 % 40, i % STYLES, (uint64_t)i);
        first = mask_for(&image);
        mask = mask_for(&image);
        grabcut_options opts = options_for(&image);
        opts.simd = GRABCUT_SIMD_PORTABLE;
        opts.models = &models;
        cr_assert_eq(run(&first, &image, &opts), GRABCUT_OK);
        opts.models = &others;
        for (int simd = GRABCUT_SIMD_AVX2; simd <= GRABCUT_SIMD_AVX2; simd++) {
            opts.simd = (grabcut_simd)simd;
            if (!gc_kernels_for(opts.simd))
                continue;
            cr_assert_eq(run(&mask, &image, &opts), GRABCUT_OK);
            cr_assert_arr_eq(mask.data, first.data, size_of(&mask), "picture %d, level %d", i,
                             simd);
            cr_assert_arr_eq((uint8_t *)&others, (uint8_t *)&models, sizeof models,
                             "picture %d, level %d", i, simd);
        }
        grabcut_image_free(&image);
        grabcut_image_free(&first);
        grabcut_image_free(&mask);
    }
}

Test(fast_engine, a_level_that_is_not_there_is_refused) {
    static const char *const names[] = {"auto", "portable", "AVX2"};
    grabcut_image image = photo(), mask = mask_for(&image);
    grabcut_options opts = options_for(&image);
    grabcut_errbuf err;
    for (int simd = GRABCUT_SIMD_AUTO; simd <= GRABCUT_SIMD_AVX2; simd++) {
        opts.simd = (grabcut_simd)simd;
        int there = gc_kernels_for(opts.simd) != NULL;
        int rc = grabcut_segment(eager_engine(), &mask, &image, &opts, &err);
        printf("%s: %s\n", names[simd], there ? "runs" : err.text);
        cr_assert_eq(rc, there ? GRABCUT_OK : GRABCUT_EUNSUPPORTED, "%s", names[simd]);
        cr_assert(there || strstr(err.text, "SIMD level") != NULL);
        cr_assert(there || simd > GRABCUT_SIMD_PORTABLE, "%s", names[simd]);
    }
    grabcut_image_free(&image);
    grabcut_image_free(&mask);
}

Test(fast_engine, one_call_is_as_many_calls_carried_on) {
    grabcut_image image = photo(), whole = mask_for(&image), parts = mask_for(&image);
    grabcut_models a, b;
    grabcut_options opts = options_for(&image);
    opts.iterations = 4;
    opts.models = &a;
    cr_assert_eq(run(&whole, &image, &opts), GRABCUT_OK);
    opts.models = &b;
    opts.iterations = 1;
    cr_assert_eq(run(&parts, &image, &opts), GRABCUT_OK);
    opts.mode = GRABCUT_EVAL;
    opts.iterations = 3;
    cr_assert_eq(run(&parts, &image, &opts), GRABCUT_OK);
    cr_assert_arr_eq(parts.data, whole.data, size_of(&whole));
    cr_assert_arr_eq((uint8_t *)&b, (uint8_t *)&a, sizeof a);
    grabcut_image_free(&image);
    grabcut_image_free(&whole);
    grabcut_image_free(&parts);
}

Test(fast_engine, frozen_models_stay) {
    grabcut_image image = photo(), mask = mask_for(&image);
    grabcut_models models, before;
    grabcut_options opts = options_for(&image);
    opts.models = &models;
    cr_assert_eq(run(&mask, &image, &opts), GRABCUT_OK);
    before = models;
    opts.mode = GRABCUT_EVAL_FREEZE_MODEL;
    cr_assert_eq(run(&mask, &image, &opts), GRABCUT_OK);
    cr_assert_arr_eq((uint8_t *)&models, (uint8_t *)&before, sizeof before);
    grabcut_image_free(&image);
    grabcut_image_free(&mask);
}

/* ---- progress -----------------------------------------------------------------------------------
 */

typedef struct watch {
    int calls, stop_at;
    double done;
    int fell;
} watch;

static int watching(void *ctx, const grabcut_progress *progress) {
    watch *w = ctx;
    w->fell |= progress->done < w->done || progress->done > 1;
    w->done = progress->done;
    return ++w->calls == w->stop_at;
}

Test(fast_engine, progress_never_falls_and_any_report_can_stop) {
    grabcut_image image = photo(), mask = mask_for(&image);
    grabcut_options opts = options_for(&image);
    grabcut_models models, untouched;
    memset(&models, 7, sizeof models);
    untouched = models;
    watch w = {0, -1, 0, 0};
    opts.progress = watching;
    opts.progress_ctx = &w;
    opts.models = NULL;
    cr_assert_eq(run(&mask, &image, &opts), GRABCUT_OK);
    cr_assert_not(w.fell);
    cr_assert_geq(w.calls, 20);
    int calls = w.calls;
    opts.models = &models;
    for (int stop_at = 1; stop_at <= calls; stop_at++) {
        w = (watch){0, stop_at, 0, 0};
        memset(mask.data, 5, size_of(&mask));
        cr_assert_eq(run(&mask, &image, &opts), GRABCUT_ECANCELED, "stopped at report %d", stop_at);
        cr_assert_eq(w.calls, stop_at, "asked again after it was stopped");
        for (size_t i = 0; i < size_of(&mask); i++)
            cr_assert_eq(mask.data[i], 5);
        cr_assert_arr_eq((uint8_t *)&models, (uint8_t *)&untouched, sizeof models);
    }
    grabcut_image_free(&image);
    grabcut_image_free(&mask);
}

/* ---- threads ------------------------------------------------------------------------------------
 */

static int third_time(void *ctx) {
    return ++*(int *)ctx == 3;
}

/* The caller's part is done at once; the others' go on until they are stopped. */
static void endless_elsewhere(void *ctx, int index, int parts) {
    (void)parts;
    while (index > 0 && !gc_pool_halt(ctx, index, 1000))
        continue;
}

Test(fast_engine, a_caller_that_waits_for_other_threads_can_stop_them) {
    gc_pool pool;
    int questions = 0;
    pool.stop = third_time;
    pool.stop_ctx = &questions;
    gc_pool_start(&pool, 3);
    cr_assert_gt(pool.parts, 1, "the system gives no thread");
    gc_pool_run(&pool, endless_elsewhere, &pool);
    cr_assert_eq(questions, 3);
    cr_assert(gc_pool_halt(&pool, 0, 0));
    gc_pool_stop(&pool);
}

/* ---- memory -------------------------------------------------------------------------------------
 */

Test(fast_engine, the_estimate_is_what_is_taken) {
    grabcut_image image = photo(), mask = mask_for(&image);
    grabcut_options opts = options_for(&image);
    grabcut_workspace *workspace;
    uint64_t bytes;
    cr_assert_eq(grabcut_workspace_new(&workspace), GRABCUT_OK);
    cr_assert_eq(grabcut_workspace_bytes(workspace), 0);
    cr_assert_eq(grabcut_estimate(eager_engine(), &bytes, image.width, image.height, &opts), 0);
    opts.workspace = workspace;
    opts.max_bytes = bytes - 1;
    cr_assert_eq(run(&mask, &image, &opts), GRABCUT_ENOMEM);
    cr_assert_eq(grabcut_workspace_bytes(workspace), 0);
    opts.max_bytes = bytes;
    cr_assert_eq(run(&mask, &image, &opts), GRABCUT_OK);
    cr_assert_eq(grabcut_workspace_bytes(workspace), bytes);
    grabcut_workspace_free(workspace);
    grabcut_image_free(&image);
    grabcut_image_free(&mask);
}

Test(fast_engine, a_workspace_serves_calls_of_every_size) {
    grabcut_image image = photo(), mask = mask_for(&image), alone = mask_for(&image);
    grabcut_workspace *workspace;
    cr_assert_eq(grabcut_workspace_new(&workspace), GRABCUT_OK);
    size_t held = 0;
    for (int inset = 0; inset < 20; inset++) {
        grabcut_options opts = options_for(&image);
        opts.rect = grabcut_rect_inset(image.width, image.height, 5 + inset * 7 % 20 * 2);
        opts.iterations = 1;
        cr_assert_eq(run(&alone, &image, &opts), GRABCUT_OK);
        opts.workspace = workspace;
        cr_assert_eq(run(&mask, &image, &opts), GRABCUT_OK);
        cr_assert_arr_eq(mask.data, alone.data, size_of(&mask), "inset %d", inset);
        cr_assert_geq(grabcut_workspace_bytes(workspace), held);
        held = grabcut_workspace_bytes(workspace);
    }
    grabcut_workspace_free(workspace);
    grabcut_workspace_free(NULL);
    grabcut_image_free(&image);
    grabcut_image_free(&mask);
    grabcut_image_free(&alone);
}

Test(fast_engine, twenty_bytes_an_undecided_pixel) {
    grabcut_options opts = GRABCUT_OPTIONS_INIT;
    uint64_t bytes;
    opts.rect = grabcut_rect_inset(4000, 3000, 5);
    double pixels = (double)opts.rect.width * opts.rect.height;
    cr_assert_eq(grabcut_estimate(eager_engine(), &bytes, 4000, 3000, &opts), GRABCUT_OK);
    cr_assert_leq((double)bytes / pixels,
                  20.25); /* above 20: row buffers, borders of the tiles, and 1 MiB for doubts */
    opts.mode = GRABCUT_INIT_WITH_MASK;
    cr_assert_eq(grabcut_estimate(eager_engine(), &bytes, 4000, 3000, &opts), GRABCUT_OK);
    cr_assert_leq((double)bytes / 12e6, 20.25);
}
