/* YAML as text: a string that grows, with scalars quoted where they must be. */
#ifndef HR_YAML_TEXT_H
#define HR_YAML_TEXT_H

#include "arena.h"

typedef struct hr_yaml_text {
    hr_arena *arena;
    char *p;
    size_t n, capacity;
} hr_yaml_text;

/* If an allocation fails, the arena is marked as failed and the text ends early. */
void hr_yaml_put(hr_yaml_text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
void hr_yaml_put_str(hr_yaml_text *t, hr_str s);
/* A string, plain if YAML reads it as that string, else in double quotes. */
void hr_yaml_put_scalar(hr_yaml_text *t, hr_str s);
/* ", " unless the text ends in an opening bracket: between the members of a flow map or list. */
void hr_yaml_put_comma(hr_yaml_text *t);
/* A member of a flow map that is a list of strings; nothing if the list is empty. */
void hr_yaml_put_list(hr_yaml_text *t, const char *name, const hr_str *strings, size_t n);

static inline hr_str hr_yaml_text_of(const hr_yaml_text *t) {
    return (hr_str){t->p, t->n};
}

#endif
