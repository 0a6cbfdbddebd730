/* Requests out of the words of a pair: random ones, and ones that follow a rule up to one
 * attribute. */
#ifndef HR_PROVE_WORDS_H
#define HR_PROVE_WORDS_H

#include <stdbool.h>

#include <headerroute/headerroute.h>

typedef struct word_list {
    const char **v;
    size_t n, capacity;
} word_list;

typedef struct words {
    word_list host, path, query, method, scheme, header, value;
    word_list rule; /* attributes with tabs between */
} words;

/* Reads "kind<tab>word" lines in place; `text` must stay. */
void words_read(words *out, char *text);
void words_free(words *w);

#define WORD_HEADERS 6
typedef struct word_request {
    hr_request request;
    hr_pair headers[WORD_HEADERS];
    char path[512], authority[256], room[WORD_HEADERS][2][128];
} word_request;

/* Numbers from a seed. */
unsigned word_number(uint64_t *state, unsigned below);
void words_random(word_request *out, const words *w, uint64_t *state);
void words_boundary(word_request *out, const words *w, uint64_t *state);

#endif
