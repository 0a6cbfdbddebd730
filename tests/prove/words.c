/* Generates requests from the words of a pair of rule sets. */
#include "words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

unsigned word_number(uint64_t *state, unsigned below) {
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(*state >> 33) % below;
}

static void push(word_list *list, const char *word) {
    if (list->n == list->capacity) {
        list->capacity = list->capacity == 0 ? 32 : list->capacity * 2;
        list->v = realloc(list->v, list->capacity * sizeof(*list->v));
        if (list->v == NULL)
            abort();
    }
    list->v[list->n++] = word;
}

void words_read(words *out, char *text) {
    *out = (words){0};
    const struct {
        const char *name;
        word_list *list;
    } lists[] = {{"host", &out->host},     {"path", &out->path},     {"query", &out->query},
                 {"method", &out->method}, {"scheme", &out->scheme}, {"rule", &out->rule},
                 {"header", &out->header}, {"value", &out->value}};
    for (char *line = text, *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
        *end = '\0';
        char *word = strchr(line, '\t');
        if (word == NULL)
            continue;
        *word++ = '\0';
        for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
            if (strcmp(lists[i].name, line) == 0)
                push(lists[i].list, word);
    }
}

void words_free(words *w) {
    word_list *lists[] = {&w->host,   &w->path,   &w->query, &w->method,
                          &w->scheme, &w->header, &w->value, &w->rule};
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
        free(lists[i]->v);
}

/* ---- requests ---- */

typedef struct request_maker {
    word_request *out;
    const words *w;
    uint64_t *state;
    char query[256];
} request_maker;

static bool chance(request_maker *m, unsigned percent) {
    return word_number(m->state, 100) < percent;
}

static const char *any_word(request_maker *m, const word_list *list) {
    return list->n == 0 ? "" : list->v[word_number(m->state, (unsigned)list->n)];
}

static void add_header(request_maker *m, const char *name, const char *value) {
    word_request *out = m->out;
    if (out->request.n_headers == WORD_HEADERS || name[0] == '\0')
        return;
    size_t i = out->request.n_headers++;
    snprintf(out->room[i][0], sizeof(out->room[i][0]), "%s", name);
    snprintf(out->room[i][1], sizeof(out->room[i][1]), "%s", value);
    out->headers[i] = (hr_pair){hr_str_from(out->room[i][0]), hr_str_from(out->room[i][1])};
}

static void add_query(request_maker *m, const char *item) {
    size_t n = strlen(m->query), len = strlen(item);
    if (n + len + 2 > sizeof(m->query))
        return;
    m->query[n] = n == 0 ? '?' : '&';
    memcpy(m->query + n + 1, item, len + 1);
}

static double random_draw(request_maker *m) {
    return chance(m, 30) ? 0 : (double)word_number(m->state, 10000) / 10000;
}

static void begin(request_maker *m) {
    word_request *out = m->out;
    out->request = (hr_request)HR_REQUEST_INIT;
    out->request.headers = out->headers;
    snprintf(out->path, sizeof(out->path), "%s", any_word(m, &m->w->path));
    snprintf(out->authority, sizeof(out->authority), "%s", any_word(m, &m->w->host));
    out->request.method = hr_str_from(any_word(m, &m->w->method));
    out->request.scheme = hr_str_from(any_word(m, &m->w->scheme));
    out->request.draws = (hr_draws){random_draw(m), random_draw(m), random_draw(m), random_draw(m)};
    m->query[0] = '\0';
}

static void finish(request_maker *m) {
    word_request *out = m->out;
    size_t n = strlen(out->path), len = strlen(m->query);
    if (n + len < sizeof(out->path))
        memcpy(out->path + n, m->query, len + 1);
    out->request.path = hr_str_from(out->path);
    out->request.authority = hr_str_from(out->authority);
}

void words_random(word_request *out, const words *w, uint64_t *state) {
    request_maker m = {out, w, state, ""};
    begin(&m);
    for (unsigned i = word_number(state, 4); i > 0; i--)
        add_header(&m, any_word(&m, &w->header), any_word(&m, &w->value));
    for (unsigned i = word_number(state, 3); i > 0 && chance(&m, 50); i--)
        add_query(&m, any_word(&m, &w->query));
    finish(&m);
}

/* A little beside the value: one character more, one less, another letter case, or another word. */
static void spoil(request_maker *m, char *value, size_t size, const word_list *others) {
    size_t n = strlen(value);
    switch (word_number(m->state, 4)) {
    case 0:
        if (n + 2 < size) {
            value[n] = "x/1a"[word_number(m->state, 4)];
            value[n + 1] = '\0';
        }
        return;
    case 1:
        if (n > 0)
            value[n - 1] = '\0';
        return;
    case 2:
        if (n > 0)
            value[word_number(m->state, (unsigned)n)] ^= 0x20;
        return;
    default:
        snprintf(value, size, "%s", any_word(m, others));
    }
}

static void follow(request_maker *m, const char *item, size_t len) {
    char text[256], *value;
    word_request *out = m->out;
    snprintf(text, sizeof(text), "%.*s", (int)len, item);
    value = strchr(text, '=');
    if (value == NULL)
        return;
    *value++ = '\0';
    bool spoiled = chance(m, 15);
    if (strcmp(text, "uri") == 0) {
        snprintf(out->path, sizeof(out->path), "%s", value);
        if (spoiled)
            spoil(m, out->path, sizeof(out->path), &m->w->path);
    } else if (strcmp(text, "authority") == 0 && !spoiled) {
        snprintf(out->authority, sizeof(out->authority), "%s", value);
    } else if (strcmp(text, "method") == 0 && !spoiled) {
        for (size_t i = 0; i < m->w->method.n; i++)
            if (strcmp(m->w->method.v[i], value) == 0)
                out->request.method = hr_str_from(m->w->method.v[i]);
    } else if (strncmp(text, "header:", 7) == 0 && !chance(m, 8)) {
        size_t before = out->request.n_headers;
        add_header(m, text + 7, value);
        if (spoiled && out->request.n_headers > before) {
            spoil(m, out->room[before][1], sizeof(out->room[before][1]), &m->w->value);
            out->headers[before].value = hr_str_from(out->room[before][1]);
        }
    } else if (strncmp(text, "query:", 6) == 0 && !chance(m, 8)) {
        char pair[256];
        snprintf(pair, sizeof(pair), "%.100s=%.100s%s", text + 6, value, spoiled ? "x" : "");
        add_query(m, pair);
    }
}

void words_boundary(word_request *out, const words *w, uint64_t *state) {
    request_maker m = {out, w, state, ""};
    begin(&m);
    const char *rule = any_word(&m, &w->rule);
    for (size_t len; *rule != '\0'; rule += len + (rule[len] == '\t')) {
        len = strcspn(rule, "\t");
        follow(&m, rule, len);
    }
    if (chance(&m, 25))
        add_header(&m, any_word(&m, &w->header), any_word(&m, &w->value));
    finish(&m);
}
