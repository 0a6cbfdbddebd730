/* Resolves the type of a plain YAML scalar by the rules of go-yaml v2. */
#include "scalar.h"

#include <locale.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "hex.h"

/* Longer than any number that 64 bits or a double can distinguish from another. */
#define LONGEST_NUMBER 400

static const struct {
    const char *text;
    hr_node_kind kind;
    int truth;
} words[] = {
    {"true", HR_NODE_BOOL, 1},   {"True", HR_NODE_BOOL, 1},   {"TRUE", HR_NODE_BOOL, 1},
    {"false", HR_NODE_BOOL, 0},  {"False", HR_NODE_BOOL, 0},  {"FALSE", HR_NODE_BOOL, 0},
    {"y", HR_NODE_BOOL, 1},      {"Y", HR_NODE_BOOL, 1},      {"yes", HR_NODE_BOOL, 1},
    {"Yes", HR_NODE_BOOL, 1},    {"YES", HR_NODE_BOOL, 1},    {"n", HR_NODE_BOOL, 0},
    {"N", HR_NODE_BOOL, 0},      {"no", HR_NODE_BOOL, 0},     {"No", HR_NODE_BOOL, 0},
    {"NO", HR_NODE_BOOL, 0},     {"on", HR_NODE_BOOL, 1},     {"On", HR_NODE_BOOL, 1},
    {"ON", HR_NODE_BOOL, 1},     {"off", HR_NODE_BOOL, 0},    {"Off", HR_NODE_BOOL, 0},
    {"OFF", HR_NODE_BOOL, 0},    {"~", HR_NODE_NULL, 0},      {"null", HR_NODE_NULL, 0},
    {"Null", HR_NODE_NULL, 0},   {"NULL", HR_NODE_NULL, 0},   {".nan", HR_NODE_FLOAT, 0},
    {".NaN", HR_NODE_FLOAT, 0},  {".NAN", HR_NODE_FLOAT, 0},  {".inf", HR_NODE_FLOAT, 0},
    {".Inf", HR_NODE_FLOAT, 0},  {".INF", HR_NODE_FLOAT, 0},  {"+.inf", HR_NODE_FLOAT, 0},
    {"+.Inf", HR_NODE_FLOAT, 0}, {"+.INF", HR_NODE_FLOAT, 0}, {"-.inf", HR_NODE_FLOAT, 0},
    {"-.Inf", HR_NODE_FLOAT, 0}, {"-.INF", HR_NODE_FLOAT, 0},
};

/* Copies the text without underscores, zero-terminated. Returns 0 if it is too long to be a number.
 * */
static int plain_of(char plain[LONGEST_NUMBER + 1], hr_str text) {
    if (text.len > LONGEST_NUMBER)
        return 0;
    size_t n = 0;
    for (size_t i = 0; i < text.len; i++)
        if (text.p[i] != '_')
            plain[n++] = text.p[i];
    plain[n] = '\0';
    return n > 0;
}

/* Magnitude and sign of an integer literal of Go: decimal, 0x, 0o or 0 for octal, 0b. */
static int integer_of(uint64_t *out, bool *negative, const char *s) {
    *negative = *s == '-';
    if (*s == '-' || *s == '+')
        s++;
    unsigned base = 10;
    if (s[0] == '0' && s[1] != '\0') {
        char c = (char)(s[1] | 0x20);
        base = c == 'x' ? 16 : c == 'b' ? 2 : 8;
        s += c == 'x' || c == 'b' || c == 'o' ? 2 : 1;
    }
    if (*s == '\0')
        return 0;
    uint64_t v = 0;
    for (; *s != '\0'; s++) {
        unsigned digit = (unsigned)hr_hex_digit(*s); /* -1 is more than any base */
        if (digit >= base || v > (UINT64_MAX - digit) / base)
            return 0;
        v = v * base + digit;
    }
    *out = v;
    return 1;
}

static int is_integer(const char *plain) {
    uint64_t magnitude;
    bool negative;
    if (!integer_of(&magnitude, &negative, plain))
        return 0;
    /* An unsigned reading has no sign, not even a plus. */
    return negative ? magnitude <= (uint64_t)INT64_MAX + 1
                    : magnitude <= INT64_MAX || *plain != '+';
}

