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

#endif
