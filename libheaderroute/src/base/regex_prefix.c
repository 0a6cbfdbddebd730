/* The text that all matches of a pattern begin with, derived from the pattern. */

#include "regex_prefix.h"

#include <stdbool.h>
#include <string.h>

#include "text.h"

/* The place of the ']' of a [:alpha:] that begins at `at`; `at` if there is none, and the bracket
 * is a literal character. */
static size_t skip_class_name(hr_str p, size_t at) {
    for (size_t i = at + 2; i + 1 < p.len && p.p[at + 1] == ':'; i++)
        if (p.p[i] == ':' && p.p[i + 1] == ']')
            return i + 1;
    return at;
}

size_t hr_regex_class_end(hr_str p, size_t at) {
    size_t i = at + 1;
    if (i < p.len && p.p[i] == '^')
        i++;
    if (i < p.len && p.p[i] == ']') /* as the first character of a class it is a literal */
        i++;
    while (i < p.len && p.p[i] != ']') {
        if (p.p[i] == '[')
            i = skip_class_name(p, i);
        else if (p.p[i] == '\\')
            i++;
        i++;
    }
    return i + 1;
}

/* An alternative outside of groups begins with other text. Quoting (\Q) is not analyzed. */
bool hr_regex_has_alternatives(hr_str p) {
    int depth = 0;
    for (size_t i = 0; i < p.len; i++) {
        if (p.p[i] == '[') {
            i = hr_regex_class_end(p, i) - 1;
            continue;
        }
        if (p.p[i] == '\\') {
            i++;
            if (i < p.len && p.p[i] == 'Q')
                return true;
            continue;
        }
        depth += (p.p[i] == '(') - (p.p[i] == ')');
        if (p.p[i] == '|' && depth <= 0)
            return true;
    }
    return false;
}

size_t hr_regex_group_end(hr_str p, size_t at, bool *alternatives) {
    int depth = 0;
    for (size_t i = at; i < p.len; i++) {
        if (p.p[i] == '[') {
            i = hr_regex_class_end(p, i) - 1;
            continue;
        }
        if (p.p[i] == '\\') {
            i++;
            continue;
        }
        depth += (p.p[i] == '(') - (p.p[i] == ')');
        *alternatives = *alternatives || (p.p[i] == '|' && depth == 1);
        if (depth == 0)
            return i + 1;
    }
    return 0;
}

/* That may let what it follows be missing. */
static bool may_drop(char c) {
    return c == '?' || c == '*' || c == '{';
}

/* (?i) and similar flags: a repetition after them applies to the item before them. */
static bool has_flags(hr_str p, size_t at) {
    size_t i = at + 2;
    if (i >= p.len || p.p[at] != '(' || p.p[at + 1] != '?')
        return false;
    while (i < p.len && p.p[i] != '\0' && strchr("imsU-", p.p[i]) != NULL)
        i++;
    return i < p.len && p.p[i] == ')';
}

hr_str hr_regex_literal_prefix(hr_str pattern, char *buf, size_t *rest) {
    static const char meta[] = "\\^$.[]|()?*+{}";
    size_t n = 0, last_n = 0, last = 0, i = 0;
    if (hr_regex_has_alternatives(pattern))
        pattern.len = 0;
    if (pattern.len > 1 && pattern.p[0] == '^' && !may_drop(pattern.p[1]) && pattern.p[1] != '+')
        last = i = 1;
    while (i < pattern.len && (unsigned char)pattern.p[i] < 0x80) {
        char c = pattern.p[i];
        bool escaped = c == '\\' && i + 1 < pattern.len &&
                       strchr("\\^$.[]|()?*+{}/-", pattern.p[i + 1]) != NULL;
        if (!escaped && strchr(meta, c) != NULL)
            break;
        last_n = n;
        last = i;
        buf[n++] = escaped ? pattern.p[i + 1] : c;
        i += escaped ? 2 : 1;
    }
    /* A repeated item belongs to the rest. */
    size_t behind = i < pattern.len && pattern.p[i] == '+' ? i + 1 : i;
    if (behind > i && behind < pattern.len && pattern.p[behind] == '?')
        behind++;
    bool repeated =
        has_flags(pattern, behind) ||
        (i < pattern.len && (may_drop(pattern.p[i]) || (pattern.p[i] == '+' && rest != NULL)));
    if (repeated) {
        n = last_n;
        i = last;
    }
    if (rest != NULL)
        *rest = n == 0 ? 0 : i;
    return hr_str_of(buf, n);
}
