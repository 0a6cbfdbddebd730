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
    free(scratch);
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

static int grow_names(hr_scratch *scratch, size_t n) {
    hr_seen *seen = realloc(scratch->seen, n * sizeof(*seen));
    if (seen == NULL)
        return HR_ENOMEM;
    scratch->seen = seen;
    uint32_t *touched = realloc(scratch->touched, n * sizeof(*touched));
    if (touched == NULL)
        return HR_ENOMEM;
    scratch->touched = touched;
    memset(seen + scratch->n_seen, 0, (n - scratch->n_seen) * sizeof(*seen));
    scratch->n_seen = n;
    return HR_OK;
}

int hr_scratch_more_names(hr_scratch *scratch, size_t n) {
    if (scratch->round == 0) { /* after 2^32 rounds the old numbers come again */
        if (scratch->n_seen > 0)
            memset(scratch->seen, 0, scratch->n_seen * sizeof(*scratch->seen));
        scratch->round = 1;
    }
    return n <= scratch->n_seen ? HR_OK : grow_names(scratch, n);
}

void hr_scratch_trim(hr_scratch *scratch, void *last, size_t size) {
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

static void grow(hr_sbuf *s, size_t needed) {
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
        grow(s, s->len + n + 1);
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
