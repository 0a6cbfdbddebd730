/*
 * Prints the rows of decision_members.h as JSON: scripts/decision_schema.py makes the schema of
 * decisions and the Python classes of them.
 */
#include <stdio.h>

#include "decision_members.h"

static const char *comma = "";

static void begin_row(const char *kind, const char *name, const char *about) {
    printf("%s\n  {\"kind\": \"%s\", \"name\": \"%s\", \"about\": \"%s\"", comma, kind, name,
           about);
    comma = ",";
}

static void put_choices(const char *(*name_of)(int)) {
    const char *between = "";
    printf(", \"choices\": [");
    for (int value = 0; name_of(value) != NULL; value++, between = ", ")
        printf("%s\"%s\"", between, name_of(value));
    printf("]");
}

/* One function for the enums of choices, which differ in their type. */
#define NAME_OF(function, type)                                                                    \
    static const char *function##_of_int(int value) {                                              \
        return function((type)value);                                                              \
    }
NAME_OF(hr_action_name, hr_action)
NAME_OF(hr_hash_kind_name, hr_hash_kind)
NAME_OF(hr_lb_name, hr_lb)

/* What a kind adds to its row. */
#define ADD_string(value)
#define ADD_string_or_null(value)
#define ADD_integer(value)
#define ADD_integer_or_null(value, has)
#define ADD_number(value)
#define ADD_boolean(value)
#define ADD_boolean_or_null(value)
#define ADD_choice(name_of, value, has) put_choices(name_of##_of_int);
#define ADD_choice_or_null(name_of, value, has) put_choices(name_of##_of_int);
#define ADD_place(file, line)
#define ADD_strings(v, n)
#define ADD_integers(v, n)
#define ADD_pairs(v, n)
#define ADD_map(v, n)
#define ADD_matchers(v, n)
#define ADD_object(type, object) printf(", \"object\": \"" #type "\"");
#define ADD_object_or_null(type, object) ADD_object(type, object)
#define ADD_objects(type, n, item) ADD_object(type, item)

#define ROW(kind, name, about, ...)                                                                \
    begin_row(#kind, #name, about);                                                                \
    ADD_##kind(__VA_ARGS__) printf("}");
#define OBJECT(name, type, rows, about)                                                            \
    printf("%s\n \"" #name "\": {\"about\": \"%s\", \"members\": [", between, about);              \
    between = ",";                                                                                 \
    comma = "";                                                                                    \
    rows(ROW) printf("]}");

int main(void) {
    const char *between = "";
    printf("{");
    HR_DECISION_OBJECTS(OBJECT)
    printf("\n}\n");
    return 0;
}
