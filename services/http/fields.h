/* Field lines of heads and trailers, and what fields say about a message. Inside services/http
 * only. */
#ifndef SV_HTTP_FIELDS_H
#define SV_HTTP_FIELDS_H

#include "http1.h"

typedef enum sv_line_event {
    SV_LINE_MALFORMED = -1,
    SV_LINE_MORE = 0,  /* all input is read, and the section goes on */
    SV_LINE_FIELD = 1, /* one field is complete */
    SV_LINE_END = 2    /* the empty line that ends the section */
} sv_line_event;

/* Reads the next field line from *at on, which it advances. This is the only parser of field lines.
 * `lines` carries a line that is cut between two calls; *field is set only where the line lies
 * within one call. */
sv_line_event sv_lines_next(sv_http1_lines *lines, char **at, char *end, hr_pair *field,
                            const char **why);

/* What the fields of a head say about framing and the connection. */
typedef struct sv_facts {
    unsigned n_content_length, n_transfer_encoding, n_host, n_expect;
    size_t n_nominated; /* elements of Connection */
    uint64_t content_length;
    bool bad_length, lengths_differ, chunked, close, keep_alive, upgrades;
    size_t host; /* index of the last Host */
    hr_str expect, upgrade;
    int keep_alive_timeout_s; /* -1: none */
} sv_facts;

#define SV_FACTS_NONE                                                                              \
    { .keep_alive_timeout_s = -1 }

/* Notes what fields[i] says; its name is in lower case. */
void sv_facts_note(sv_facts *facts, const hr_pair *fields, size_t i);

/* Reads the fields of a head from `at` to its empty line, and notes what they say. */
sv_http1_result sv_fields_parse(hr_pair *fields, size_t *n, size_t max, sv_facts *facts, char *at,
                                char *end, const char **why);

bool sv_equals_nocase(hr_str s, hr_str other);

static inline sv_http1_result sv_malformed(const char **why, const char *what) {
    *why = what;
    return SV_HTTP1_MALFORMED;
}

#endif
