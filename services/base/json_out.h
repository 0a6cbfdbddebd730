/* Writing JSON: an append-only text that grows. Bytes that are not UTF-8 become U+FFFD, so that
 * what comes out is always JSON, whatever a client sent. */
#ifndef SV_JSON_OUT_H
#define SV_JSON_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct sv_text {
    char *p; /* malloc'ed, zero-terminated; NULL while nothing was written */
    size_t len, capacity;
    bool failed; /* an allocation failed; the text is truncated at that point */
} sv_text;

void sv_text_free(sv_text *text);
/* Gives back what the text has grown beyond its bytes. */
void sv_text_fit(sv_text *text);
void sv_text_bytes(sv_text *text, const char *bytes, size_t len);
void sv_text_str(sv_text *text, const char *zero_terminated);
void sv_text_printf(sv_text *text, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Length of the well-formed UTF-8 sequence at p (Unicode 15, table 3-7), or 0. `len` is above 0. */
size_t sv_utf8_sequence(const unsigned char *p, size_t len);

/* A JSON string with its quotes. */
void sv_json_string(sv_text *text, const char *bytes, size_t len);
/* ,"name": (without the comma after an opening brace) */
void sv_json_name(sv_text *text, const char *name);
/* ,"name":"value"; null where value is NULL */
void sv_json_member(sv_text *text, const char *name, const char *value, size_t len);
void sv_json_member_str(sv_text *text, const char *name, const char *zero_terminated);
void sv_json_member_int(sv_text *text, const char *name, int64_t value);

#endif
