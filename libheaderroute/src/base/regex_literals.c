/* Texts that all matches of a pattern have, read off the pattern: what rules a subject out without
 * running the regex. */
#include "regex_literals.h"

#include <stdbool.h>
#include <string.h>

#include "regex_prefix.h"
#include "text.h"

typedef struct scan {
    hr_str p;
    size_t at;
    char *run; /* the text under way */
    size_t n;
    hr_str *longest; /* has room for the pattern */
    bool unknown;    /* a construct that is not looked into: nothing is certain */
} scan;

/* The text under way ends: what follows need not come directly behind it. */
static void end_run(scan *s) {
    if (s->n > s->longest->len) {
        memcpy((char *)s->longest->p, s->run, s->n);
        s->longest->len = s->n;
    }
    s->n = 0;
}

/* {2}, {2,}, {2,3}: its length; 0 if the brace is a character. */
static size_t counted_length(hr_str p, size_t at) {
    size_t i = at + 1;
    while (i < p.len && (p.p[i] == ',' || (p.p[i] >= '0' && p.p[i] <= '9')))
        i++;
    return i > at + 1 && i < p.len && p.p[i] == '}' ? i + 1 - at : 0;
}

/* Behind the repetitions of an element. Returns whether the element may be missing. */
static bool skip_repetition(scan *s) {
    bool droppable = false;
    while (s->at < s->p.len) {
        char c = s->p.p[s->at];
        size_t counted = c == '{' ? counted_length(s->p, s->at) : 0;
        if (c != '*' && c != '+' && c != '?' && counted == 0)
            break;
        droppable = droppable || c != '+';
        s->at += counted > 0 ? counted : 1;
    }
    return droppable;
}

static void put_character(scan *s, char c) {
    size_t behind = s->at;
    bool droppable = skip_repetition(s);
    if (!droppable)
        s->run[s->n++] = c;
    if (s->at > behind)
        end_run(s);
}

/* Anything else that matches some text. */
static void skip_element(scan *s, size_t length) {
    end_run(s);
    s->at += length;
    skip_repetition(s);
}

static void scan_escape(scan *s) {
    char c = s->at + 1 < s->p.len ? s->p.p[s->at + 1] : '\0';
    if (c != '\0' && strchr("dDsSwWbB", c) != NULL) {
        skip_element(s, 2);
        return;
    }
    s->unknown = c == '\0' || strchr("\\^$.[]|()?*+{}/-:;,=_@ \"'<>&%#!~", c) == NULL;
    s->at += 2;
    if (!s->unknown)
        put_character(s, c);
}

static void scan_sequence(scan *s, size_t end);

/* What is in a group is in every match, unless the group may be missing or has alternatives. */
static void scan_group(scan *s) {
    bool alternatives = false;
    size_t begin = s->at + 1, end = hr_regex_group_end(s->p, s->at, &alternatives);
    end_run(s);
    s->unknown = end == 0;
    if (begin < end && s->p.p[begin] == '?') {
        s->unknown = s->p.p[begin + 1] != ':'; /* flags, names */
        begin += 2;
    }
    s->at = end;
    bool droppable = skip_repetition(s);
    size_t behind = s->at;
    if (s->unknown || alternatives || droppable)
        return;
    s->at = begin;
    scan_sequence(s, end - 1);
    end_run(s);
    s->at = behind;
}

static void scan_sequence(scan *s, size_t end) {
    while (s->at < end && !s->unknown) {
        char c = s->p.p[s->at];
        if (c == '\\')
            scan_escape(s);
        else if (c == '(')
            scan_group(s);
        else if (c == '[')
            skip_element(s, hr_regex_class_end(s->p, s->at) - s->at);
        else if (c == '$' && s->at + 1 == s->p.len)
            s->at++; /* the end is the end of the subject */
        else if (strchr(".^$|)*+?{", c) != NULL || (unsigned char)c >= 0x80 || c == '\0')
            skip_element(s, 1);
        else {
            s->at++;
            put_character(s, c);
        }
    }
}

void hr_regex_literals(hr_str pattern, char *buf, hr_str *inside, hr_str *suffix) {
    char *run = buf + pattern.len, *last = buf + 2 * pattern.len;
    *inside = hr_str_of(buf, 0);
    *suffix = hr_str_of(last, 0);
    size_t rest = 0;
    hr_regex_literal_prefix(pattern, buf, &rest);
    if (hr_regex_has_alternatives(pattern))
        return;
    scan s = {.p = pattern, .at = rest, .run = run, .longest = inside};
    scan_sequence(&s, pattern.len);
    if (!s.unknown) {
        memcpy(last, run, s.n);
        suffix->len = s.n;
        end_run(&s);
    }
    if (s.unknown)
        inside->len = 0;
}
