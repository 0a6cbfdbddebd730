/* `[2001:db8::]`: in flow style libyaml refuses a ':' inside a plain scalar that one of ",?[]{}"
 * follows, while go-yaml, which Kubernetes' tools use, reads it as a part of the scalar. */
#include "yaml_colon.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

/* Inside a plain scalar: behind a quote or a bracket a ':' separates a key from its value. */
static bool ends_scalar(hr_str text, size_t at) {
    return at > 0 && at + 1 < text.len && text.p[at] == ':' && text.p[at + 1] != '\0' &&
           text.p[at - 1] != '\0' && strchr(",?[]{}", text.p[at + 1]) != NULL &&
           strchr("\"'[]{}, \t\r\n", text.p[at - 1]) == NULL;
}

static bool has(hr_str text, hr_str part) {
    for (size_t at = hr_str_find(text, part.p[0], 0); at + part.len <= text.len;
         at = hr_str_find(text, part.p[0], at + 1))
        if (memcmp(text.p + at, part.p, part.len) == 0)
            return true;
    return false;
}

/* The first private-use character (from U+E000 on) that the text contains neither literally nor as
 * an escape. */
static bool choose_colon(char *stand_in, hr_str text) {
    if (has(text, HR_STR("\\uE0")) || has(text, HR_STR("\\ue0")) || has(text, HR_STR("\\U0000")))
        return false;
    for (unsigned c = 0xE000; c < 0xE040; c++) {
        stand_in[0] = (char)(0xE0 | c >> 12);
        stand_in[1] = (char)(0x80 | (c >> 6 & 0x3F));
        stand_in[2] = (char)(0x80 | (c & 0x3F));
        if (!has(text, hr_str_of(stand_in, HR_COLON_BYTES)))
            return true;
    }
    return false;
}

int hr_colon_replace(hr_colon *out, hr_str text) {
    size_t n = 0;
    for (size_t i = 0; i < text.len; i++)
        n += ends_scalar(text, i);
    if (n == 0 || !choose_colon(out->stand_in, text))
        return HR_ENOENT;
    out->text = malloc(text.len + n * (HR_COLON_BYTES - 1));
    if (out->text == NULL)
        return HR_ENOMEM;
    out->len = 0;
    for (size_t i = 0; i < text.len; i++) {
        size_t bytes = ends_scalar(text, i) ? HR_COLON_BYTES : 1;
        memcpy(out->text + out->len, bytes > 1 ? out->stand_in : text.p + i, bytes);
        out->len += bytes;
    }
    return HR_OK;
}

size_t hr_colon_restore(const hr_colon *colon, char *p, size_t len) {
    size_t kept = 0;
    for (size_t i = 0; i < len;) {
        bool found =
            len - i >= HR_COLON_BYTES && memcmp(p + i, colon->stand_in, HR_COLON_BYTES) == 0;
        p[kept++] = found ? ':' : p[i];
        i += found ? HR_COLON_BYTES : 1;
    }
    return kept;
}
