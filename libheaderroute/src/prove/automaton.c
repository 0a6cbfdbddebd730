/* A regular expression as an automaton over bytes that must match the whole text, as Envoy asks RE2
 * to. */
#include "automaton.h"

#include <stdlib.h>

#include "nfa.h"
#include "re_parse.h"

#define MOST_STATES 20000
#define NOT_MADE UINT32_MAX

/* A state: the nodes that wait for a byte, in order. */
typedef struct dfa_state {
    uint32_t *nodes;
    uint32_t n;
    bool accepts;
    uint32_t *to; /* by class of bytes; NULL: none was asked for yet */
} dfa_state;

struct hr_automaton {
    hr_nfa nfa;
    bool cut[257];
    uint8_t class_of[256];
    size_t n_classes;
    HR_LIST(dfa_state) states;
    uint32_t *table; /* state numbers by the hash of their nodes; 0: free */
    size_t table_size;
    uint32_t start;
    /* Room for closures. */
    uint32_t *stack, *found, *mark;
    uint32_t round;
};

/* ---- closures ---- */

typedef struct dfa_closure {
    hr_automaton *a;
    size_t n_stack, n_found;
    bool at_begin, at_end, accepts;
} dfa_closure;

static void closure_push(dfa_closure *c, uint32_t node) {
    if (c->a->mark[node] == c->a->round)
        return;
    c->a->mark[node] = c->a->round;
    c->a->stack[c->n_stack++] = node;
}

static void closure_run(dfa_closure *c) {
    hr_automaton *a = c->a;
    while (c->n_stack > 0) {
        uint32_t at = a->stack[--c->n_stack];
        const hr_nfa_node *node = &a->nfa.nodes.v[at];
        if (!c->at_end && (node->kind == HR_NFA_BYTES || node->kind == HR_NFA_END))
            a->found[c->n_found++] = at;
        if (node->kind == HR_NFA_ACCEPT)
            c->accepts = true;
        if (node->kind == HR_NFA_SPLIT || (node->kind == HR_NFA_BEGIN && c->at_begin) ||
            (node->kind == HR_NFA_END && c->at_end))
            closure_push(c, node->next);
        if (node->kind == HR_NFA_SPLIT)
            closure_push(c, node->other);
    }
}

static int by_number(const void *x, const void *y) {
    uint32_t a = *(const uint32_t *)x, b = *(const uint32_t *)y;
    return a < b ? -1 : a > b;
}

/* Whether the text may end here: what waits behind $ counts. */
static bool accepts_at_end(hr_automaton *a, const uint32_t *nodes, size_t n, bool at_begin) {
    dfa_closure c = {.a = a, .at_begin = at_begin, .at_end = true};
    a->round++;
    for (size_t i = 0; i < n; i++)
        if (a->nfa.nodes.v[nodes[i]].kind == HR_NFA_END)
            closure_push(&c, nodes[i]);
    closure_run(&c);
    return c.accepts;
}

/* ---- states ---- */

static uint64_t nodes_hash(const uint32_t *nodes, size_t n, bool accepts) {
    uint64_t h = UINT64_C(0x9E3779B97F4A7C15) + accepts;
    for (size_t i = 0; i < n; i++)
        h = (h ^ nodes[i]) * UINT64_C(0xFF51AFD7ED558CCD) + (h >> 29);
    return h ^ h >> 32;
}

static void table_put(hr_automaton *a, uint32_t state) {
    const dfa_state *s = &a->states.v[state];
    size_t i = nodes_hash(s->nodes, s->n, s->accepts) & (a->table_size - 1);
    while (a->table[i] != 0)
        i = (i + 1) & (a->table_size - 1);
    a->table[i] = state;
}

static bool table_grow(hr_arena *b, hr_automaton *a) {
    if (a->states.n * 2 < a->table_size)
        return true;
    size_t size = a->table_size == 0 ? 64 : a->table_size * 2;
    uint32_t *table = HR_ARRAY(b, uint32_t, size);
    if (table == NULL)
        return false;
    a->table = table;
    a->table_size = size;
    for (uint32_t i = 1; i < a->states.n; i++)
        table_put(a, i);
    return true;
}

