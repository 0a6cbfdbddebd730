/* Random regexes and texts, on which the automaton of prove/ is compared with RE2. */
#include "regex_pair.h"

#include <stdio.h>
#include <string.h>

#include "automaton.h"
#include "re_parse.h"
#include "regex.h"

unsigned regex_number(regex_source *s, unsigned below) {
    if (s->data != NULL) {
        if (s->size == 0)
            return 0;
        s->size--;
        return *s->data++ % below;
    }
    s->state = s->state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(s->state >> 33) % below;
}

/* ---- patterns ---- */

typedef struct pattern_writer {
    regex_source *s;
    char *p;
    size_t n, size;
} pattern_writer;

static void pw_put(pattern_writer *w, const char *text) {
    size_t len = strlen(text);
    if (w->n + len > w->size)
        return;
    memcpy(w->p + w->n, text, len);
    w->n += len;
}

static void pw_one_of(pattern_writer *w, const char *const *texts) {
    unsigned n = 0;
    while (texts[n] != NULL)
        n++;
    pw_put(w, texts[regex_number(w->s, n)]);
}

static void pw_class(pattern_writer *w) {
    static const char *const items[] = {
        "a",     "b",     "k",         "s",          "z",
        "a-c",   "0-9",   "A-Z",       "\\d",        "\\W",
        "\\s",   "\\D",   "[:alpha:]", "[:^digit:]", "-",
        "]",     "^",     "é",         "à-ü",        "\\x{100}-\\x{20ff}",
        "\\n",   "\\]",   "\\-",       ".",          "[",
        "\\x41", "\\101", "[:word:]",  "[:nope:]",   "b-a",
        "\\b",   "*",     "|",         "\\E",        NULL};
    pw_put(w, regex_number(w->s, 3) == 0 ? "[^" : "[");
    for (unsigned i = 0, n = 1 + regex_number(w->s, 3); i < n; i++)
        pw_one_of(w, items);
    pw_put(w, "]");
}

static void pw_alternatives(pattern_writer *w, int depth);

static void pw_group(pattern_writer *w, int depth) {
    static const char *const heads[] = {
        "(",      "(?:",   "(?i:", "(?s:", "(?i-s:", "(?U:", "(?P<n>",
        "(?P<m>", "(?-i:", "(?m:", "(?=",  "(?-:",   NULL};
    pw_one_of(w, heads);
    pw_alternatives(w, depth - 1);
    pw_put(w, ")");
}

static void pw_item(pattern_writer *w, int depth) {
    static const char *const plain[] = {
        "a", "b", "c", "k", "s", "K", "/", "1", "-", "x", "é", "\xE2\x84\xAA", "]", "}", NULL};
    static const char *const special[] = {
        ".",     "\\d",       "\\w",  "\\S",         "\\W",  "\\.", "\\/",  "\\x6b", "\\x{17f}",
        "\\C",   "^",         "$",    "\\A",         "\\z",  "\\b", "\\pL", "(?i)",  "(?s)",
        "(?-i)", "\\Qa.b\\E", "\\Q*", "\\07",        "\\1",  "\\n", "\\_",  "\\Z",   "{",
        "{2",    "\\E",       "\\x",  "\\x{110000}", "\xFF", "(?)", "\\a",  "\\v",   NULL};
    unsigned choice = regex_number(w->s, 10);
    if (choice < 5 || depth == 0)
        pw_one_of(w, plain);
    else if (choice < 7)
        pw_one_of(w, special);
    else if (choice < 8)
        pw_class(w);
    else
        pw_group(w, depth);
}

static void pw_repeat(pattern_writer *w) {
    static const char *const repeats[] = {"*",     "+",      "?",     "*?",   "+?",    "??", "{2}",
                                          "{0}",   "{1,2}",  "{0,1}", "{2,}", "{1,}?", "**", "{,2}",
                                          "{2,1}", "{1001}", "{01}",  "{0,}", "{3}",   "+*", NULL};
    if (regex_number(w->s, 4) == 0)
        pw_one_of(w, repeats);
}

static void pw_alternatives(pattern_writer *w, int depth) {
    for (unsigned a = 0, n = regex_number(w->s, 4) == 0 ? 2 : 1; a < n; a++) {
        if (a > 0)
            pw_put(w, "|");
        for (unsigned i = 0, items = regex_number(w->s, 5); i < items; i++) {
            pw_item(w, depth);
            pw_repeat(w);
        }
    }
}

size_t regex_make_pattern(regex_source *s, char *buf, size_t size) {
    pattern_writer w = {s, buf, 0, size};
    pw_alternatives(&w, 3);
    if (w.n > 0 && regex_number(s, 20) == 0) /* broken off */
        w.n -= 1 + regex_number(s, (unsigned)w.n);
    return w.n;
}

/* ---- texts ---- */

