/* Cuts the foreground out of every photo of a folder: segment_folder FOLDER OUT-FOLDER. */
#include <grabcut/grabcut.h>

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

typedef struct file {
    uint8_t *bytes;
    size_t len;
} file;

static int read_file(file *out, const char *path) {
    FILE *in = fopen(path, "rb");
    *out = (file){NULL, 0};
    if (in == NULL)
        return -1;
    size_t capacity = 0, got = 0;
    do {
        if (out->len == capacity) {
            capacity = capacity == 0 ? 1 << 20 : capacity * 2;
            uint8_t *grown = realloc(out->bytes, capacity);
            if (grown == NULL)
                break;
            out->bytes = grown;
        }
        got = fread(out->bytes + out->len, 1, capacity - out->len, in);
        out->len += got;
    } while (got > 0);
    int failed = ferror(in) || out->len == capacity;
    fclose(in);
    return failed ? -1 : 0;
}

static int write_file(const char *path, const uint8_t *bytes, size_t len) {
    FILE *out = fopen(path, "wb");
    if (out == NULL)
        return -1;
    size_t put = fwrite(bytes, 1, len, out);
    return fclose(out) == 0 && put == len ? 0 : -1;
}

/* From the bytes of a photo to those of a PNG. The caller frees them with grabcut_free(). */
static int cut(uint8_t **out, size_t *out_len, const file *photo, grabcut_workspace *workspace,
               grabcut_errbuf *err) {
    grabcut_image image = {0}, mask = {0}, result = {0};
    grabcut_options options = GRABCUT_OPTIONS_INIT;
    int error = grabcut_decode(&image, photo->bytes, photo->len, NULL, err);
    if (error == GRABCUT_OK)
        error = grabcut_image_alloc(&mask, image.width, image.height, 1);
    if (error == GRABCUT_OK) {
        options.rect = grabcut_rect_inset(image.width, image.height, 5);
        options.seed = 1;
        options.workspace = workspace; // its memory serves all photos
        error = grabcut_segment(grabcut_engine_fast(), &mask, &image, &options, err);
    }
    if (error == GRABCUT_OK)
        error = grabcut_cutout(&result, &image, &mask, GRABCUT_CUTOUT_ALPHA);
    if (error == GRABCUT_OK)
        error = grabcut_encode_png(out, out_len, &result, -1, err);
    grabcut_image_free(&image);
    grabcut_image_free(&mask);
    grabcut_image_free(&result);
    return error;
}

static int cut_file(const char *from, const char *to, grabcut_workspace *workspace) {
    file photo;
    uint8_t *png = NULL;
    size_t len = 0;
    grabcut_errbuf err = {""};
    int error = -1;
    if (read_file(&photo, from) != 0) {
        fprintf(stderr, "%s: cannot be read\n", from);
    } else if ((error = cut(&png, &len, &photo, workspace, &err)) != GRABCUT_OK) {
        fprintf(stderr, "%s: %s\n", from, err.text[0] != '\0' ? err.text : grabcut_strerror(error));
    } else if (write_file(to, png, len) != 0) {
        fprintf(stderr, "%s: cannot be written\n", to);
        error = -1;
    }
    free(photo.bytes);
    grabcut_free(png);
    return error;
}

static int is_photo(const struct dirent *entry) {
    static const char *const suffixes[] = {".jpg", ".jpeg", ".png", ".webp", ".bmp"};
    const char *dot = strrchr(entry->d_name, '.');
    for (size_t i = 0; dot != NULL && i < sizeof(suffixes) / sizeof(suffixes[0]); i++)
        if (strcasecmp(dot, suffixes[i]) == 0)
            return 1;
    return 0;
}

int main(int argc, char **argv) {
    struct dirent **photos;
    grabcut_workspace *workspace;
    if (argc != 3) {
        fprintf(stderr, "usage: %s FOLDER OUT-FOLDER\n", argv[0]);
        return 2;
    }
    int n = scandir(argv[1], &photos, is_photo, alphasort);
    if (n < 0 || grabcut_workspace_new(&workspace) != GRABCUT_OK) {
        fprintf(stderr, "%s: cannot be read\n", argv[1]);
        return 1;
    }
    int failed = 0;
    for (int i = 0; i < n; i++) {
        char from[PATH_MAX], to[PATH_MAX];
        const char *name = photos[i]->d_name;
        int stem = (int)(strrchr(name, '.') - name);
        int from_len = snprintf(from, sizeof(from), "%s/%s", argv[1], name);
        int to_len = snprintf(to, sizeof(to), "%s/%.*s.png", argv[2], stem, name);
        if (from_len >= PATH_MAX || to_len >= PATH_MAX) {
            fprintf(stderr, "%s: its path is too long\n", name);
            failed++;
        } else {
            failed += cut_file(from, to, workspace) != GRABCUT_OK;
        }
        free(photos[i]);
    }
    free(photos);
    grabcut_workspace_free(workspace);
    printf("%d ok, %d failed\n", n - failed, failed);
    return failed != 0;
}