/* The state with these nodes, made if it is new. */
static uint32_t intern_state(hr_arena *b, hr_automaton *a, const uint32_t *nodes, size_t n,
                             bool accepts) {
    if (n == 0 && !accepts)
        return HR_STATE_DEAD;
    for (size_t i = nodes_hash(nodes, n, accepts) & (a->table_size - 1); a->table[i] != 0;
         i = (i + 1) & (a->table_size - 1)) {
        const dfa_state *s = &a->states.v[a->table[i]];
        if (s->n == n && s->accepts == accepts && memcmp(s->nodes, nodes, n * sizeof(*nodes)) == 0)
            return a->table[i];
    }
    if (a->states.n >= MOST_STATES)
        return HR_STATE_LIMIT;
    dfa_state s = {.nodes = HR_ARRAY(b, uint32_t, n), .n = (uint32_t)n, .accepts = accepts};
    if (s.nodes == NULL || !table_grow(b, a))
        return HR_STATE_LIMIT;
    memcpy(s.nodes, nodes, n * sizeof(*nodes));
    HR_PUSH(b, &a->states, s);
    if (hr_arena_failed(b))
        return HR_STATE_LIMIT;
    uint32_t number = (uint32_t)a->states.n - 1;
    table_put(a, number);
    return number;
}

static uint32_t finish_state(hr_arena *b, dfa_closure *c) {
    hr_automaton *a = c->a;
    uint32_t *found = a->found;
    qsort(found, c->n_found, sizeof(*found), by_number);
    bool accepts = c->accepts || accepts_at_end(a, found, c->n_found, c->at_begin);
    return intern_state(b, a, found, c->n_found, accepts);
}

uint32_t hr_automaton_step(hr_arena *b, hr_automaton *a, uint32_t state, uint8_t byte,
                           hr_work *work) {
    if (state == HR_STATE_DEAD || state == HR_STATE_LIMIT)
        return state;
    dfa_state *s = &a->states.v[state];
    if (s->to == NULL) {
        s->to = HR_ARRAY(b, uint32_t, a->n_classes);
        if (s->to == NULL)
            return HR_STATE_LIMIT;
        for (size_t i = 0; i < a->n_classes; i++)
            s->to[i] = NOT_MADE;
    }
    uint32_t *to = &s->to[a->class_of[byte]];
    if (*to != NOT_MADE)
        return *to;
    dfa_closure c = {.a = a};
    a->round++;
    for (uint32_t i = 0; i < s->n; i++) {
        const hr_nfa_node *node = &a->nfa.nodes.v[s->nodes[i]];
        if (node->kind == HR_NFA_BYTES && node->lo <= byte && byte <= node->hi)
            closure_push(&c, node->next);
    }
    closure_run(&c);
    work->spent += s->n + c.n_found;
    uint32_t made = work->spent > work->limit ? HR_STATE_LIMIT : finish_state(b, &c);
    if (made != HR_STATE_LIMIT)
        *to = made;
    return made;
}

/* ---- life ---- */

static void count_classes(hr_automaton *a) {
    for (size_t i = 0; i < a->nfa.nodes.n; i++) {
        const hr_nfa_node *node = &a->nfa.nodes.v[i];
        if (node->kind != HR_NFA_BYTES || node->lo > node->hi)
            continue;
        a->cut[node->lo] = true;
        a->cut[node->hi + 1] = true;
    }
    size_t class = 0;
    for (size_t c = 0; c < 256; c++) {
        class += c > 0 && a->cut[c];
        a->class_of[c] = (uint8_t) class;
    }
    a->n_classes = class + 1;
}

hr_automaton *hr_automaton_new(hr_arena *b, hr_str pattern, const char **why) {
    const hr_re *re;
    if (hr_re_parse(b, &re, pattern, why) != HR_RE_OK)
        return NULL;
    hr_automaton *a = HR_NEW(b, hr_automaton);
    hr_nfa_build(b, &a->nfa, re);
    if (a->nfa.too_large) {
        *why = "a regex of more than 20000 nodes"; /* or out of memory, which the whole build
                                                      reports */
        return NULL;
    }
    count_classes(a);
    a->stack = HR_ARRAY(b, uint32_t, a->nfa.nodes.n);
    a->found = HR_ARRAY(b, uint32_t, a->nfa.nodes.n);
    a->mark = HR_ARRAY(b, uint32_t, a->nfa.nodes.n);
    dfa_state dead = {0};
    HR_PUSH(b, &a->states, dead);
    if (!table_grow(b, a) || hr_arena_failed(b)) {
        *why = "out of memory";
        return NULL;
    }
    dfa_closure c = {.a = a, .at_begin = true};
    a->round++;
    closure_push(&c, a->nfa.start);
    closure_run(&c);
    a->start = finish_state(b, &c);
    *why = "out of memory";
    return a->start == HR_STATE_LIMIT ? NULL : a;
}

uint32_t hr_automaton_start(const hr_automaton *a) {
    return a->start;
}

bool hr_automaton_accepts(const hr_automaton *a, uint32_t state) {
    return state != HR_STATE_LIMIT && a->states.v[state].accepts;
}

void hr_automaton_cuts(const hr_automaton *a, bool *cut) {
    for (size_t i = 0; i < 257; i++)
        cut[i] |= a->cut[i];
}
