/* The trailers of one message, collected while its body is decoded.  */
#ifndef SV_TRAILERS_H
#define SV_TRAILERS_H

#include "http1.h"

/* Zero it first. */
typedef struct sv_trailers {
    char *text; /* the section as it was received; NULL: nothing that matters has come */
    size_t len;
    hr_pair *fields; /* names in lower case; once sv_trailers_parse was called */
    size_t n;
    bool dropped; /* nothing is collected */
} sv_trailers;

/* Adds what a piece of the body holds of the section. */
void sv_trailers_add(sv_trailers *trailers, const sv_http1_piece *piece);
/* Frees what was collected, and collects no more. */
void sv_trailers_drop(sv_trailers *trailers);
/* The section is complete. Fields that must not come in a trailer are left out (RFC 9110, 6.5.1).
 */
void sv_trailers_parse(sv_trailers *trailers);
void sv_trailers_free(sv_trailers *trailers);

/* False for a field that says how the message is framed, routed, authenticated or read, or that
 * proxies set. */
bool sv_trailer_is_allowed(hr_str name);
/* More trailers of a message are dropped, all of them. */
#define SV_MAX_TRAILERS 64

#endif
