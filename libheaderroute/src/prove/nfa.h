/* The nodes of an automaton before they are gathered into states. */
#ifndef HR_NFA_H
#define HR_NFA_H

#include "syntax_tree.h"

typedef enum hr_nfa_kind {
    HR_NFA_BYTES,
    HR_NFA_SPLIT,
    HR_NFA_BEGIN,
    HR_NFA_END,
    HR_NFA_ACCEPT
} hr_nfa_kind;

typedef struct hr_nfa_node {
    uint8_t kind, lo, hi;
    uint32_t next, other; /* `other` of SPLIT */
} hr_nfa_node;

typedef struct hr_nfa {
    HR_LIST(hr_nfa_node) nodes;
    uint32_t start;
    bool too_large; /* or out of memory */
} hr_nfa;

void hr_nfa_build(hr_arena *b, hr_nfa *out, const hr_re *re);

#endif
