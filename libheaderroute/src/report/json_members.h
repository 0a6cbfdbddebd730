/* Objects of JSON as lists of rows, one for each member. */
#ifndef HR_JSON_MEMBERS_H
#define HR_JSON_MEMBERS_H

#include "json_writer.h"

/* A row is M(kind, name, about, value ...), where x is the object that has the member. Kinds, and
 * what follows `about`:
 *  - string, string_or_null: an hr_str; null if it is absent
 *  - integer, number: a value
 *  - integer_or_null: a value, and whether there is one
 *  - boolean, boolean_or_null: an int; null if it is negative
 *  - choice, choice_or_null: a function that names an enum's values, a value, whether there is one
 *  - place: file and line
 *  - strings, integers, pairs, map: an array (of uint16_t, hr_pair) and its length
 *  - matchers: hr_origin_match and their number
 *  - object, object_or_null: the object's name in HR_JSON_OBJECT; a pointer, NULL for null
 *  - objects: their name in HR_JSON_OBJECT, how many, and a pointer to number i */

/* Defines hr_json_put_NAME, which writes an object by its rows. */
#define HR_JSON_OBJECT(storage, name, type, rows)                                                  \
    storage void hr_json_put_##name(hr_json_writer *w, const type *x) {                            \
        hr_json_open(w, '{');                                                                      \
        rows(HR_JSON_PUT);                                                                         \
        hr_json_close(w, '}');                                                                     \
    }

#define HR_JSON_PUT(kind, name, about, ...) HR_PUT_##kind(#name, __VA_ARGS__)
#define HR_PUT_string(name, value) hr_json_str(w, name, value);
#define HR_PUT_string_or_null(name, value) hr_json_str(w, name, value);
#define HR_PUT_integer(name, value) hr_json_int(w, name, value);
#define HR_PUT_integer_or_null(name, value, has) hr_json_int_or_null(w, name, value, has);
#define HR_PUT_number(name, value) hr_json_number(w, name, value);
#define HR_PUT_boolean(name, value) hr_json_bool(w, name, (value) != 0);
#define HR_PUT_boolean_or_null(name, value) hr_json_bool_or_null(w, name, value);
#define HR_PUT_choice(name, name_of, value, has)                                                   \
    hr_json_str(w, name, (has) ? hr_str_from(name_of(value)) : (hr_str){0});
#define HR_PUT_choice_or_null(name, name_of, value, has) HR_PUT_choice(name, name_of, value, has)
#define HR_PUT_place(name, file, line) hr_json_place(w, name, file, line);
#define HR_PUT_strings(name, v, n) hr_json_strings(w, name, v, n);
#define HR_PUT_integers(name, v, n) hr_json_codes(w, name, v, n);
#define HR_PUT_pairs(name, v, n) hr_json_pairs(w, name, v, n);
#define HR_PUT_map(name, v, n) hr_json_map(w, name, v, n);
#define HR_PUT_matchers(name, v, n) hr_json_matchers(w, name, v, n);
#define HR_PUT_object(name, type, object)                                                          \
    hr_json_key(w, name);                                                                          \
    hr_json_put_##type(w, object);
#define HR_PUT_object_or_null(name, type, object)                                                  \
    if ((object) == NULL) {                                                                        \
        hr_json_null(w, name);                                                                     \
    } else {                                                                                       \
        HR_PUT_object(name, type, object)                                                          \
    }
#define HR_PUT_objects(name, type, n, item)                                                        \
    hr_json_key(w, name);                                                                          \
    hr_json_open(w, '[');                                                                          \
    for (size_t i = 0; i < (n); i++) {                                                             \
        hr_json_comma(w);                                                                          \
        hr_json_put_##type(w, item);                                                               \
    }                                                                                              \
    hr_json_close(w, ']');

#endif
