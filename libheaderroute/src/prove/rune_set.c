/* RE2's syntax as a tree: what a pattern says, before it becomes an automaton. */
#include "rune_set.h"

void hr_runes_add(hr_arena *b, hr_rune_set *set, uint32_t lo, uint32_t hi) {
    hr_rune_set out = {0};
    size_t i = 0;
    for (; i < set->n && set->v[i].hi + 1 < lo; i++)
        HR_PUSH(b, &out, set->v[i]);
    hr_rune_range merged = {lo, hi};
    for (; i < set->n && set->v[i].lo <= merged.hi + 1; i++) {
        merged.lo = set->v[i].lo < merged.lo ? set->v[i].lo : merged.lo;
        merged.hi = set->v[i].hi > merged.hi ? set->v[i].hi : merged.hi;
    }
    HR_PUSH(b, &out, merged);
    for (; i < set->n; i++)
        HR_PUSH(b, &out, set->v[i]);
    *set = out;
}

void hr_runes_add_set(hr_arena *b, hr_rune_set *set, const hr_rune_set *other) {
    for (size_t i = 0; i < other->n; i++)
        hr_runes_add(b, set, other->v[i].lo, other->v[i].hi);
}

/* Unicode's simple case folding of ASCII: beside the two cases of a letter, k has the Kelvin sign
 * and s has the long s. */
static void fold_ascii(hr_arena *b, hr_rune_set *set, uint32_t c) {
    uint32_t lower = c >= 'A' && c <= 'Z' ? c + 32 : c;
    if (lower < 'a' || lower > 'z')
        return;
    hr_runes_add(b, set, lower, lower);
    hr_runes_add(b, set, lower - 32, lower - 32);
    if (lower == 'k')
        hr_runes_add(b, set, 0x212A, 0x212A);
    if (lower == 's')
        hr_runes_add(b, set, 0x17F, 0x17F);
}

bool hr_runes_add_folded(hr_arena *b, hr_rune_set *set, uint32_t lo, uint32_t hi) {
    hr_runes_add(b, set, lo, hi);
    for (uint32_t c = lo; c <= hi && c < 0x80; c++)
        fold_ascii(b, set, c);
    if (hi < 0x80)
        return true;
    /* All of what is beyond ASCII folds to itself and to the two letters above. */
    if (lo > 0x80 || hi < HR_MAX_RUNE)
        return false;
    fold_ascii(b, set, 'k');
    fold_ascii(b, set, 's');
    return true;
}

void hr_runes_negate(hr_arena *b, hr_rune_set *set) {
    hr_rune_set out = {0};
    uint32_t next = 0;
    for (size_t i = 0; i < set->n; i++) {
        if (set->v[i].lo > next) {
            hr_rune_range gap = {next, set->v[i].lo - 1};
            HR_PUSH(b, &out, gap);
        }
        next = set->v[i].hi + 1;
    }
    if (next <= HR_MAX_RUNE) {
        hr_rune_range gap = {next, HR_MAX_RUNE};
        HR_PUSH(b, &out, gap);
    }
    *set = out;
}

/* RE2's syntax page: "ASCII character classes" and "Perl character classes". */
bool hr_runes_named(hr_arena *b, hr_rune_set *set, hr_str name) {
    static const struct {
        const char *name;
        hr_rune_range ranges[5];
    } classes[] = {
        {"alnum", {{'0', '9'}, {'A', 'Z'}, {'a', 'z'}}},
        {"alpha", {{'A', 'Z'}, {'a', 'z'}}},
        {"ascii", {{0, 0x7F}}},
        {"blank", {{'\t', '\t'}, {' ', ' '}}},
        {"cntrl", {{0, 0x1F}, {0x7F, 0x7F}}},
        {"digit", {{'0', '9'}}},
        {"graph", {{'!', '~'}}},
        {"lower", {{'a', 'z'}}},
        {"print", {{' ', '~'}}},
        {"punct", {{'!', '/'}, {':', '@'}, {'[', '`'}, {'{', '~'}}},
        {"space", {{'\t', '\r'}, {' ', ' '}}},
        {"upper", {{'A', 'Z'}}},
        {"word", {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}}},
        {"xdigit", {{'0', '9'}, {'A', 'F'}, {'a', 'f'}}},
        {"d", {{'0', '9'}}},
        {"s", {{'\t', '\n'}, {'\f', '\r'}, {' ', ' '}}},
        {"w", {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}}},
    };
    for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
        if (!hr_str_eq_c(name, classes[i].name))
            continue;
        for (size_t r = 0; r < 5 && classes[i].ranges[r].hi != 0; r++)
            hr_runes_add(b, set, classes[i].ranges[r].lo, classes[i].ranges[r].hi);
        return true;
    }
    return false;
}
