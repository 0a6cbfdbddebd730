/*
 * A parser of RE2's syntax with RE2's default options (https://github.com/google/re2/wiki/Syntax).
 * It accepts what RE2 accepts, except for what it does not model: Unicode classes, word boundaries,
 * line anchors and the letter case of characters beyond ASCII. Those are HR_RE_UNCOVERED.
 */
#include "re_parse.h"

#include "rune_set.h"

#define MOST_DEPTH 200
#define MOST_REPEATS 1000 /* RE2's own limit, also for the product of nested ones */

typedef struct re_flags {
    bool ignore_case, dot_newline, multi_line;
} re_flags;

typedef HR_LIST(hr_re *) re_list;

typedef struct re_parser {
    hr_arena *b;
    hr_str text;
    size_t at;
    re_flags flags;
    int depth;
    hr_re_status status;
    const char *why;
} re_parser;

static hr_re *parse_alternatives(re_parser *p);

static void re_stop(re_parser *p, hr_re_status status, const char *why) {
    if (p->status != HR_RE_OK)
        return;
    p->status = status;
    p->why = why;
}

static void re_refuse(re_parser *p, const char *why) {
    re_stop(p, HR_RE_REFUSED, why);
}

static void re_uncovered(re_parser *p, const char *why) {
    re_stop(p, HR_RE_UNCOVERED, why);
}

static hr_re *re_node(re_parser *p, hr_re_kind kind) {
    hr_re *node = HR_NEW(p->b, hr_re);
    node->kind = kind;
    return node;
}

static bool re_more(const re_parser *p) {
    return p->status == HR_RE_OK && p->at < p->text.len && !hr_arena_failed(p->b);
}

static bool re_looking_at(const re_parser *p, const char *literal) {
    return hr_str_starts(hr_str_tail(p->text, p->at), hr_str_from(literal));
}

static char re_peek(const re_parser *p) {
    return p->at < p->text.len ? p->text.p[p->at] : '\0';
}

/* ---- characters ---- */

/* The length of the UTF-8 sequence that `c` begins; 0: none. */
static size_t utf8_length(unsigned char c) {
    if (c < 0x80)
        return 1;
    if (c < 0xC2)
        return 0;
    return c < 0xE0 ? 2 : c < 0xF0 ? 3 : c < 0xF5 ? 4 : 0;
}

/* The next character; patterns are UTF-8. */
static uint32_t next_rune(re_parser *p) {
    const unsigned char *s = (const unsigned char *)p->text.p + p->at;
    size_t n = utf8_length(s[0]);
    if (n == 0 || n > p->text.len - p->at) {
        re_refuse(p, "invalid UTF-8");
        return 0;
    }
    uint32_t rune = n == 1 ? s[0] : s[0] & (0x7FU >> n);
    for (size_t i = 1; i < n; i++) {
        if ((s[i] & 0xC0) != 0x80)
            re_refuse(p, "invalid UTF-8");
        rune = rune << 6 | (s[i] & 0x3F);
    }
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (rune < least[n] || rune > HR_MAX_RUNE)
        re_refuse(p, "invalid UTF-8");
    p->at += n;
    return rune;
}

static void add_runes(re_parser *p, hr_rune_set *set, uint32_t lo, uint32_t hi) {
    if (!p->flags.ignore_case)
        hr_runes_add(p->b, set, lo, hi);
    else if (!hr_runes_add_folded(p->b, set, lo, hi))
        re_uncovered(p, "the letter case of a character beyond ASCII");
}

static hr_re *literal_node(re_parser *p, uint32_t rune) {
    hr_re *node = re_node(p, HR_RE_RUNES);
    add_runes(p, &node->runes, rune, rune);
    return node;
}

