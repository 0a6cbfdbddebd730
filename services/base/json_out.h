/* Writing JSON: an append-only text that grows. Bytes that are not UTF-8 become U+FFFD, so that
 * what comes out is always JSON, whatever a client sent. */
#ifndef HR_SERVICES_JSON_OUT_H
#define HR_SERVICES_JSON_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct hr_text {
    char *p; /* malloc'ed, zero-terminated; NULL while nothing was written */
    size_t len, capacity;
    bool failed; /* an allocation failed; the text is truncated at that point */
} hr_text;

void hr_text_free(hr_text *text);
/* Gives back what the text has grown beyond its bytes. */
void hr_text_fit(hr_text *text);
void hr_text_bytes(hr_text *text, const char *bytes, size_t len);
void hr_text_str(hr_text *text, const char *zero_terminated);
void hr_text_printf(hr_text *text, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Length of the well-formed UTF-8 sequence at p (Unicode 15, table 3-7), or 0. `len` is above 0. */
size_t hr_utf8_sequence(const unsigned char *p, size_t len);

/* A JSON string with its quotes. */
void hr_json_string(hr_text *text, const char *bytes, size_t len);
/* ,"name": (without the comma after an opening brace) */
void hr_json_name(hr_text *text, const char *name);
/* ,"name":"value"; null where value is NULL */
void hr_json_member(hr_text *text, const char *name, const char *value, size_t len);
void hr_json_member_str(hr_text *text, const char *name, const char *zero_terminated);
void hr_json_member_int(hr_text *text, const char *name, int64_t value);

#endif
