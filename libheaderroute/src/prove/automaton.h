/*
 * A regular expression as an automaton over bytes that must match the whole text, as Envoy asks RE2
 * to. States are made when they are first reached.
 */
#ifndef HR_AUTOMATON_H
#define HR_AUTOMATON_H

#include "arena.h"
#include "text.h"

typedef struct hr_re hr_re; /* syntax_tree.h */

typedef struct hr_automaton hr_automaton;

/* What an automaton may cost. `spent` is shared by all that a comparison does. */
typedef struct hr_work {
    uint64_t spent;
    uint64_t limit; /* beyond it every answer is "not decided" */
} hr_work;

/* The state that nothing is accepted from, and what a step returns if a limit was reached. */
#define HR_STATE_DEAD UINT32_C(0)
#define HR_STATE_LIMIT UINT32_MAX

/* NULL with a reason in *why if the pattern is not covered or too large. */
hr_automaton *hr_automaton_new(hr_arena *b, hr_str pattern, const char **why);

uint32_t hr_automaton_start(const hr_automaton *a);
uint32_t hr_automaton_step(hr_arena *b, hr_automaton *a, uint32_t state, uint8_t byte,
                           hr_work *work);
bool hr_automaton_accepts(const hr_automaton *a, uint32_t state);
/* Sets cut[c] where bytes c - 1 and c may differ for the automaton; cut has 257 items. */
void hr_automaton_cuts(const hr_automaton *a, bool *cut);

#endif