static hr_re *dot_node(re_parser *p) {
    hr_re *node = re_node(p, HR_RE_RUNES);
    hr_runes_add(p->b, &node->runes, 0, HR_MAX_RUNE);
    if (p->flags.dot_newline)
        return node;
    node->runes = (hr_rune_set){0};
    hr_runes_add(p->b, &node->runes, '\n', '\n');
    hr_runes_negate(p->b, &node->runes);
    return node;
}

/* ---- escapes ---- */

static int re_hex(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    c = hr_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Behind \x: two digits, or any number of them in braces. */
static uint32_t hex_escape(re_parser *p) {
    uint32_t rune = 0;
    size_t digits = 0;
    bool braces = re_peek(p) == '{';
    p->at += braces;
    while (p->at < p->text.len && (braces || digits < 2) && re_hex(re_peek(p)) >= 0) {
        rune = rune * 16 + (uint32_t)re_hex(re_peek(p));
        if (rune > HR_MAX_RUNE)
            re_refuse(p, "invalid escape sequence");
        digits++;
        p->at++;
        if (p->status != HR_RE_OK)
            return 0;
    }
    if (braces ? digits == 0 || re_peek(p) != '}' : digits != 2)
        re_refuse(p, "invalid escape sequence");
    p->at += braces;
    return rune;
}

static bool is_octal(char c) {
    return c >= '0' && c <= '7';
}

static uint32_t octal_escape(re_parser *p, char first) {
    uint32_t rune = (uint32_t)(first - '0');
    for (int i = 0; i < 2 && is_octal(re_peek(p)); i++)
        rune = rune * 8 + (uint32_t)(p->text.p[p->at++] - '0');
    return rune;
}

/* An escape that stands for one character; p is behind the backslash. */
static uint32_t escaped_rune(re_parser *p) {
    static const char letters[] = "afnrtv", values[] = "\a\f\n\r\t\v";
    if (p->at >= p->text.len) {
        re_refuse(p, "trailing \\");
        return 0;
    }
    uint32_t c = next_rune(p);
    if (p->status != HR_RE_OK)
        return 0;
    if (c >= '1' && c <= '7' && is_octal(re_peek(p)))
        return octal_escape(p, (char)c);
    if (c == '0')
        return octal_escape(p, '0');
    if (c == 'x')
        return hex_escape(p);
    const char *found = c > 0 && c < 0x80 ? strchr(letters, (int)c) : NULL;
    if (found != NULL)
        return (uint32_t)values[found - letters];
    bool word = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    if (c >= 0x80 || word)
        re_refuse(p, "invalid escape sequence");
    return c;
}

/* \d \D \s \S \w \W, read into *set. false: it is another escape. */
static bool perl_class(re_parser *p, hr_rune_set *set) {
    if (p->at + 1 >= p->text.len || p->text.p[p->at] != '\\')
        return false;
    char c = p->text.p[p->at + 1], lower = hr_lower(c);
    if (lower != 'd' && lower != 's' && lower != 'w')
        return false;
    hr_rune_set plain = {0}, folded = {0};
    hr_runes_named(p->b, &plain, hr_str_of(&lower, 1));
    for (size_t i = 0; i < plain.n; i++)
        add_runes(p, &folded, plain.v[i].lo, plain.v[i].hi);
    if (c != lower)
        hr_runes_negate(p->b, &folded);
    hr_runes_add_set(p->b, set, &folded);
    p->at += 2;
    return true;
}

static bool at_unicode_class(const re_parser *p) {
    return re_looking_at(p, "\\p") || re_looking_at(p, "\\P");
}

/* ---- classes in brackets ---- */

/* [:alpha:] or [:^alpha:] inside of brackets. false: the bracket is a character. */
static bool posix_class(re_parser *p, hr_rune_set *set) {
    if (!re_looking_at(p, "[:"))
        return false;
    hr_str rest = hr_str_tail(p->text, p->at + 2);
    size_t end = 0;
    while (end + 1 < rest.len && !(rest.p[end] == ':' && rest.p[end + 1] == ']'))
        end++;
    if (end + 1 >= rest.len)
        return false;
    hr_str name = hr_str_of(rest.p, end);
    bool negated = name.len > 0 && name.p[0] == '^';
    hr_rune_set plain = {0}, folded = {0};
    name = hr_str_tail(name, negated);
    if (name.len < 2 || !hr_runes_named(p->b, &plain, name))
        re_refuse(p, "invalid character class range");
    for (size_t i = 0; i < plain.n; i++)
        add_runes(p, &folded, plain.v[i].lo, plain.v[i].hi);
    if (negated)
        hr_runes_negate(p->b, &folded);
    hr_runes_add_set(p->b, set, &folded);
    p->at += 2 + end + 2;
    return true;
}

static uint32_t class_rune(re_parser *p) {
    if (p->at >= p->text.len) {
        re_refuse(p, "missing closing ]");
        return 0;
    }
    if (re_peek(p) != '\\')
        return next_rune(p);
    p->at++;
    return escaped_rune(p);
}

static void class_range(re_parser *p, hr_rune_set *set) {
    uint32_t lo = class_rune(p), hi = lo;
    if (p->at + 1 < p->text.len && re_peek(p) == '-' && p->text.p[p->at + 1] != ']') {
        p->at++;
        hi = class_rune(p);
    }
    if (p->status == HR_RE_OK && hi < lo)
        re_refuse(p, "invalid character class range");
    if (p->status == HR_RE_OK)
        add_runes(p, set, lo, hi);
}

static hr_re *bracket_class(re_parser *p) {
    hr_re *node = re_node(p, HR_RE_RUNES);
    p->at++;
    bool negated = re_peek(p) == '^' && p->at < p->text.len;
    p->at += negated;
    for (bool first = true; re_more(p) && (first || re_peek(p) != ']'); first = false) {
        if (posix_class(p, &node->runes) || perl_class(p, &node->runes))
            continue;
        if (at_unicode_class(p))
            re_uncovered(p, "a Unicode class");
        class_range(p, &node->runes);
    }
    if (p->status == HR_RE_OK && re_peek(p) != ']')
        re_refuse(p, "missing closing ]");
    p->at++;
    if (negated)
        hr_runes_negate(p->b, &node->runes);
    return node;
}

/* ---- groups ---- */

static void group_name(re_parser *p) {
    size_t end = hr_str_find(p->text, '>', p->at);
    hr_str name = hr_str_from_to(p->text, p->at, end);
    if (end == p->text.len || name.len == 0)
        re_refuse(p, "invalid named capture group");
    for (size_t i = 0; i < name.len; i++) {
        char c = hr_lower(name.p[i]);
        if (c != '_' && (c < '0' || c > '9') && (c < 'a' || c > 'z'))
            re_uncovered(p, "a group's name beyond letters, digits and _");
    }
    p->at = end + 1;
}

static void set_flag(re_parser *p, re_flags *flags, char c, bool on) {
    if (c == 'i')
        flags->ignore_case = on;
    else if (c == 's')
        flags->dot_newline = on;
    else if (c == 'm')
        flags->multi_line = on;
    else if (c != 'U')
        re_refuse(p, "invalid perl operator");
}

/* Behind "(?": flags up to ':' or ')'. true: it is a group, which goes on. */
static bool group_flags(re_parser *p) {
    re_flags flags = p->flags;
    bool on = true, seen = false;
    for (; re_more(p) && re_peek(p) != ':' && re_peek(p) != ')'; p->at++) {
        if (re_peek(p) != '-') {
            set_flag(p, &flags, re_peek(p), on);
            seen = true;
            continue;
        }
        if (!on)
            re_refuse(p, "invalid perl operator");
        on = false;
        seen = false;
    }
    if (p->status == HR_RE_OK && (p->at >= p->text.len || (!on && !seen)))
        re_refuse(p, "missing argument to perl operator");
    p->flags = flags;
    return p->at < p->text.len && p->text.p[p->at++] == ':';
}

/* Returns NULL if the group only set flags. */
static hr_re *parse_group(re_parser *p) {
    re_flags outside = p->flags;
    p->at++;
    if (re_looking_at(p, "?P<")) {
        p->at += 3;
        group_name(p);
    } else if (re_looking_at(p, "?P") || re_looking_at(p, "?<")) {
        re_stop(p, re_looking_at(p, "?<") ? HR_RE_UNCOVERED : HR_RE_REFUSED,
                "a group's name written (?<name>");
    } else if (re_peek(p) == '?') {
        p->at++;
        if (!group_flags(p))
            return NULL;
    }
    if (++p->depth > MOST_DEPTH)
        re_uncovered(p, "groups nested more than 200 deep");
    hr_re *node = p->status == HR_RE_OK ? parse_alternatives(p) : NULL;
    p->depth--;
    if (p->status == HR_RE_OK && re_peek(p) != ')')
        re_refuse(p, "missing closing )");
    p->at++;
    p->flags = outside;
    return node;
}

/* ---- repetitions ---- */

/* RE2 takes a number of more digits than this for text. */
#define LARGEST_READ 100000000

static bool repeat_number(const re_parser *p, size_t *at, int *out) {
    size_t i = *at, begin = i;
    int value = 0;
    for (; i < p->text.len && p->text.p[i] >= '0' && p->text.p[i] <= '9'; i++) {
        if (value >= LARGEST_READ)
            return false;
        value = value * 10 + (p->text.p[i] - '0');
    }
    if (i == begin || (p->text.p[begin] == '0' && i > begin + 1))
        return false;
    *at = i;
    *out = value;
    return true;
}

/* {n}, {n,} or {n,m} at p. false: the brace is a character. */
static bool braces(re_parser *p, int *min, int *max) {
    size_t at = p->at + 1;
    if (!repeat_number(p, &at, min))
        return false;
    *max = *min;
    if (at < p->text.len && p->text.p[at] == ',') {
        at++;
        *max = -1;
        if (at < p->text.len && p->text.p[at] != '}' && !repeat_number(p, &at, max))
            return false;
    }
    if (at >= p->text.len || p->text.p[at] != '}')
        return false;
    p->at = at + 1;
    return true;
}

/* What is left of RE2's 1,000 repetitions, divided by what each nested one asks for. */
static int repeats_left(const hr_re *node, int left) {
    if (node->kind == HR_RE_REPEAT) {
        int m = node->max < 0 ? node->min : node->max;
        left = m > 0 ? left / m : left;
    }
    int least = left;
    for (size_t i = 0; i < node->n_items; i++) {
        int below = repeats_left(node->items[i], left);
        least = below < least ? below : least;
    }
    return least;
}

/* A repetition of the last item, if there is one at p. */
static bool parse_repeat(re_parser *p, re_list *items, bool after_repeat) {
    char c = re_peek(p);
    int min = c == '+', max = c == '?' ? 1 : -1;
    bool counted = c == '{';
    if (counted && !braces(p, &min, &max))
        return false;
    if (!counted && c != '*' && c != '+' && c != '?')
        return false;
    p->at += !counted;
    p->at += p->at < p->text.len && re_peek(p) == '?';
    if (after_repeat)
        re_refuse(p, "bad repetition operator");
    else if (items->n == 0)
        re_refuse(p, "no argument for repetition operator");
    else if (counted && (min > MOST_REPEATS || max > MOST_REPEATS || (max >= 0 && min > max)))
        re_refuse(p, "invalid repetition size");
    hr_re **item = HR_ARRAY(p->b, hr_re *, 1);
    if (p->status != HR_RE_OK || item == NULL)
        return true;
    hr_re *node = re_node(p, HR_RE_REPEAT);
    node->items = item;
    node->items[0] = items->v[items->n - 1];
    node->n_items = 1;
    node->min = min;
    node->max = max;
    if (counted && (min >= 2 || max >= 2) && !hr_arena_failed(p->b) &&
        repeats_left(node, MOST_REPEATS) == 0)
        re_refuse(p, "invalid repetition size");
    items->v[items->n - 1] = node;
    return true;
}

/* ---- sequences ---- */

/* \Q...\E: each character literally. */
static void quoted(re_parser *p, re_list *items) {
    p->at += 2;
    while (re_more(p) && !re_looking_at(p, "\\E"))
        HR_PUSH(p->b, items, literal_node(p, next_rune(p)));
    if (re_looking_at(p, "\\E"))
        p->at += 2;
}

static hr_re *anchor(re_parser *p, hr_re_kind kind) {
    if (p->flags.multi_line)
        re_uncovered(p, "an anchor at lines, (?m)");
    p->at++;
    return re_node(p, kind);
}

static hr_re *parse_escape(re_parser *p) {
    hr_re *node = re_node(p, HR_RE_RUNES);
    if (perl_class(p, &node->runes))
        return node;
    if (at_unicode_class(p))
        re_uncovered(p, "a Unicode class");
    if (re_looking_at(p, "\\b") || re_looking_at(p, "\\B"))
        re_uncovered(p, "a word boundary");
    char c = p->at + 1 < p->text.len ? p->text.p[p->at + 1] : '\0';
    if (c == 'A' || c == 'z' || c == 'C') {
        node->kind = c == 'A' ? HR_RE_BEGIN : c == 'z' ? HR_RE_END : HR_RE_BYTE;
        p->at += 2;
        return node;
    }
    p->at++;
    uint32_t rune = escaped_rune(p);
    return p->status == HR_RE_OK ? literal_node(p, rune) : node;
}

/* One item; NULL: nothing was added. */
static hr_re *parse_item(re_parser *p) {
    switch (re_peek(p)) {
    case '(':
        return parse_group(p);
    case '[':
        return bracket_class(p);
    case '.':
        p->at++;
        return dot_node(p);
    case '^':
        return anchor(p, HR_RE_BEGIN);
    case '$':
        return anchor(p, HR_RE_END);
    case '\\':
        return parse_escape(p);
    default:
        return literal_node(p, next_rune(p));
    }
}

static hr_re *parse_sequence(re_parser *p) {
    re_list items = {0};
    bool repeated = false;
    while (re_more(p) && re_peek(p) != '|' && re_peek(p) != ')') {
        bool was = repeated;
        repeated = parse_repeat(p, &items, was);
        if (repeated)
            continue;
        if (re_looking_at(p, "\\Q")) {
            quoted(p, &items);
            continue;
        }
        hr_re *item = parse_item(p);
        if (item != NULL)
            HR_PUSH(p->b, &items, item);
    }
    hr_re *node = re_node(p, items.n == 0 ? HR_RE_EMPTY : HR_RE_CAT);
    node->items = items.v;
    node->n_items = items.n;
    return node;
}

static hr_re *parse_alternatives(re_parser *p) {
    re_list items = {0};
    for (;;) {
        HR_PUSH(p->b, &items, parse_sequence(p));
        if (!re_more(p) || re_peek(p) != '|')
            break;
        p->at++;
    }
    hr_re *node = re_node(p, HR_RE_ALT);
    node->items = items.v;
    node->n_items = items.n;
    return node;
}

hr_re_status hr_re_parse(hr_arena *b, const hr_re **out, hr_str pattern, const char **why) {
    re_parser p = {.b = b, .text = pattern};
    *out = parse_alternatives(&p);
    if (hr_arena_failed(b))
        re_uncovered(&p, "out of memory");
    if (p.status == HR_RE_OK && p.at < pattern.len)
        re_refuse(&p, "unexpected )");
    *why = p.why;
    return p.status;
}
