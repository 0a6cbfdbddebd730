/* Writing JSON to the end of a scratch: compact, always UTF-8. */
#ifndef HR_JSON_WRITER_H
#define HR_JSON_WRITER_H

#include "scratch.h"

typedef struct hr_json_writer {
    hr_sbuf s;
    bool first; /* nothing was written yet into the innermost array or object */
} hr_json_writer;

/* A string in quotes; bytes that are no UTF-8 are read as Latin-1. */
void hr_json_text(hr_json_writer *w, hr_str s);
/* As it stands. */
void hr_json_raw(hr_json_writer *w, const char *text);
/* Before every value of an array. */
void hr_json_comma(hr_json_writer *w);
/* '[' or '{'. */
void hr_json_open(hr_json_writer *w, char c);
void hr_json_close(hr_json_writer *w, char c);
/* The name of a member, with the comma before it. */
void hr_json_key(hr_json_writer *w, const char *name);
/* A string, or null where it is absent. */
void hr_json_value_str(hr_json_writer *w, hr_str s);
void hr_json_str(hr_json_writer *w, const char *name, hr_str s);
void hr_json_int(hr_json_writer *w, const char *name, int64_t value);
/* null unless `has`. */
void hr_json_int_or_null(hr_json_writer *w, const char *name, int64_t value, bool has);
void hr_json_bool(hr_json_writer *w, const char *name, bool value);
/* null if it is negative. */
void hr_json_bool_or_null(hr_json_writer *w, const char *name, int value);
void hr_json_null(hr_json_writer *w, const char *name);
/* The shortest text that reads back as the number. */
void hr_json_number(hr_json_writer *w, const char *name, double value);
void hr_json_value_number(hr_json_writer *w, double value);
void hr_json_strings(hr_json_writer *w, const char *name, const hr_str *v, size_t n);
void hr_json_codes(hr_json_writer *w, const char *name, const uint16_t *v, size_t n);
/* As [[name, value], ...]. */
void hr_json_pairs(hr_json_writer *w, const char *name, const hr_pair *v, size_t n);
/* As {name: value, ...}. */
void hr_json_map(hr_json_writer *w, const char *name, const hr_pair *v, size_t n);
/* As [{kind: value}, ...]. */
void hr_json_matchers(hr_json_writer *w, const char *name, const hr_origin_match *v, size_t n);
/* "file:line"; null where the file is absent. */
void hr_json_place(hr_json_writer *w, const char *name, hr_str file, int line);

#endif
