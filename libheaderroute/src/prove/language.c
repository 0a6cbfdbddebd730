/* A set of texts: what one condition of a rule admits for an attribute. */
#include "language.h"

#include "host_index.h"
#include "regex_prefix.h"

/* ---- membership ---- */

static bool host_suffix_has(hr_str suffix, hr_str value) {
    hr_str host = hr_authority_host(value);
    return host.len > suffix.len &&
           hr_str_eq_nocase(hr_str_tail(host, host.len - suffix.len), suffix);
}

static bool window_has(const hr_language *l, hr_str value, bool open) {
    if (value.len < l->skip)
        return false;
    hr_str rest = hr_str_tail(value, l->skip);
    return open ? hr_str_starts(rest, l->text) : hr_str_eq(rest, l->text);
}

bool hr_language_has(const hr_language *l, hr_str value) {
    switch ((hr_language_kind)l->kind) {
    case HR_LANG_EXACT:
        return l->ignore_case ? hr_str_eq_nocase(value, l->text) : hr_str_eq(value, l->text);
    case HR_LANG_PREFIX:
        return l->ignore_case ? hr_str_starts_nocase(value, l->text)
                              : hr_str_starts(value, l->text);
    case HR_LANG_PATH_PREFIX:
        return hr_str_starts(value, l->text) &&
               (value.len == l->text.len || value.p[l->text.len] == '/');
    case HR_LANG_REGEX:
        return l->regex != NULL && hr_regex_match(l->regex, value);
    case HR_LANG_HOST:
        return hr_str_eq_nocase(hr_authority_host(value), l->text);
    case HR_LANG_HOST_SUFFIX:
        return host_suffix_has(l->text, value);
    case HR_LANG_WINDOW:
        return window_has(l, value, false);
    case HR_LANG_WINDOW_OPEN:
        return window_has(l, value, true);
    }
    return false;
}

/* ---- as an automaton ---- */

/* What follows RE2's backslash, written so that the letter case is ignored. */
static size_t put_nocase(char *p, char c) {
    char lower = hr_lower(c);
    if (lower >= 'a' && lower <= 'z') {
        p[0] = '[';
        p[1] = lower;
        p[2] = (char)(lower - 32);
        p[3] = ']';
        return 4;
    }
    bool plain = (c >= '0' && c <= '9') || c == '_' || (unsigned char)c >= 0x80;
    if (!plain)
        *p++ = '\\';
    *p = c;
    return plain ? 1 : 2;
}

/* Something, then the suffix, then a port or none; which authorities there are at all is the
 * domain's to say. */
static hr_str suffix_pattern(hr_arena *b, hr_str suffix) {
    static const char head[] = "\\C+", tail[] = "(:\\C*)?";
    char *p = HR_ARRAY(b, char, suffix.len * 4 + sizeof(head) + sizeof(tail));
    if (p == NULL)
        return HR_STR("");
    memcpy(p, head, sizeof(head) - 1);
    size_t n = sizeof(head) - 1;
    for (size_t i = 0; i < suffix.len; i++)
        n += put_nocase(p + n, suffix.p[i]);
    memcpy(p + n, tail, sizeof(tail) - 1);
    return hr_str_of(p, n + sizeof(tail) - 1);
}

bool hr_language_prepare(hr_arena *b, hr_language *l) {
    if (l->kind != HR_LANG_REGEX && l->kind != HR_LANG_HOST_SUFFIX)
        return true;
    if (!l->tried) {
        l->tried = true;
        hr_str pattern = l->kind == HR_LANG_REGEX ? l->text : suffix_pattern(b, l->text);
        l->automaton = hr_automaton_new(b, pattern, &l->uncovered);
    }
    return l->automaton != NULL;
}

/* States of texts: 1 plus the number of bytes read; past the end of a prefix there is one state
 * more. */
