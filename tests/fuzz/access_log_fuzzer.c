/* Lines of access logs on any bytes: what is read lies within the line, and is a request or not. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "access_log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Reads every byte, so that a sanitizer sees one that is outside. */
static size_t sum_of(hr_str s) {
    size_t sum = 0;
    for (size_t i = 0; i < s.len; i++)
        sum += (unsigned char)s.p[i];
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const char *const names[] = {"x-beta", "user-agent", "z", "referer", ""};
    char *text = malloc(size + 1);
    cli_log_line line;
    volatile size_t sum = 0;
    if (text == NULL)
        return 0;
    if (size > 0)
        memcpy(text, data, size);
    const char *wrong = cli_log_read(&line, text, size);
    if (wrong == NULL && (line.method.p == NULL || line.path.p == NULL))
        abort();
    if (wrong == NULL)
        sum +=
            sum_of(line.method) + sum_of(line.path) + sum_of(line.authority) + sum_of(line.scheme);
    for (size_t i = 0; wrong == NULL && i < sizeof(names) / sizeof(names[0]); i++) {
        hr_str value = {0};
        if (cli_log_header(&value, &line, names[i]) == CLI_LOG_VALUE)
            sum += sum_of(value);
    }
    cli_log_release(&line);
    free(text);
    return 0;
}
