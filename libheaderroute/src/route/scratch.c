/*
 * A scratch: chunks of memory for one decision at a time, merged so that none is allocated after
 * warm-up.
 */
#include "scratch.h"

#include <stdio.h>
#include <stdlib.h>

#define FIRST_CHUNK ((size_t)4096)

static hr_scratch_chunk *chunk_new(size_t size) {
    if (size > SIZE_MAX - sizeof(hr_scratch_chunk))
        return NULL;
    hr_scratch_chunk *c = malloc(sizeof(*c) + size);
    if (c == NULL)
        return NULL;
    c->next = NULL;
    c->size = size;
    c->used = 0;
    return c;
}

int hr_scratch_new(hr_scratch **out) {
    if (out == NULL)
        return HR_EINVAL;
    *out = calloc(1, sizeof(**out));
    if (*out == NULL)
        return HR_ENOMEM;
    (*out)->chunks = chunk_new(FIRST_CHUNK);
    if ((*out)->chunks == NULL) {
        free(*out);
        *out = NULL;
        return HR_ENOMEM;
    }
    (*out)->max_regex_bytes = SIZE_MAX;
    return HR_OK;
}

static void free_chunks(hr_scratch_chunk *c) {
    while (c != NULL) {
        hr_scratch_chunk *next = c->next;
        free(c);
        c = next;
    }
}

void hr_scratch_free(hr_scratch *scratch) {
    if (scratch == NULL)
        return;
    free_chunks(scratch->chunks);
    free(scratch->seen);
    free(scratch->touched);
    free(scratch->params);
    free(scratch->touched_params);
    free(scratch->verdicts);
    free(scratch->literals);
    free(scratch);
}

void hr_scratch_limit_regexes(hr_scratch *scratch, size_t bytes) {
    if (scratch != NULL)
        scratch->max_regex_bytes = bytes;
}

bool hr_scratch_refuse_regex(hr_scratch *scratch) {
    scratch->error = HR_STR("the regexes of the rules are run on too many bytes");
    scratch->regex_bytes = scratch->max_regex_bytes;
    return false;
}

hr_str hr_scratch_error(const hr_scratch *scratch) {
    return scratch == NULL ? (hr_str){0} : scratch->error;
}

void *hr_scratch_more(hr_scratch *scratch, size_t size) {
    size_t wanted = scratch->chunks->size * 2;
    if (wanted < size)
        wanted = size;
    hr_scratch_chunk *c = chunk_new(wanted);
    if (c == NULL)
        return NULL;
    c->next = scratch->chunks;
    c->used = size;
    scratch->chunks = c;
    return c->data;
}

int hr_scratch_gather(hr_scratch *scratch) {
    size_t sum = 0;
    for (hr_scratch_chunk *c = scratch->chunks; c != NULL; c = c->next)
        sum += c->size;
    hr_scratch_chunk *one = chunk_new(sum);
    if (one == NULL)
        return HR_ENOMEM;
    free_chunks(scratch->chunks);
    scratch->chunks = one;
    return HR_OK;
}

/* Grows an array from `old` to n elements, the new ones zero. NULL: out of memory, and v is
 * unchanged. */
static void *grow_marks(void *v, size_t old, size_t n, size_t size) {
    char *grown = realloc(v, n * size);
    if (grown != NULL)
        memset(grown + old * size, 0, (n - old) * size);
    return grown;
}

static int grow_seen(hr_scratch *scratch, size_t n) {
    if (n <= scratch->n_seen)
        return HR_OK;
    hr_seen *seen = grow_marks(scratch->seen, scratch->n_seen, n, sizeof(*seen));
    scratch->seen = seen != NULL ? seen : scratch->seen;
    uint32_t *touched = grow_marks(scratch->touched, scratch->n_seen, n, sizeof(*touched));
    scratch->touched = touched != NULL ? touched : scratch->touched;
    if (seen == NULL || touched == NULL)
        return HR_ENOMEM;
    scratch->n_seen = n;
    return HR_OK;
}

static int grow_params(hr_scratch *scratch, size_t n) {
    if (n <= scratch->n_params)
        return HR_OK;
    hr_param *params = grow_marks(scratch->params, scratch->n_params, n, sizeof(*params));
    scratch->params = params != NULL ? params : scratch->params;
    uint32_t *touched = grow_marks(scratch->touched_params, scratch->n_params, n, sizeof(*touched));
    scratch->touched_params = touched != NULL ? touched : scratch->touched_params;
    if (params == NULL || touched == NULL)
        return HR_ENOMEM;
    scratch->n_params = n;
    return HR_OK;
}

static int grow_verdicts(hr_scratch *scratch, size_t n) {
    if (n <= scratch->n_verdicts)
        return HR_OK;
    hr_verdict *verdicts = grow_marks(scratch->verdicts, scratch->n_verdicts, n, sizeof(*verdicts));
    if (verdicts == NULL)
        return HR_ENOMEM;
    scratch->verdicts = verdicts;
    scratch->n_verdicts = n;
    return HR_OK;
}

static int grow_literals(hr_scratch *scratch, size_t n) {
    if (n <= scratch->n_literal_words)
        return HR_OK;
    uint64_t *literals =
        grow_marks(scratch->literals, scratch->n_literal_words, n, sizeof(*literals));
    if (literals == NULL)
        return HR_ENOMEM;
    scratch->literals = literals;
    scratch->n_literal_words = n;
    return HR_OK;
}

