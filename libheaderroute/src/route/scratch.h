/*
 * Memory of one thread for what decisions must build. It hands out memory from its front, chunk
 * after chunk; hr_route starts it over. A round that needed several chunks is followed by one with
 * a single chunk of their sum, so that after warm-up nothing is allocated.
 */
#ifndef HR_SCRATCH_H
#define HR_SCRATCH_H

#include "text.h"

/* compile/view.h */
typedef struct hr_view_route hr_view_route;
typedef struct hr_view_action hr_view_action;
typedef struct hr_target hr_target;

typedef struct hr_scratch_chunk {
    struct hr_scratch_chunk *next;
    size_t size, used;
    max_align_t data[];
} hr_scratch_chunk;

/* What hr_route chose; decision->internal points here. */
typedef struct hr_chosen {
    const hr_view *view;
    const hr_view_route *route;
    const hr_view_action *plan;
    const hr_target *target;
    hr_str path;     /* normalised, without fragment, with query */
    size_t path_len; /* without query */
} hr_chosen;

/* A request header that came more than once, joined. */
typedef struct hr_joined {
    hr_str name, value;
    struct hr_joined *next;
} hr_joined;

/* What is known of a header that the request has more than once. */
typedef struct hr_repeat {
    uint32_t last; /* the last of its places among the request's headers */
    bool each;     /* rules match it value by value */
    hr_str joined; /* absent until a rule needs it */
} hr_repeat;

/* A header that rules of the view ask for, in this request. */
typedef struct hr_seen {
    uint32_t round;    /* of the scratch: an entry of an earlier round says nothing */
    uint32_t first;    /* its place among the request's headers */
    hr_repeat *repeat; /* NULL: the request has it once */
} hr_seen;

/* A query parameter that rules of the view ask for, in this request: its first value. */
typedef struct hr_param {
    uint32_t round;
    hr_str value;
} hr_param;

/* Whether a regex of the view matches its subject in this request. */
typedef struct hr_verdict {
    uint32_t round;
    bool matches; /* of a literal filter: the subject was looked through */
    uint8_t runs; /* of a literal filter: regexes that were run before */
} hr_verdict;

struct hr_scratch {
    hr_scratch_chunk *chunks; /* the one in use first */
    hr_str error;
    hr_chosen chosen;
    hr_joined *joined;
    uint32_t *links;   /* by header: the next one of the same name; NULL until a header repeats */
    hr_seen *seen;     /* by the number of the name */
    uint32_t *touched; /* the numbers seen in this round */
    size_t n_seen, n_touched;
    hr_param *params; /* by the number of the parameter's name */
    uint32_t *touched_params;
    size_t n_params, n_touched_params;
    uint32_t query_round; /* in which touched_params was filled */
    hr_verdict *verdicts; /* by the number of the regex and its subject */
    size_t n_verdicts;
    uint64_t
        *literals; /* by number: whether the subject has the text; valid once its filter was used */
    size_t n_literal_words;
    uint32_t round;
    size_t regex_bytes, max_regex_bytes; /* what regexes have cost since hr_scratch_reset */
};

/* How much a view notes of a request. */
typedef struct hr_mark_sizes {
    size_t names, params, verdicts, literal_words;
} hr_mark_sizes;

/* hr_scratch_marks where that takes more than counting. */
int hr_scratch_more_marks(hr_scratch *scratch, hr_mark_sizes sizes);

/* Makes room for what is noted of a request; forgets what was noted. HR_OK or HR_ENOMEM. */
static inline int hr_scratch_marks(hr_scratch *scratch, hr_mark_sizes sizes) {
    scratch->n_touched = 0;
    bool fits = sizes.names <= scratch->n_seen && sizes.params <= scratch->n_params &&
                sizes.verdicts <= scratch->n_verdicts &&
                sizes.literal_words <= scratch->n_literal_words;
    return ++scratch->round == 0 || !fits ? hr_scratch_more_marks(scratch, sizes) : HR_OK;
}

/* What running a regex costs, whatever its subject, in bytes of a subject; and how much of the cost
 * of a regex counts half, so that many rules on short values are not refused. */
#define HR_REGEX_RUN 64
#define HR_REGEX_HALF (1024 + HR_REGEX_RUN)

/* After hr_scratch_reset the only error of a request that is well-formed. */
static inline bool hr_scratch_over_limit(const hr_scratch *scratch) {
    return scratch->error.p != NULL;
}

/* Notes that regexes would cost more than the limit, and lets none run any more: false. */
bool hr_scratch_refuse_regex(hr_scratch *scratch);

/* Counts `bytes`, more than none, for a regex that is to be run; false if that is beyond the limit.
 */
static inline bool hr_scratch_count_regex(hr_scratch *scratch, size_t bytes) {
    if (bytes > scratch->max_regex_bytes - scratch->regex_bytes)
        return hr_scratch_refuse_regex(scratch);
    scratch->regex_bytes += bytes;
    return true;
}

void *hr_scratch_more(hr_scratch *scratch, size_t size);
int hr_scratch_gather(hr_scratch *scratch);

/* Starts over: what was handed out is no longer valid. HR_OK or HR_ENOMEM. */
static inline int hr_scratch_reset(hr_scratch *scratch) {
    scratch->error = (hr_str){0};
    scratch->regex_bytes = 0;
    scratch->joined = NULL;
    scratch->links = NULL;
    if (scratch->chunks->next != NULL)
        return hr_scratch_gather(scratch);
    scratch->chunks->used = 0;
    return HR_OK;
}

/* Aligned, not zeroed. NULL: no memory. */
static inline void *hr_scratch_alloc(hr_scratch *scratch, size_t size) {
    const size_t align = sizeof(max_align_t) - 1;
    if (size > SIZE_MAX - align)
        return NULL;
    size = (size + align) & ~align;
    hr_scratch_chunk *c = scratch->chunks;
    if (c->size - c->used < size)
        return hr_scratch_more(scratch, size);
    void *p = (char *)c->data + c->used;
    c->used += size;
    return p;
}

/* Gives back the end of the last allocation, of which `size` bytes are kept. */
void hr_scratch_shorten(hr_scratch *scratch, void *last, size_t size);

/* A point to which hr_scratch_rewind gives back everything that was allocated since. */
typedef struct hr_scratch_mark {
    hr_scratch_chunk *chunk;
    size_t used;
} hr_scratch_mark;

static inline hr_scratch_mark hr_scratch_now(const hr_scratch *scratch) {
    return (hr_scratch_mark){scratch->chunks, scratch->chunks->used};
}

/* Where a new chunk was needed in between, that chunk is emptied and stays for what follows. */
static inline void hr_scratch_rewind(hr_scratch *scratch, hr_scratch_mark mark) {
    scratch->chunks->used = scratch->chunks == mark.chunk ? mark.used : 0;
}

/* A string that grows at the end of the scratch. After a failure `failed` stays set. */
typedef struct hr_sbuf {
    hr_scratch *scratch;
    char *p;
    size_t len, capacity;
    bool failed;
} hr_sbuf;

hr_sbuf hr_sbuf_begin(hr_scratch *scratch, size_t expected);
void hr_sbuf_put(hr_sbuf *s, hr_str text);
void hr_sbuf_put_c(hr_sbuf *s, char c);
void hr_sbuf_put_int(hr_sbuf *s, int64_t value);
/* Room for n bytes at the end, to be counted in by the caller; NULL: no memory. */
char *hr_sbuf_room(hr_sbuf *s, size_t n);
/* The string, zero-terminated; absent where memory ran out. */
hr_str hr_sbuf_end(hr_sbuf *s);

#endif
