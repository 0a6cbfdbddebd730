/* A set of texts: what one condition of a rule admits for an attribute. */
#ifndef HR_LANGUAGE_H
#define HR_LANGUAGE_H

#include "automaton.h"
#include "regex.h"

typedef enum hr_language_kind {
    HR_LANG_EXACT = 0,
    HR_LANG_PREFIX,
    HR_LANG_REGEX,
    HR_LANG_PATH_PREFIX, /* `text`, then nothing or a slash and anything */
    HR_LANG_HOST, /* an authority whose host is `text`, letter case ignored, with or without port */
    HR_LANG_HOST_SUFFIX, /* an authority whose host ends with `text` and is longer */
    HR_LANG_WINDOW,      /* `skip` bytes, then `text`, then nothing more */
    HR_LANG_WINDOW_OPEN  /* `skip` bytes, then `text`, then anything */
} hr_language_kind;

typedef struct hr_language {
    uint8_t kind; /* hr_language_kind */
    bool ignore_case;
    bool tried;    /* whether the automaton was asked for */
    hr_str text;   /* of REGEX: the pattern */
    hr_str begins; /* a text that every member begins with; set by hr_language_finish */
    size_t skip;
    const hr_regex *regex; /* of REGEX */
    hr_automaton
        *automaton;        /* of REGEX and HOST_SUFFIX, once it was asked for; NULL: not covered */
    const char *uncovered; /* why not */
} hr_language;

/* Whether it holds for a text. */
bool hr_language_has(const hr_language *l, hr_str value);

/* As an automaton. false: the regex is not covered, see `uncovered`. */
bool hr_language_prepare(hr_arena *b, hr_language *l);
uint32_t hr_language_start(const hr_language *l);
/* HR_STATE_DEAD: nothing is accepted any more. HR_STATE_LIMIT: not decided. */
uint32_t hr_language_step(hr_arena *b, hr_language *l, uint32_t state, uint8_t byte, hr_work *work);
bool hr_language_accepts(const hr_language *l, uint32_t state);
void hr_language_cuts(const hr_language *l, bool *cut);

/* Works out `begins`. */
void hr_language_finish(hr_arena *b, hr_language *l);

#endif
