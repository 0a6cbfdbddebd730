/* grabcut_segment on any small picture, start and options: a code that the header promises, a mask
 * that keeps what was sure, the same from every SIMD level and number of threads, and a mask and
 * models left alone by a call that failed. */
#include <grabcut/grabcut.h>

#include <stdlib.h>
#include <string.h>

enum { LONGEST = 20 };

static void demand(int truth) {
    if (!truth) {
        abort();
    }
}

/* The input, byte by byte; zeros behind its end. */
typedef struct input {
    const uint8_t *p;
    size_t len;
} input;

static int next(input *in) {
    if (in->len == 0) {
        return 0;
    }
    in->len--;
    return *in->p++;
}

typedef struct start {
    int32_t width, height;
    uint8_t pixels[LONGEST * LONGEST * 3], values[LONGEST * LONGEST];
    grabcut_models models;
    grabcut_options opts;
} start;

static void read_start(start *s, input *in) {
    static const grabcut_options defaults = GRABCUT_OPTIONS_INIT;
    s->opts = defaults;
    s->width = 1 + next(in) % LONGEST;
    s->height = 1 + next(in) % LONGEST;
    s->opts.mode = (grabcut_mode)(next(in) % 5);
    s->opts.iterations = next(in) % 4;
    s->opts.rect.x = next(in) % 32 - 4;
    s->opts.rect.y = next(in) % 32 - 4;
    s->opts.rect.width = next(in) % 32 - 2;
    s->opts.rect.height = next(in) % 32 - 2;
    s->opts.seed = (uint64_t)next(in) << 32 | (uint64_t)next(in);
    /* Few different values make ties and flat colours likely. */
    int colours = next(in), highest = next(in) % 16 == 0 ? 4 : 3;
    for (size_t i = 0; i < sizeof(s->values); i++) {
        s->values[i] = (uint8_t)(next(in) % (highest + 1));
    }
    for (size_t i = 0; i < sizeof(s->pixels); i++) {
        s->pixels[i] = (uint8_t)(next(in) & (colours | 0x80));
    }
}

typedef struct result {
    int code;
    uint8_t values[LONGEST * LONGEST];
    grabcut_models models;
} result;

static void run(result *r, start *s, grabcut_simd simd, int threads) {
    grabcut_image image = {s->pixels, s->width, s->height, 3, (size_t)s->width * 3};
    grabcut_image mask = {r->values, s->width, s->height, 1, (size_t)s->width};
    grabcut_options opts = s->opts;
    grabcut_errbuf err;
    memcpy(r->values, s->values, sizeof(r->values));
    r->models = s->models;
    opts.models = &r->models;
    opts.simd = simd;
    opts.threads = threads;
    r->code = grabcut_segment(grabcut_engine_fast(), &mask, &image, &opts, &err);
    demand((r->code == GRABCUT_OK) == (err.text[0] == '\0'));
}

static int same(const result *a, const result *b) {
    return a->code == b->code && memcmp(a->values, b->values, sizeof(a->values)) == 0 &&
           memcmp(&a->models, &b->models, sizeof(a->models)) == 0;
}

/* What was sure stays; what was not is probable. */
static void check_mask(const start *s, const result *r) {
    for (size_t i = 0; i < (size_t)(s->width * s->height); i++) {
        demand(r->values[i] <= GRABCUT_PR_FGD);
        if (s->opts.mode != GRABCUT_INIT_WITH_RECT) {
            demand(s->values[i] < GRABCUT_PR_BGD ? r->values[i] == s->values[i]
                                                 : r->values[i] >= GRABCUT_PR_BGD);
        }
    }
    /* Beyond the picture nothing is written. */
    size_t n = (size_t)(s->width * s->height);
    demand(memcmp(r->values + n, s->values + n, sizeof(s->values) - n) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static start s;
    static result first, other;
    input in = {data, size};
    read_start(&s, &in);
    /* Models for the modes that carry a run on: those that a start with the same mask learns. */
    memset(&s.models, 0, sizeof(s.models));
    if (s.opts.mode == GRABCUT_EVAL || s.opts.mode == GRABCUT_EVAL_FREEZE_MODEL) {
        grabcut_options given = s.opts;
        s.opts.mode = GRABCUT_INIT_WITH_MASK;
        run(&first, &s, GRABCUT_SIMD_PORTABLE, 1);
        s.models = first.models;
        s.opts = given;
    }
    run(&first, &s, GRABCUT_SIMD_PORTABLE, 1);
    if (first.code) {
        demand(first.code >= GRABCUT_ENOFOREGROUND && first.code <= GRABCUT_EINVAL);
        demand(memcmp(first.values, s.values, sizeof(s.values)) == 0);
        demand(memcmp(&first.models, &s.models, sizeof(s.models)) == 0);
    } else {
        check_mask(&s, &first);
    }
    run(&other, &s, GRABCUT_SIMD_AUTO, 1);
    demand(same(&first, &other));
    run(&other, &s, GRABCUT_SIMD_AUTO, 2);
    demand(same(&first, &other));
    return 0;
}
