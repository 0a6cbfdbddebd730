/*
 * --body-header on any body: what is found does not depend on the pieces in which the body came,
 * and is a value that a header may hold. The first byte chooses the pieces; the path is read as
 * one, too.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "body_header.h"

static const char *const texts[] = {"x-a=$.a", "x-b=$.a.b", "x-model=$.model", "x-name=model_name"};
enum { RULES = sizeof(texts) / sizeof(texts[0]) };

static sv_body_reader *read_in_steps(const sv_body_rule *rules, const char *bytes, size_t n,
                                     size_t step) {
    sv_body_reader *reader = sv_body_reader_new(rules, RULES);
    for (size_t at = 0; at < n;) {
        at += step < n - at ? step : n - at;
        if (!sv_body_reader_read(reader, bytes, at, at == n))
            break;
    }
    sv_body_reader_end(reader);
    return reader;
}

static void check_value(hr_str s) {
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.p[i] < ' ' || s.p[i] == 127)
            abort();
    if (s.p != NULL && (s.len == 0 || s.len > SV_BODY_MAX_VALUE))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    sv_body_rule rules[RULES];
    char why[128], buf[SV_BODY_MAX_VALUE];
    if (size == 0)
        return 0;
    for (size_t i = 0; i < RULES; i++)
        if (sv_body_rule_parse(&rules[i], texts[i], why, sizeof(why)) != 0)
            abort();
    const char *bytes = (const char *)data + 1;
    sv_body_reader *whole = read_in_steps(rules, bytes, size - 1, size);
    sv_body_reader *pieces = read_in_steps(rules, bytes, size - 1, (size_t)data[0] + 1);
    for (size_t i = 0; i < RULES; i++) {
        hr_str a = sv_body_reader_value(whole, i), b = sv_body_reader_value(pieces, i);
        check_value(a);
        if (a.len != b.len || (a.p == NULL) != (b.p == NULL) ||
            (a.len > 0 && memcmp(a.p, b.p, a.len) != 0))
            abort();
    }
    sv_body_reader_free(whole);
    sv_body_reader_free(pieces);
    check_value(sv_body_model_of_path((hr_str){bytes, size - 1}, buf, sizeof(buf)));
    return 0;
}
