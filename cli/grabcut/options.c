/* Parses the flags of `grabcut` and prints its help. */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
    RECT = 256,
    MASK,
    ITERATIONS,
    SEED,
    OUTPUT,
    THREADS,
    JOBS,
    ALPHA,
    ALLOW_TRUNCATED,
    NO_PROGRESS,
    VERSION
};

static const struct option flags[] = {
    {"rect", required_argument, NULL, RECT},
    {"mask", required_argument, NULL, MASK},
    {"iterations", required_argument, NULL, ITERATIONS},
    {"seed", required_argument, NULL, SEED},
    {"output", required_argument, NULL, OUTPUT},
    {"threads", required_argument, NULL, THREADS},
    {"jobs", required_argument, NULL, JOBS},
    {"alpha", required_argument, NULL, ALPHA},
    {"allow-truncated", no_argument, NULL, ALLOW_TRUNCATED},
    {"no-progress", no_argument, NULL, NO_PROGRESS},
    {"version", no_argument, NULL, VERSION},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static void print_help(FILE *to) {
    fputs(
        "usage: grabcut [FLAGS] -o FILE|DIR IMAGE|DIR...\n"
        "       grabcut [FLAGS] IMAGE|- > FILE\n"
        "\n"
        "Cut the foreground out of images and write each result as a PNG file.\n"
        "\n"
        "Reads JPEG, PNG, WebP and BMP files. Of a folder, its own images are read, not those of "
        "its\n"
        "subfolders. '-' reads one image from standard input. The result of NAME.jpg in a folder "
        "is\n"
        "NAME.png. The pixels are those of OpenCV's grabCut with the same rectangle, iterations "
        "and "
        "seed.\n"
        "\n"
        "  -o FILE|DIR              where results go: a folder for more than one image, else a "
        "file "
        "or a\n"
        "                           folder; '-' is standard output (default: -)\n"
        "  --rect X,Y,W,H|auto      the rectangle around the foreground, in pixels; auto leaves "
        "out "
        "5 %\n"
        "                           of each side, at least a pixel (default: auto)\n"
        "  --mask FILE              start from a grey image of the same size instead of a "
        "rectangle:\n"
        "                           0 is background, 1 to 127 probably background, 128 to 254 "
        "probably\n"
        "                           foreground, 255 foreground; or OpenCV's values 0 to 3\n"
        "  --iterations N           rounds of learning and cutting (default: 5)\n"
        "  --seed N                 seed of the random numbers of the first models (default: 0)\n"
        "  --output cutout|rgba|mask\n"
        "                           cutout has a black background, rgba a transparent one, mask is "
        "255\n"
        "                           for foreground and 0 for background (default: cutout)\n"
        "  --alpha ignore|respect   respect makes transparent pixels background and multiplies the "
        "image's\n"
        "                           alpha into --output rgba (default: ignore)\n"
        "  --allow-truncated        cut a JPEG, PNG or BMP that ends too early as far as it goes\n"
        "  --threads N              threads for one image (default: by the number of processors)\n"
        "  --jobs N                 images at the same time (default: by the number of "
        "processors)\n"
        "  --no-progress            no progress bar; without this flag, one is drawn on a "
        "terminal\n"
        "  --version                print the version\n"
        "  -h, --help               this text\n"
        "\n"
        "Errors are printed for each image, and the others are still cut. Exit 0 if all were cut, "
        "1 "
        "if\n"
        "one was not, 2 if the command line is wrong.\n",
        to);
}

int cut_usage_error(const char *format, ...) {
    va_list args;
    fputs("grabcut: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputs(" (see: grabcut --help)\n", stderr);
    return CUT_USAGE;
}

/* Parses a whole number from `low` to `high`. Returns false if `text` is anything else. */
static bool parse_number(int64_t *out, const char *text, int64_t low, int64_t high) {
    char *end;
    errno = 0;
    long long n = strtoll(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || n < low || n > high)
        return false;
    *out = n;
    return true;
}

static int parse_int(int32_t *out, const char *flag, const char *text, int32_t high) {
    int64_t n;
    if (!parse_number(&n, text, 1, high))
        return cut_usage_error("%s: expected a number from 1 to %" PRId32 ", not '%s'", flag, high,
                               text);
    *out = (int32_t)n;
    return -1;
}

static int parse_seed(uint64_t *out, const char *text) {
    int64_t n;
    if (!parse_number(&n, text, 0, INT64_MAX))
        return cut_usage_error("--seed: expected a number from 0 to %" PRId64 ", not '%s'",
                               INT64_MAX, text);
    *out = (uint64_t)n;
    return -1;
}

static int parse_rect(cut_options *out, const char *text) {
    out->rect_text = NULL;
    if (strcmp(text, "auto") == 0)
        return -1;
    char extra;
    int x, y, width, height;
    /* Six digits: more than any image has, and no overflow. */
    if (sscanf(text, "%6d,%6d,%6d,%6d%c", &x, &y, &width, &height, &extra) != 4 || width < 1 ||
        height < 1)
        return cut_usage_error("--rect: expected X,Y,WIDTH,HEIGHT in pixels or 'auto', not '%s'",
                               text);
    out->rect_text = text;
    out->rect = (grabcut_rect){x, y, width, height};
    return -1;
}

static int parse_kind(grabcut_cutout_kind *out, const char *text) {
    static const char *const names[] = {[GRABCUT_CUTOUT_BLACK] = "cutout",
                                        [GRABCUT_CUTOUT_ALPHA] = "rgba",
                                        [GRABCUT_CUTOUT_MASK] = "mask"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(text, names[i]) == 0) {
            *out = (grabcut_cutout_kind)i;
            return -1;
        }
    return cut_usage_error("--output: expected cutout, rgba or mask, not '%s'", text);
}

static int parse_alpha(bool *respect, const char *text) {
    *respect = strcmp(text, "respect") == 0;
    if (!*respect && strcmp(text, "ignore") != 0)
        return cut_usage_error("--alpha: expected ignore or respect, not '%s'", text);
    return -1;
}

/* `word` is the flag as it was written, for messages. */
static int apply_flag(cut_options *out, int flag, const char *value, const char *word) {
    switch (flag) {
    case 'o':
        out->output = strcmp(value, "-") == 0 ? NULL : value;
        return *value == '\0' ? cut_usage_error("-o: expected a path") : -1;
    case RECT:
        return parse_rect(out, value);
    case MASK:
        out->mask = value;
        return -1;
    case ITERATIONS:
        return parse_int(&out->iterations, "--iterations", value, 1000);
    case SEED:
        return parse_seed(&out->seed, value);
    case OUTPUT:
        return parse_kind(&out->kind, value);
    case ALPHA:
        return parse_alpha(&out->respect_alpha, value);
    case ALLOW_TRUNCATED:
        out->allow_truncated = true;
        return -1;
    case THREADS:
        return parse_int(&out->threads, "--threads", value, 1024);
    case JOBS:
        return parse_int(&out->jobs, "--jobs", value, 1024);
    case NO_PROGRESS:
        out->progress = false;
        return -1;
    case VERSION:
        printf("grabcut %s\n", grabcut_version());
        return CUT_OK;
    case 'h':
        print_help(stdout);
        return CUT_OK;
    case ':':
        return cut_usage_error("the flag '%s' expects a value", word);
    default:
        return cut_usage_error("unknown flag '%s'", word);
    }
}

static bool has_suffix(const char *text, const char *suffix) {
    size_t n = strlen(text), m = strlen(suffix);
    return n >= m && strcasecmp(text + n - m, suffix) == 0;
}

/* What is wrong only in combination. */
static int check_options(const cut_options *o) {
    static const char *const others[] = {".jpg", ".jpeg", ".webp", ".bmp"};
    if (o->n_inputs == 0)
        return cut_usage_error("no image and no folder given");
    if (o->mask != NULL && o->rect_text != NULL)
        return cut_usage_error("--mask and --rect cannot be combined");
    for (int i = 0; i < o->n_inputs && o->n_inputs > 1; i++)
        if (strcmp(o->inputs[i], "-") == 0)
            return cut_usage_error("'-' must be the only input");
    for (size_t i = 0; o->output != NULL && i < sizeof(others) / sizeof(others[0]); i++)
        if (has_suffix(o->output, others[i]))
            return cut_usage_error("-o: results are PNG files, but '%s' ends in %s", o->output,
                                   others[i]);
    return -1;
}

int cut_options_parse(cut_options *out, int argc, char **argv) {
    *out = (cut_options){.iterations = 5, .kind = GRABCUT_CUTOUT_BLACK, .progress = true};
    opterr = 0; /* messages are ours */
    for (;;) {
        optopt = 0;
        int flag = getopt_long(argc, argv, ":o:h", flags, NULL);
        if (flag == -1)
            break;
        char letter[] = {'-', (char)optopt, '\0'};
        bool is_letter = optopt > 0 && optopt < RECT;
        int code = apply_flag(out, flag, optarg, is_letter ? letter : argv[optind - 1]);
        if (code != -1)
            return code;
    }
    out->inputs = argv + optind;
    out->n_inputs = argc - optind;
    return check_options(out);
}
