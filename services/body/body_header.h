/*
 * Headers whose values come from a request's body: `x-model=$.model` takes the member `model` of a
 * JSON object, `x-model=model_name` the model that a request of the Open Inference Protocol names
 * in its path.
 *
 *     sv_body_rule rules[1];
 *     if (sv_body_rule_parse(&rules[0], "x-model=$.model", why, sizeof(why)) != 0) ...
 *     sv_body_reader *reader = sv_body_reader_new(rules, 1);
 *     while (sv_body_reader_read(reader, body, len, false) && there is more)
 *         ...
 *     value = sv_body_reader_value(reader, 0);
 *
 * No I/O. Functions are thread-safe on different objects.
 */
#ifndef SV_BODY_HEADER_H
#define SV_BODY_HEADER_H

#include <stdbool.h>
#include <stddef.h>

#include <headerroute/headerroute.h>

/* Bytes of a body that are looked at unless an option says otherwise. */
#define SV_BODY_LOOK_AHEAD ((size_t)64 << 10)

#define SV_BODY_MAX_MEMBERS 8
/* Of a value; a longer one is left out. */
#define SV_BODY_MAX_VALUE 1024

/* What one --body-header says. Points into its text. */
typedef struct sv_body_rule {
    char name[64]; /* of the header, in lower case */
    bool model_name;
    hr_str members[SV_BODY_MAX_MEMBERS]; /* "$.a.b": a, b */
    size_t n_members;
} sv_body_rule;

/* Parses NAME=$.MEMBER[.MEMBER]... or NAME=model_name, which must live as long as the rule. 0, or
 * -1 and a sentence fragment. */
int sv_body_rule_parse(sv_body_rule *rule, const char *text, char *why, size_t why_size);

/* The rule's header has this name (in lower case). */
bool sv_body_rule_sets(const sv_body_rule *rule, hr_str name);

/* The model that a path of the Open Inference Protocol names ("/v2/models/NAME", with anything that
 * follows it), percent-decoded into buf. Absent if it names none, or one that no header may hold.
 */
hr_str sv_body_model_of_path(hr_str path, char *buf, size_t size);

/* Reads the JSON of one body. */
typedef struct sv_body_reader sv_body_reader;

/* The rules must live as long as the reader. Returns NULL if the allocation fails. */
sv_body_reader *sv_body_reader_new(const sv_body_rule *rules, size_t n);
/* NULL is allowed. */
void sv_body_reader_free(sv_body_reader *reader);
/* Reads on; `body` are the first `len` bytes of the body, with those that were read before. False:
 * more bytes change nothing, as the object is complete, or the body is not a JSON object. A string
 * or a number is read once it is complete, so that the work does not depend on the pieces in which
 * it comes; with `last`, no more is read, and what has come of one is looked at, too. */
bool sv_body_reader_read(sv_body_reader *reader, const char *body, size_t len, bool last);
/* The body has ended: an object that is not complete is not JSON. */
void sv_body_reader_end(sv_body_reader *reader);
/* The value of rule i: a string's text, a number as it is written, true or false. Absent if the
 * member is missing, null, an object or an array, comes twice, or has a value that no header may
 * hold, and if what was read is not JSON. Lives as long as the reader. */
hr_str sv_body_reader_value(const sv_body_reader *reader, size_t i);

#endif
