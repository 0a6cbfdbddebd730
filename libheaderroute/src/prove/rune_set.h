/* Sets of characters as sorted ranges that do not touch. */
#ifndef HR_RUNE_SET_H
#define HR_RUNE_SET_H

#include "syntax_tree.h"

#define HR_MAX_RUNE UINT32_C(0x10FFFF)
void hr_runes_add(hr_arena *b, hr_rune_set *set, uint32_t lo, uint32_t hi);
/* Adds the range with its other letter cases. false: the range has a case that is not modelled. */
bool hr_runes_add_folded(hr_arena *b, hr_rune_set *set, uint32_t lo, uint32_t hi);
void hr_runes_add_set(hr_arena *b, hr_rune_set *set, const hr_rune_set *other);
void hr_runes_negate(hr_arena *b, hr_rune_set *set);
/* The members of a POSIX class ("alpha"), of \d, \s and \w ("d", "s", "w"). false: unknown name. */
bool hr_runes_named(hr_arena *b, hr_rune_set *set, hr_str name);

#endif
