/* A request made ready for matching. */
#ifndef HR_SUBJECT_H
#define HR_SUBJECT_H

#include "header_kinds.h"
#include "octets.h"
#include "scratch.h"

typedef struct hr_name_table hr_name_table; /* compile/view.h */

/* The request as conditions see it. */
typedef struct hr_subject {
    const hr_request *request;
    hr_scratch *scratch;
    hr_str method, scheme, authority;
    hr_str full_path;           /* normalised, with query */
    hr_str path;                /* without query */
    const hr_name_table *names; /* the view's; which of them the request has is in the scratch */
    const hr_view *view;        /* NULL in what only hashes a request */
    bool te_known;
    hr_str te;      /* once it is known: what stripped_value returns for `te` */
    bool no_memory; /* a joined header did not fit: nothing that follows can be trusted */
} hr_subject;

/* Fills *s for a request to the view, after the scratch was started over: HR_OK, HR_ENOMEM, or
 * HR_EREQUEST with its sentence in the scratch. */
int hr_subject_prepare(hr_subject *s, const hr_view *view, const hr_request *request,
                       hr_scratch *scratch);

/* Links another header to those of its number that came before. */
void hr_subject_note_again(hr_subject *s, uint32_t number, uint32_t header);

/* Numbers the request's headers by the view's names. */
static inline void hr_subject_note(hr_subject *s, uint32_t number, size_t header) {
    hr_scratch *scratch = s->scratch;
    hr_seen *seen = &scratch->seen[number];
    if (seen->round == scratch->round) {
        hr_subject_note_again(s, number, (uint32_t)header);
        return;
    }
    *seen = (hr_seen){scratch->round, (uint32_t)header, NULL};
    scratch->touched[scratch->n_touched++] = number;
}

/* Two names of one length, the second in lower case; that is common on the wire too, so it is tried
 * first. */
bool hr_same_name(const char *name, const char *lower, size_t len);

static inline bool hr_is_named(hr_str name, hr_str lower) {
    return name.len == lower.len && ((name.p[0] ^ lower.p[0]) & 0xDF) == 0 &&
           hr_same_name(name.p, lower.p, name.len);
}

/* The number of a name in any letter case among many. UINT32_MAX: no rule asks for it. */
uint32_t hr_name_lookup(const hr_name_table *names, hr_str name);

#endif