static size_t digits(const char *s) {
    return strspn(s, "0123456789");
}

/* [-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)? */
static int is_float(const char *s) {
    if (*s == '-' || *s == '+')
        s++;
    size_t whole = digits(s), fraction = 0;
    s += whole;
    if (*s == '.') {
        fraction = digits(s + 1);
        s += 1 + fraction;
    }
    if (whole + fraction == 0)
        return 0;
    if (*s == 'e' || *s == 'E') {
        s++;
        if (*s == '-' || *s == '+')
            s++;
        size_t exponent = digits(s);
        if (exponent == 0)
            return 0;
        s += exponent;
    }
    return *s == '\0';
}

/* strtod, independent of the decimal point of the locale. Returns 0 if the text is not a number to
 * its end. */
static int scalar_number(double *out, const char *plain) {
    char local[LONGEST_NUMBER + 8];
    const char *point = localeconv()->decimal_point;
    size_t n = 0;
    for (const char *s = plain; *s != '\0'; s++) {
        if (*s != '.')
            local[n++] = *s;
        else if (strlen(point) < 8 && memchr(plain, '.', (size_t)(s - plain)) == NULL)
            n += strlen(strcpy(local + n, point));
        else
            return 0;
    }
    local[n] = '\0';
    char *end;
    *out = strtod(local, &end);
    return *end == '\0';
}

int hr_scalar_int(int64_t *out, hr_str text) {
    char plain[LONGEST_NUMBER + 1];
    uint64_t magnitude;
    bool negative;
    if (!plain_of(plain, text))
        return 0;
    if (!integer_of(&magnitude, &negative, plain)) {
        /* Decimal digits after a 0 that are not an octal number: go-yaml reads a float, and JSON
         * prints it as an integer again. */
        double v;
        if (!is_float(plain) || !scalar_number(&v, plain) || v < -9007199254740992.0 ||
            v > 9007199254740992.0)
            return 0;
        *out = (int64_t)v;
        return (double)*out == v;
    }
    if (magnitude > (uint64_t)INT64_MAX + (negative ? 1 : 0))
        return 0;
    *out = negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
    return 1;
}

hr_node_kind hr_scalar_resolve(hr_str text, int *truth) {
    if (text.len == 0)
        return HR_NODE_NULL;
    char c = text.p[0];
    if (strchr("tTfFyYnNoO~.+-0123456789", c) == NULL)
        return HR_NODE_STRING;
    if (text.len <= 5)
        for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
            if (words[i].text[0] == c && strlen(words[i].text) == text.len &&
                memcmp(words[i].text, text.p, text.len) == 0) {
                *truth = words[i].truth;
                return words[i].kind;
            }
    char plain[LONGEST_NUMBER + 1];
    if (strchr(".+-0123456789", c) == NULL || !plain_of(plain, text))
        return HR_NODE_STRING;
    if (c != '.' && is_integer(plain))
        return HR_NODE_INT;
    if (!is_float(plain))
        return HR_NODE_STRING;
    /* A float without a fraction is an integer after a conversion to JSON: 08, 1e3, 5.0 */
    int64_t v;
    return hr_scalar_int(&v, text) ? HR_NODE_INT : HR_NODE_FLOAT;
}

double hr_scalar_double(hr_str text) {
    char plain[LONGEST_NUMBER + 1];
    int64_t integer;
    double v = 0;
    if (hr_scalar_int(&integer, text))
        return (double)integer;
    if (!plain_of(plain, text) || (is_float(plain) && scalar_number(&v, plain)))
        return v;
    /* only .inf, -.inf and .nan are left, or an integer beyond 64 bits */
    const char *word = strchr(plain, '.');
    if (word == NULL)
        return strtod(plain, NULL);
    if ((word[1] | 0x20) == 'n')
        return __builtin_nan("");
    return plain[0] == '-' ? -__builtin_inf() : __builtin_inf();
}

int hr_node_int(int64_t *out, const hr_node *node) {
    return node->kind == HR_NODE_INT && hr_scalar_int(out, node->u.text);
}

double hr_node_double(const hr_node *node) {
    return hr_scalar_double(node->u.text);
}
