/* How much work lies between two questions whether to go on: not in time, which a busy machine
 * stretches, but in basic blocks that are executed. The engine is compiled into this program with a
 * counter in each of them
 * (-fsanitize-coverage=trace-pc). */
#include <criterion/criterion.h>
#include <grabcut/grabcut.h>
#include <stdio.h>
#include <stdlib.h>

enum { WIDTH = 1024, HEIGHT = 1000 };

/* After the phases of grabcut_phase, what is left from the last question to the return. */
enum { END = GRABCUT_PHASE_CUT + 1, PHASES };

/* On one thread some milliseconds. The picture has 1,024,000 pixels, so a pass over all of it
 * without a question is seen. */
static const uint64_t MOST = 6000000;

static uint64_t blocks; /* since the last question */

void __sanitizer_cov_trace_pc(void);
void __sanitizer_cov_trace_pc(void) {
    blocks++;
}

typedef struct watch {
    uint64_t questions[PHASES], total[PHASES], most[PHASES];
    uint64_t stop_at; /* question that is answered with a stop; 0: none */
    uint64_t asked;
} watch;

static void note(watch *w, int phase) {
    w->questions[phase]++;
    w->total[phase] += blocks;
    w->most[phase] = blocks > w->most[phase] ? blocks : w->most[phase];
    blocks = 0;
}

static int asked(void *ctx, const grabcut_progress *progress) {
    watch *w = ctx;
    note(w, progress->phase);
    return ++w->asked == w->stop_at;
}

/* Blobs of two colours in noise: of every phase there is enough to do. */
static grabcut_image picture(void) {
    grabcut_image image;
    uint32_t s = 1;
    cr_assert_eq(grabcut_image_alloc(&image, WIDTH, HEIGHT, 3), GRABCUT_OK);
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH * 3; x++) {
            s = s * 1664525 + 1013904223;
            int blob = (x / 3 / 90 + y / 70) % 3 == 0;
            image.data[(size_t)y * image.stride + (size_t)x] =
                (uint8_t)((s >> 24) % 120 + (blob ? 90 : 0));
        }
    return image;
}

static int run(watch *w, grabcut_mode mode) {
    grabcut_image image = picture(), mask;
    grabcut_options opts = GRABCUT_OPTIONS_INIT;
    cr_assert_eq(grabcut_image_alloc(&mask, WIDTH, HEIGHT, 1), GRABCUT_OK);
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++)
            mask.data[(size_t)y * mask.stride + (size_t)x] =
                x < WIDTH / 2 ? GRABCUT_PR_BGD : GRABCUT_PR_FGD;
    opts.mode = mode;
    opts.rect = grabcut_rect_inset(WIDTH, HEIGHT, 5);
    opts.iterations = 1;
    opts.simd = GRABCUT_SIMD_PORTABLE; /* what the counters are in */
    opts.progress = asked;
    opts.progress_ctx = w;
    blocks = 0;
    int rc = grabcut_segment(grabcut_engine_fast(), &mask, &image, &opts, NULL);
    grabcut_image_free(&image);
    grabcut_image_free(&mask);
    return rc;
}

static void check(grabcut_mode mode) {
    static const char *const NAMES[PHASES] = {"init", "models", "cut", "end"};
    watch w = {0};
    cr_assert_eq(run(&w, mode), GRABCUT_OK);
    note(&w, END);
    for (int i = 0; i < PHASES; i++) {
        fprintf(stderr, "%-6s %4llu questions, blocks: %llu in all, at most %llu between two\n",
                NAMES[i], (unsigned long long)w.questions[i], (unsigned long long)w.total[i],
                (unsigned long long)w.most[i]);
        cr_expect_leq(w.most[i], MOST, "%s: %llu blocks without a question", NAMES[i],
                      (unsigned long long)w.most[i]);
        /* Each phase passes over the picture more than once, at some blocks a pixel; the end once,
         * and how many pixels it labels in a block is the compiler's choice. */
        cr_expect_geq(w.total[i], (uint64_t)WIDTH * HEIGHT / (i == END ? 64 : 1),
                      "%s: the counters do not count", NAMES[i]);
    }
}

Test(workcount, every_phase_asks_rect) {
    check(GRABCUT_INIT_WITH_RECT);
}

Test(workcount, every_phase_asks_mask) {
    check(GRABCUT_INIT_WITH_MASK);
}

/* Whatever the question, little is done after a stop. */
Test(workcount, a_stop_is_obeyed_at_once) {
    enum { STOPS = 4 };
    watch all = {0};
    cr_assert_eq(run(&all, GRABCUT_INIT_WITH_RECT), GRABCUT_OK);
    for (uint64_t i = 0; i < STOPS; i++) {
        watch w = {.stop_at = 1 + i * (all.asked - 1) / STOPS};
        cr_assert_eq(run(&w, GRABCUT_INIT_WITH_RECT), GRABCUT_ECANCELED);
        cr_expect_eq(w.asked, w.stop_at);
        cr_expect_leq(blocks, 100000, "%llu blocks after the stop at question %llu",
                      (unsigned long long)blocks, (unsigned long long)w.stop_at);
    }
}
