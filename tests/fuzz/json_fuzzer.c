/*
 * A request's JSON body, and the base64 within it, on any bytes. Besides the sanitizers: what is
 * found lies within the text or its copy, decoding never makes more than was there, and what was
 * decoded encodes to the same text again, except for the unused bits of the last digit.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base64.h"
#include "json_in.h"

static void decode(char *p, size_t len) {
    char *copy = malloc(len + 1), *again;
    size_t decoded = len, where;
    memcpy(copy, p, len);
    bool ok = hr_base64_decode(copy, &decoded, &where);
    if (!ok && where > len)
        abort();
    if (ok) {
        if (decoded > len / 4 * 3 || hr_base64_length(decoded) != len)
            abort();
        again = malloc(len + 1);
        hr_base64_encode(again, copy, decoded);
        size_t settled = len < 4 ? 0 : len - 4;
        if (memcmp(again, p, settled) != 0)
            abort();
        free(again);
    }
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    hr_json_string_found found;
    char why[256] = "";
    char *text = malloc(size + 1);
    memcpy(text, data, size);
    if (hr_json_find_string(&found, text, size, "image", why, sizeof(why)) != 0) {
        if (why[0] == '\0' || found.found || found.owned != NULL)
            abort();
    } else if (found.found) {
        if (found.owned == NULL && (found.p < text || found.p + found.len > text + size))
            abort();
        decode(found.p, found.len);
    }
    free(found.owned);
    decode(text, size);
    free(text);
    return 0;
}