uint32_t hr_language_start(const hr_language *l) {
    return l->automaton != NULL ? hr_automaton_start(l->automaton) : 1;
}

static bool same_byte(const hr_language *l, size_t at, uint8_t byte) {
    bool nocase = l->ignore_case || l->kind == HR_LANG_HOST;
    return nocase ? hr_lower(l->text.p[at]) == hr_lower((char)byte) : l->text.p[at] == (char)byte;
}

/* Behind a host: nothing, or ':' and a port. */
static uint32_t port_step(const hr_language *l, uint32_t state, uint8_t byte) {
    if (state - 1 == l->text.len)
        return byte == ':' ? state + 1 : HR_STATE_DEAD;
    return byte != ']' && byte != ':' ? state : HR_STATE_DEAD;
}

static uint32_t text_step(const hr_language *l, uint32_t state, uint8_t byte) {
    size_t read = state - 1;
    bool window = l->kind == HR_LANG_WINDOW || l->kind == HR_LANG_WINDOW_OPEN;
    size_t skip = window ? l->skip : 0;
    if (read < skip)
        return state + 1;
    if (read - skip < l->text.len)
        return same_byte(l, read - skip, byte) ? state + 1 : HR_STATE_DEAD;
    if (l->kind == HR_LANG_HOST)
        return port_step(l, state, byte);
    if (l->kind == HR_LANG_PATH_PREFIX) /* the state behind the text, then one behind the slash */
        return read > l->text.len ? state : byte == '/' ? state + 1 : HR_STATE_DEAD;
    return l->kind == HR_LANG_PREFIX || l->kind == HR_LANG_WINDOW_OPEN ? state : HR_STATE_DEAD;
}

uint32_t hr_language_step(hr_arena *b, hr_language *l, uint32_t state, uint8_t byte,
                          hr_work *work) {
    if (l->automaton != NULL)
        return hr_automaton_step(b, l->automaton, state, byte, work);
    return state == HR_STATE_DEAD ? HR_STATE_DEAD : text_step(l, state, byte);
}

bool hr_language_accepts(const hr_language *l, uint32_t state) {
    if (l->automaton != NULL)
        return hr_automaton_accepts(l->automaton, state);
    bool window = l->kind == HR_LANG_WINDOW || l->kind == HR_LANG_WINDOW_OPEN;
    return state != HR_STATE_DEAD && state - 1 >= (window ? l->skip : 0) + l->text.len;
}

void hr_language_cuts(const hr_language *l, bool *cut) {
    if (l->automaton != NULL) {
        hr_automaton_cuts(l->automaton, cut);
        return;
    }
    bool nocase = l->ignore_case || l->kind == HR_LANG_HOST;
    for (size_t i = 0; i < l->text.len; i++) {
        uint8_t c = (uint8_t)l->text.p[i], lower = (uint8_t)hr_lower((char)c);
        cut[c] = cut[c + 1] = true;
        if (!nocase || lower < 'a' || lower > 'z')
            continue;
        cut[lower] = cut[lower + 1] = true;
        cut[lower - 32] = cut[lower - 31] = true;
    }
    if (l->kind == HR_LANG_PATH_PREFIX)
        cut['/'] = cut['/' + 1] = true;
    if (l->kind == HR_LANG_HOST)
        cut[':'] = cut[':' + 1] = cut[']'] = cut[']' + 1] = true;
}

void hr_language_finish(hr_arena *b, hr_language *l) {
    l->begins = HR_STR("");
    bool text =
        l->kind == HR_LANG_EXACT || l->kind == HR_LANG_PREFIX || l->kind == HR_LANG_PATH_PREFIX;
    if (text && !l->ignore_case)
        l->begins = l->text;
    char *room = l->kind == HR_LANG_REGEX ? HR_ARRAY(b, char, l->text.len + 1) : NULL;
    if (room != NULL)
        l->begins = hr_regex_literal_prefix(l->text, room, NULL);
}