size_t regex_make_text(regex_source *s, hr_str pattern, char *buf, size_t size) {
    static const char *const pieces[] = {"a",
                                         "b",
                                         "c",
                                         "k",
                                         "s",
                                         "K",
                                         "S",
                                         "/",
                                         "1",
                                         "-",
                                         "x",
                                         "é",
                                         "\xE2\x84\xAA",
                                         "\xC5\xBF",
                                         "\n",
                                         " ",
                                         "A",
                                         "ü",
                                         "\xE2\x80",
                                         "\xF4\xBF\xBF\xBF",
                                         "\xE0\x80\x80",
                                         "\xED\xA0\x80",
                                         "\xFF",
                                         "\xF0\x9F\x98\x80",
                                         ".",
                                         "\\",
                                         "*",
                                         NULL};
    pattern_writer w = {s, buf, 0, size};
    for (unsigned i = 0, n = regex_number(s, 6); i < n; i++) {
        unsigned choice = regex_number(s, 3);
        if (choice == 0 && pattern.len > 0) {
            char one[2] = {pattern.p[regex_number(s, (unsigned)pattern.len)], '\0'};
            pw_put(&w, one);
        } else {
            pw_one_of(&w, pieces);
        }
    }
    return w.n;
}

/* ---- comparison ---- */

static void print_octets(const char *name, hr_str s) {
    fprintf(stderr, "%s: ", name);
    for (size_t i = 0; i < s.len; i++)
        fprintf(stderr, s.p[i] > 0x20 && s.p[i] < 0x7F ? "%c" : "\\x%02x", (unsigned char)s.p[i]);
    fputc('\n', stderr);
}

static bool differs(const char *what, hr_str pattern, hr_str text) {
    fprintf(stderr, "prove/ and RE2 differ: %s\n", what);
    print_octets("pattern", pattern);
    print_octets("text", text);
    return false;
}

/* Runs the automaton. -1: a limit. */
static int automaton_matches(hr_arena *b, hr_automaton *a, hr_str text) {
    hr_work work = {0, UINT64_MAX};
    uint32_t state = hr_automaton_start(a);
    for (size_t i = 0; i < text.len; i++)
        state = hr_automaton_step(b, a, state, (uint8_t)text.p[i], &work);
    return state == HR_STATE_LIMIT ? -1 : hr_automaton_accepts(a, state);
}

typedef struct comparison {
    hr_str pattern;
    const hr_str *texts;
    size_t n;
    regex_tally *tally;
    const hr_regex *regex; /* NULL: RE2 refuses */
    bool too_large;        /* because of its size */
    bool agrees;
} comparison;

static bool texts_agree(hr_arena *b, comparison *c, hr_automaton *a) {
    for (size_t i = 0; i < c->n; i++) {
        int ours = automaton_matches(b, a, c->texts[i]),
            theirs = hr_regex_match(c->regex, c->texts[i]);
        if (ours >= 0 && ours != theirs)
            return differs(ours ? "only the automaton matches" : "only RE2 matches", c->pattern,
                           c->texts[i]);
        c->tally->pairs++;
        c->tally->matches += (uint64_t)theirs;
    }
    return true;
}

static void compare(hr_arena *b, comparison *c) {
    const hr_re *re;
    const char *why = NULL;
    hr_re_status status = hr_re_parse(b, &re, c->pattern, &why);
    c->tally->patterns++;
    c->tally->refused += status == HR_RE_REFUSED;
    c->tally->uncovered += status == HR_RE_UNCOVERED;
    c->agrees = true;
    if (status == HR_RE_UNCOVERED || c->too_large)
        return;
    if ((status == HR_RE_OK) != (c->regex != NULL)) {
        c->agrees = differs(status == HR_RE_OK ? "only RE2 refuses the pattern" : why, c->pattern,
                            HR_STR(""));
        return;
    }
    hr_automaton *a = status == HR_RE_OK ? hr_automaton_new(b, c->pattern, &why) : NULL;
    if (a != NULL)
        c->agrees = texts_agree(b, c, a);
}

bool regex_pair_agrees(hr_str pattern, const hr_str *texts, size_t n, regex_tally *tally) {
    char error[256] = "";
    hr_regex *regex = NULL;
    int code = hr_regex_new(&regex, NULL, pattern, error, sizeof(error));
    comparison c = {pattern, texts, n,
                    tally,   regex, strstr(error, "too large") != NULL || code == HR_ENOMEM,
                    false};
    hr_arena *arena = hr_arena_new();
    if (arena != NULL)
        compare(arena, &c);
    bool ok = arena != NULL && c.agrees && !hr_arena_failed(arena);
    hr_arena_free(arena);
    hr_regex_free(regex);
    return ok;
}

bool regex_pairs_run(uint64_t seed, uint64_t pairs, regex_tally *tally) {
    enum { TEXTS = 16, SIZE = 200 };
    regex_source s = {.state = seed};
    uint64_t end = tally->pairs + pairs;
    while (tally->pairs < end) {
        char pattern[SIZE], room[TEXTS][SIZE];
        hr_str texts[TEXTS];
        hr_str p = {pattern, regex_make_pattern(&s, pattern, sizeof(pattern))};
        for (size_t i = 0; i < TEXTS; i++)
            texts[i] = (hr_str){room[i], regex_make_text(&s, p, room[i], SIZE)};
        if (!regex_pair_agrees(p, texts, TEXTS, tally))
            return false;
    }
    return true;
}
