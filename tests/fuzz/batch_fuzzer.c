/*
 * Requests as `headerroute route --batch` reads them, on any bytes: as many answers as lines, each
 * of them JSON, either a whole decision or an error with a sentence.
 */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "batch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static hr_table *table_of_batches(void) {
    const char *paths[] = {HR_SOURCE_DIR "/tests/headerroute/fixtures/batch.yaml"};
    hr_table *table;
    if (hr_table_load_paths(&table, NULL, paths, 1, NULL) != HR_OK) {
        fprintf(stderr, "%s does not load\n", paths[0]);
        abort();
    }
    return table;
}

static size_t lines_of(const uint8_t *data, size_t size) {
    size_t n = 0;
    for (size_t i = 0; i < size; i++)
        n += data[i] == '\n';
    return n + (size > 0 && data[size - 1] != '\n');
}

static void check_answer(const char *line, size_t len) {
    json_t *answer = json_loadb(line, len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
    if (!json_is_object(answer))
        abort();
    const json_t *error = json_object_get(answer, "error");
    if (error != NULL ? json_object_size(answer) != 1 || json_string_length(error) == 0
                      : json_string_length(json_object_get(answer, "action")) == 0 ||
                            json_object_size(answer) != 31)
        abort();
    json_decref(answer);
}

static void check_answers(const char *text, size_t len, size_t wanted) {
    size_t n = 0;
    for (size_t at = 0; at < len; n++) {
        const char *end = memchr(text + at, '\n', len - at);
        if (end == NULL)
            abort();
        check_answer(text + at, (size_t)(end - text) - at);
        at = (size_t)(end - text) + 1;
    }
    if (n != wanted)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static hr_table *table;
    if (table == NULL)
        table = table_of_batches();
    if (size == 0)
        return 0;
    cli_view defaults = {0};
    cli_batch *batch = cli_batch_new(table, &defaults, NULL);
    char *answers = NULL;
    size_t len = 0;
    FILE *in = fmemopen((void *)data, size, "r"), *out = open_memstream(&answers, &len);
    if (batch == NULL || in == NULL || out == NULL)
        abort();
    if (cli_batch_run(batch, in, out) != CLI_OK || fclose(out) != 0)
        abort();
    check_answers(answers, len, lines_of(data, size));
    fclose(in);
    free(answers);
    cli_batch_free(batch);
    return 0;
}
