/*
 * The corpus of a fuzz target, each file given to it once: what fuzzing found stays found, also
 * where there is no libFuzzer. Linked with the target; CORPUS is the folder below
 * tests/fuzz/corpus.
 */
#include <dirent.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <criterion/criterion.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char file[512];

static void tell(int signal) {
    ssize_t n = write(STDERR_FILENO, file, strlen(file));
    (void)n;
    n = write(STDERR_FILENO, ": the target gave up on this file\n", 34);
    raise(signal); /* the handler is gone by now */
}

static void give(const char *path) {
    FILE *in = fopen(path, "rb");
    cr_assert_not_null(in, "%s", path);
    cr_assert_eq(fseek(in, 0, SEEK_END), 0);
    long size = ftell(in);
    rewind(in);
    /* Of its very size, so that a sanitizer sees a read beyond. */
    uint8_t *data = malloc(size > 0 ? (size_t)size : 1);
    cr_assert_eq(fread(data, 1, (size_t)size, in), (size_t)size, "%s", path);
    fclose(in);
    cr_expect_eq(LLVMFuzzerTestOneInput(data, (size_t)size), 0, "%s", path);
    free(data);
}

Test(corpus, is_taken_without_a_fault) {
    static const char folder[] = HR_SOURCE_DIR "/tests/fuzz/corpus/" CORPUS;
    struct sigaction action = {.sa_handler = tell, .sa_flags = SA_RESETHAND};
    sigaction(SIGABRT, &action, NULL);
    DIR *dir = opendir(folder);
    cr_assert_not_null(dir, "%s", folder);
    size_t n = 0;
    for (struct dirent *e = readdir(dir); e != NULL; e = readdir(dir)) {
        if (e->d_name[0] == '.')
            continue;
        snprintf(file, sizeof(file), "%s/%s", folder, e->d_name);
        give(file);
        n++;
    }
    closedir(dir);
    cr_assert_gt(n, 0, "%s is empty", folder);
}
