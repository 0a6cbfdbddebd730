/* Cuts a bright square out of a dark, noisy picture that went through a file. Valid C and C++. */
#include <grabcut/grabcut.h>
#ifdef USE_OPENCV
#include <grabcut/opencv.h>
#define ENGINE grabcut_engine_opencv
#else
#define ENGINE grabcut_engine_fast
#endif

#include <stdio.h>

enum { SIZE = 48, FROM = 16, TO = 32 };

static int inside(int x, int y) {
    return x >= FROM && x < TO && y >= FROM && y < TO;
}

static void draw(const grabcut_image *image) {
    unsigned noise = 1;
    for (int y = 0; y < SIZE; y++) {
        for (int x = 0; x < SIZE * 3; x++) {
            noise = noise * 1664525u + 1013904223u;
            image->data[(size_t)y * image->stride + (size_t)x] =
                (uint8_t)((inside(x / 3, y) ? 200 : 40) + (noise >> 28));
        }
    }
}

static int wrong_pixels(const grabcut_image *mask) {
    int wrong = 0;
    for (int y = 0; y < SIZE; y++) {
        for (int x = 0; x < SIZE; x++) {
            wrong += (mask->data[(size_t)y * mask->stride + (size_t)x] & 1) != inside(x, y);
        }
    }
    return wrong;
}

int main(void) {
    grabcut_image drawn, image, mask, out;
    grabcut_options opts = GRABCUT_OPTIONS_INIT;
    grabcut_errbuf err;
    uint8_t *file;
    size_t len;
    if (grabcut_image_alloc(&drawn, SIZE, SIZE, 3) || grabcut_image_alloc(&mask, SIZE, SIZE, 1)) {
        return 1;
    }
    draw(&drawn);
    opts.rect = grabcut_rect_inset(SIZE, SIZE, 10);
    if (grabcut_encode_png(&file, &len, &drawn, -1, &err) ||
        grabcut_decode(&image, file, len, NULL, &err) ||
        grabcut_segment(ENGINE(), &mask, &image, &opts, &err)) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    if (grabcut_cutout(&out, &image, &mask, GRABCUT_CUTOUT_BLACK)) {
        return 1;
    }
    int wrong = wrong_pixels(&mask);
    printf("grabcut %s (headers %s), engine %s: %d wrong pixels\n", grabcut_version(),
           GRABCUT_VERSION, ENGINE()->name, wrong);
    grabcut_free(file);
    grabcut_image_free(&drawn);
    grabcut_image_free(&image);
    grabcut_image_free(&mask);
    grabcut_image_free(&out);
    return wrong ? 1 : 0;
}
