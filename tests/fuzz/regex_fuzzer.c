/* Regexes: prove/'s parser and automaton against RE2, on bytes as they come and on patterns made of
 * them. */
#include <stdlib.h>

#include "regex_pair.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    char pattern[200], text[200];
    regex_tally tally = {0};
    if (size < 2 || size > 300)
        return 0;
    regex_source s = {.data = data + 1, .size = size - 1};
    hr_str p = {pattern, 0}, t = {text, 0};
    if (data[0] % 2 == 0) {
        p.len = regex_make_pattern(&s, pattern, sizeof(pattern));
        t.len = regex_make_text(&s, p, text, sizeof(text));
    } else {
        size_t split = data[1] % (size - 1) + 1;
        p = (hr_str){(const char *)data + 1, split - 1};
        t = (hr_str){(const char *)data + split, size - split};
    }
    if (!regex_pair_agrees(p, &t, 1, &tally))
        abort();
    return 0;
}
