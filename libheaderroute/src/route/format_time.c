/* Writes a point in time in the format of %START_TIME(FORMAT)%. */
#include "format_time.h"

#include <stdio.h>
#include <time.h>

#define LONGEST 1000

typedef struct moment {
    struct tm tm;
    int64_t seconds;
    unsigned us;
} moment;

typedef struct time_text {
    char p[LONGEST + 1];
    size_t len;
} time_text;

static void time_put(time_text *t, const char *p, size_t len) {
    if (len > LONGEST - t->len)
        len = LONGEST - t->len;
    memcpy(t->p + t->len, p, len);
    t->len += len;
}

/* The first `digits` (1 to 9) of the fraction of a second. */
static void time_put_fraction(time_text *t, const moment *m, size_t digits) {
    char text[16];
    snprintf(text, sizeof(text), "%06u000", m->us);
    time_put(t, text, digits);
}

static bool time_digit(char c) {
    return c >= '1' && c <= '9';
}

/* First pass, as in Envoy's DateFormatter: %f, %s, and either with a digit between, wherever they
 * stand. */
static void time_envoy(time_text *out, const moment *m, hr_str format) {
    for (size_t i = 0; i < format.len; i++) {
        size_t digit = i + 1 < format.len && format.p[i] == '%' && time_digit(format.p[i + 1]);
        char last =
            i + digit + 1 < format.len && format.p[i] == '%' ? format.p[i + digit + 1] : '\0';
        char text[24];
        if (last == 'f')
            time_put_fraction(out, m, digit ? (size_t)(format.p[i + 1] - '0') : 9);
        else if (last == 's')
            time_put(out, text,
                     (size_t)snprintf(text, sizeof(text), "%lld", (long long)m->seconds));
        else
            time_put(out, &format.p[i], 1);
        if (last == 'f' || last == 's')
            i += digit + 1;
    }
}

/* cctz's %E...: the length of what it takes behind "%E", 0 where it is none of them. */
static size_t time_extended(time_text *out, const moment *m, hr_str rest) {
    char text[16], digits[8];
    int n = snprintf(digits, sizeof(digits), "%06u", m->us);
    while (n > 1 && digits[n - 1] == '0')
        n--;
    if (hr_str_starts(rest, HR_STR("z"))) {
        time_put(out, "+00:00", 6);
        return 1;
    }
    if (hr_str_starts(rest, HR_STR("4Y"))) {
        time_put(out, text, (size_t)snprintf(text, sizeof(text), "%04d", m->tm.tm_year + 1900));
        return 2;
    }
    if (rest.len < 2 || (rest.p[1] != 'S' && rest.p[1] != 'f') ||
        (rest.p[0] != '*' && (rest.p[0] < '0' || rest.p[0] > '9')))
        return 0;
    bool all = rest.p[0] == '*';
    size_t wanted = all ? 0 : (size_t)(rest.p[0] - '0');
    if (rest.p[1] == 'S') {
        time_put(out, text, (size_t)snprintf(text, sizeof(text), "%02d", m->tm.tm_sec));
        if (wanted > 0 || (all && m->us > 0))
            time_put(out, ".", 1);
        if (all && m->us == 0)
            return 2;
    }
    if (all)
        time_put(out, digits, (size_t)n);
    else
        time_put_fraction(out, m, wanted);
    return 2;
}

/* One conversion of strftime, which begins at s.p[at]. Returns where it ends. */
static size_t time_standard(time_text *out, const moment *m, hr_str s, size_t at) {
    char format[8], text[128];
    size_t len = 1;
    while (at + len < s.len && len < 5 && strchr("-_0^#EO", s.p[at + len]) != NULL &&
           s.p[at + len] != '\0')
        len++;
    if (at + len >= s.len) {
        time_put(out, s.p + at, s.len - at);
        return s.len;
    }
    memcpy(format, s.p + at, ++len);
    format[len] = '\0';
    size_t n = s.p[at + len - 1] == '\0' ? 0 : strftime(text, sizeof(text), format, &m->tm);
    time_put(out, text, n);
    return at + len;
}

/* The conversions of nearly all formats, without strftime, which looks at the time zone's variable.
 */
static bool time_number(time_text *out, const struct tm *tm, char conversion) {
    char text[16];
    int value = conversion == 'Y'   ? tm->tm_year + 1900
                : conversion == 'm' ? tm->tm_mon + 1
                : conversion == 'd' ? tm->tm_mday
                : conversion == 'H' ? tm->tm_hour
                : conversion == 'M' ? tm->tm_min
                : conversion == 'S' ? tm->tm_sec
                                    : -1;
    if (value < 0)
        return false;
    time_put(out, text, (size_t)snprintf(text, sizeof(text), "%02d", value));
    return true;
}

/* Second pass: what cctz does. */
static void time_cctz(time_text *out, const moment *m, hr_str s) {
    for (size_t i = 0; i < s.len;) {
        if (s.p[i] != '%') {
            time_put(out, &s.p[i++], 1);
            continue;
        }
        char next = i + 1 < s.len ? s.p[i + 1] : '\0';
        size_t extended = next == 'E' ? time_extended(out, m, hr_str_tail(s, i + 2)) : 0;
        if (extended > 0) {
            i += 2 + extended;
        } else if (time_number(out, &m->tm, next)) {
            i += 2;
        } else if (next == 'Z') {
            time_put(out, "UTC", 3);
            i += 2;
        } else if (next >= '0' && next <= '9') { /* no conversion */
            time_put(out, &s.p[i++], 1);
        } else {
            i = time_standard(out, m, s, i);
        }
    }
}

void hr_put_time(hr_sbuf *s, int64_t us, hr_str format) {
    moment m = {.seconds = us / 1000000, .us = (unsigned)(us % 1000000)};
    time_t seconds = (time_t)m.seconds;
    time_text first = {.len = 0}, second = {.len = 0};
    if (us < 0 || gmtime_r(&seconds, &m.tm) == NULL)
        return;
    time_envoy(&first, &m, format.len == 0 ? HR_STR("%Y-%m-%dT%H:%M:%S.%3fZ") : format);
    time_cctz(&second, &m, hr_str_of(first.p, first.len));
    hr_sbuf_put(s, hr_str_of(second.p, second.len));
}
