/* RE2's syntax as a tree: what a pattern says, before it becomes an automaton. */
#ifndef HR_SYNTAX_TREE_H
#define HR_SYNTAX_TREE_H

#include "arena.h"
#include "text.h"

typedef enum hr_re_kind {
    HR_RE_EMPTY = 0, /* the empty text */
    HR_RE_RUNES,     /* one character out of ranges */
    HR_RE_BYTE,      /* \C: any byte */
    HR_RE_CAT,
    HR_RE_ALT,
    HR_RE_REPEAT,
    HR_RE_BEGIN, /* ^ and \A */
    HR_RE_END    /* $ and \z */
} hr_re_kind;

typedef struct hr_rune_range {
    uint32_t lo, hi;
} hr_rune_range;

typedef HR_LIST(hr_rune_range) hr_rune_set;

typedef struct hr_re {
    hr_re_kind kind;
    hr_rune_set runes;
    struct hr_re **items; /* CAT, ALT; of REPEAT one */
    size_t n_items;
    int min, max; /* REPEAT; max -1: unbounded */
} hr_re;

typedef enum hr_re_status {
    HR_RE_OK = 0,
    HR_RE_REFUSED,  /* RE2 refuses the pattern too */
    HR_RE_UNCOVERED /* RE2 may accept it, this parser does not model it */
} hr_re_status;

/* Parses a pattern as RE2 does with its default options. *why is set to a fixed phrase unless
 * HR_RE_OK. */
hr_re_status hr_re_parse(hr_arena *b, const hr_re **out, hr_str pattern, const char **why);

/* rune_set.c: sets of characters as sorted ranges that do not touch. */
#define HR_MAX_RUNE UINT32_C(0x10FFFF)
void hr_runes_add(hr_arena *b, hr_rune_set *set, uint32_t lo, uint32_t hi);
/* Adds the range with its other letter cases. false: the range has a case that is not modelled. */
bool hr_runes_add_folded(hr_arena *b, hr_rune_set *set, uint32_t lo, uint32_t hi);
void hr_runes_add_set(hr_arena *b, hr_rune_set *set, const hr_rune_set *other);
void hr_runes_negate(hr_arena *b, hr_rune_set *set);
/* The members of a POSIX class ("alpha"), of \d, \s and \w ("d", "s", "w"). false: unknown name. */
bool hr_runes_named(hr_arena *b, hr_rune_set *set, hr_str name);

#endif