/* After 2^32 rounds the old numbers come again. */
static void forget_rounds(hr_scratch *scratch) {
    if (scratch->n_seen > 0)
        memset(scratch->seen, 0, scratch->n_seen * sizeof(*scratch->seen));
    if (scratch->n_params > 0)
        memset(scratch->params, 0, scratch->n_params * sizeof(*scratch->params));
    if (scratch->n_verdicts > 0)
        memset(scratch->verdicts, 0, scratch->n_verdicts * sizeof(*scratch->verdicts));
    scratch->query_round = 0;
    scratch->round = 1;
}

int hr_scratch_more_marks(hr_scratch *scratch, hr_mark_sizes sizes) {
    if (scratch->round == 0)
        forget_rounds(scratch);
    int error = grow_seen(scratch, sizes.names);
    if (error == HR_OK)
        error = grow_params(scratch, sizes.params);
    if (error == HR_OK)
        error = grow_verdicts(scratch, sizes.verdicts);
    return error == HR_OK ? grow_literals(scratch, sizes.literal_words) : error;
}

/* ---- size ---- */

/* What the view's rules take, whatever the request. */
static size_t marks_bytes(const hr_scratch *scratch) {
    return scratch->n_seen * (sizeof(*scratch->seen) + sizeof(*scratch->touched)) +
           scratch->n_params * (sizeof(*scratch->params) + sizeof(*scratch->touched_params)) +
           scratch->n_verdicts * sizeof(*scratch->verdicts) +
           scratch->n_literal_words * sizeof(*scratch->literals);
}

size_t hr_scratch_bytes(const hr_scratch *scratch) {
    if (scratch == NULL)
        return 0;
    size_t sum = sizeof(*scratch) + marks_bytes(scratch);
    for (const hr_scratch_chunk *c = scratch->chunks; c != NULL; c = c->next)
        sum += sizeof(*c) + c->size;
    return sum;
}

/* Keeps the oldest chunk, which is the smallest. */
static void keep_one_chunk(hr_scratch *scratch) {
    hr_scratch_chunk *oldest = scratch->chunks;
    while (oldest->next != NULL) {
        hr_scratch_chunk *next = oldest->next;
        free(oldest);
        oldest = next;
    }
    scratch->chunks = oldest;
}

void hr_scratch_trim(hr_scratch *scratch, size_t limit) {
    if (hr_scratch_bytes(scratch) <= limit)
        return;
    keep_one_chunk(scratch);
    hr_scratch_chunk *chunk = scratch->chunks;
    size_t others = hr_scratch_bytes(scratch) - chunk->size;
    size_t wanted = limit > others + FIRST_CHUNK ? limit - others : FIRST_CHUNK;
    if (wanted < chunk->size) {
        hr_scratch_chunk *shorter = realloc(chunk, sizeof(*chunk) + wanted);
        if (shorter != NULL) {
            shorter->size = wanted;
            scratch->chunks = shorter;
        }
    }
    scratch->chunks->used = 0;
    scratch->error = (hr_str){0};
    scratch->joined = NULL;
    scratch->links = NULL;
}

void hr_scratch_shorten(hr_scratch *scratch, void *last, size_t size) {
    const size_t align = sizeof(max_align_t) - 1;
    hr_scratch_chunk *c = scratch->chunks;
    size_t at = (size_t)((char *)last - (char *)c->data);
    c->used = at + ((size + align) & ~align);
}

hr_sbuf hr_sbuf_begin(hr_scratch *scratch, size_t expected) {
    hr_sbuf s = {.scratch = scratch, .capacity = expected + 1};
    s.p = hr_scratch_alloc(scratch, s.capacity);
    s.failed = s.p == NULL;
    return s;
}

static void grow_scratch(hr_sbuf *s, size_t needed) {
    size_t capacity = s->capacity * 2;
    if (capacity < needed)
        capacity = needed;
    char *p = hr_scratch_alloc(s->scratch, capacity);
    if (p == NULL) {
        s->failed = true;
        return;
    }
    memcpy(p, s->p, s->len);
    s->p = p;
    s->capacity = capacity;
}

char *hr_sbuf_room(hr_sbuf *s, size_t n) {
    if (!s->failed && s->capacity - s->len <= n)
        grow_scratch(s, s->len + n + 1);
    return s->failed ? NULL : s->p + s->len;
}

void hr_sbuf_put(hr_sbuf *s, hr_str text) {
    char *room = hr_sbuf_room(s, text.len);
    if (room == NULL || text.len == 0)
        return;
    memcpy(room, text.p, text.len);
    s->len += text.len;
}

void hr_sbuf_put_c(hr_sbuf *s, char c) {
    hr_sbuf_put(s, hr_str_of(&c, 1));
}

void hr_sbuf_put_int(hr_sbuf *s, int64_t value) {
    char text[24];
    int n = snprintf(text, sizeof(text), "%lld", (long long)value);
    hr_sbuf_put(s, hr_str_of(text, (size_t)n));
}

hr_str hr_sbuf_end(hr_sbuf *s) {
    if (s->failed)
        return (hr_str){0};
    s->p[s->len] = '\0';
    return hr_str_of(s->p, s->len);
}
