/*
 * Reading one string out of a JSON object, in memory that does not depend on what the object holds
 * otherwise: no tree is built, so a body full of small values costs nothing.
 */
#ifndef HR_SERVICES_JSON_IN_H
#define HR_SERVICES_JSON_IN_H

#include <stdbool.h>
#include <stddef.h>

typedef struct hr_json_string_found {
    char *p; /* within `text`, or, if the string had escapes, within `owned` */
    size_t len;
    char *owned; /* free() it; NULL where p is within `text` */
    bool found;
} hr_json_string_found;

/* `text` must be one JSON object (RFC 8259, UTF-8, nested at most 64 deep) and nothing else. Finds
 * the string member `name` of the object itself. 0, also where there is no such member; -1 with a
 * sentence in `why`: not JSON, not an object, the member twice, or not a string. Where a string of
 * the object has escapes, up to three times `len` is allocated for a while. */
int hr_json_find_string(hr_json_string_found *out, char *text, size_t len, const char *name,
                        char *why, size_t why_size);

#endif
