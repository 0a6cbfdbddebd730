/*
 * HTTPMatchRequest: the conditions of a rule, each of them one row of one table. HR_MATCH_FIELDS
 * (for a plain string: HR_MATCH_STRINGS) is the place where a condition on the request is added.
 * The struct, the reader, the merge of delegates, the compiler, the evaluator, the index, the
 * trace, the JSON of a view and the linter follow from its rows. Fields that are settled when a
 * view is made (port, gateways, sourceLabels, sourceNamespace) are not conditions on a request;
 * they have members of their own.
 */
#ifndef HR_HTTP_MATCH_H
#define HR_HTTP_MATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "reader.h"

typedef enum hr_sm_kind {
    HR_SM_NONE = 0,
    HR_SM_EXACT,
    HR_SM_PREFIX,
    HR_SM_REGEX,
    HR_SM_PRESENCE,
    HR_SM_PATH_PREFIX /* of HTTPRoute: "/a" takes "/a" and "/a/b", and not "/ab" */
} hr_sm_kind;

/* StringMatch. NONE: the field is absent. PRESENCE: `{}`. */
typedef struct hr_string_match {
    hr_sm_kind kind;
    hr_str value;
    hr_pos pos;
} hr_string_match;

typedef struct hr_named_match { /* one entry of headers, withoutHeaders, queryParams */
    hr_str name;
    hr_string_match match;
    hr_pos pos;
} hr_named_match;

/*
 * The conditions in the order in which a route tries them. Columns:
 *
 * 1. type: PATH is matched by the route itself; STRING is one StringMatch; MAP has StringMatches by
 * name.
 * 2. member of hr_match_request; a MAP also has the member n_MEMBER.
 * 3. the field's name in YAML.
 * 4. hr_cond_kind of the compiled condition, without its prefix.
 * 5. keys: HEADER_NAMES ignore letter case, QUERY_NAMES do not, NO_KEYS for a field that is not a
 * map.
 * 6. sense: MATCHES, or EXCLUDES where a request that matches is not taken.
 * 7. the value of a STRING, an expression over `subject` (hr_subject) that only route/ expands.
 */
#define HR_MATCH_STRINGS(ROW)                                                                      \
    ROW(STRING, method, "method", METHOD, NO_KEYS, MATCHES, subject->method)                       \
    ROW(STRING, authority, "authority", AUTHORITY, NO_KEYS, MATCHES, subject->authority)           \
    ROW(STRING, scheme, "scheme", SCHEME, NO_KEYS, MATCHES, subject->scheme)

#define HR_MATCH_FIELDS(ROW)                                                                       \
    ROW(PATH, uri, "uri", PATH, NO_KEYS, MATCHES, subject->path)                                   \
    ROW(MAP, headers, "headers", HEADER, HEADER_NAMES, MATCHES, 0)                                 \
    ROW(MAP, without_headers, "withoutHeaders", HEADER, HEADER_NAMES, EXCLUDES, 0)                 \
    HR_MATCH_STRINGS(ROW)                                                                          \
    ROW(MAP, query_params, "queryParams", QUERY, QUERY_NAMES, MATCHES, 0)

#define HR_MATCH_MEMBER_PATH(member) hr_string_match member;
#define HR_MATCH_MEMBER_STRING(member) hr_string_match member;
#define HR_MATCH_MEMBER_MAP(member)                                                                \
    hr_named_match *member;                                                                        \
    size_t n_##member;
#define HR_MATCH_MEMBER(type, member, ...) HR_MATCH_MEMBER_##type(member)

typedef struct hr_match_request { /* HTTPMatchRequest */
    hr_str name, stat_prefix;
    HR_MATCH_FIELDS(HR_MATCH_MEMBER)
    bool ignore_uri_case;
    uint32_t port; /* 0: unset */
    hr_pair *source_labels;
    size_t n_source_labels;
    hr_str_list gateways;
    hr_str source_namespace;
    hr_pos pos;
} hr_match_request;

/* What a compiled condition looks at; column 4 of the rows. */
#define HR_COND_OF(type, member, name, cond, ...) HR_COND_##cond,
typedef enum hr_cond_kind {
    HR_COND_HEADER = 0,
    HR_COND_QUERY,
    HR_MATCH_STRINGS(HR_COND_OF)
        HR_COND_PATH,  /* the path without query, which the route itself matches */
    HR_COND_FULL_PATH, /* the header `:path`: with query */
    HR_COND_STRIPPED,  /* a header that a proxy removes before it matches routes */
    HR_COND_CLAIM      /* a claim of a JSON web token, by its name "[a][b]" */
} hr_cond_kind;

typedef enum hr_match_type {
    HR_MATCH_TYPE_PATH,
    HR_MATCH_TYPE_STRING,
    HR_MATCH_TYPE_MAP
} hr_match_type;

/* A row at run time. */
typedef struct hr_match_field {
    const char *name; /* in YAML */
    hr_match_type type;
    hr_cond_kind cond;
    bool header_names; /* of a MAP: names ignore letter case */
    bool excludes;
    size_t offset; /* in hr_match_request, of the hr_string_match or of the array */
    size_t count;  /* of a MAP: offset of the number of entries */
} hr_match_field;

#define HR_MATCH_INDEX(type, member, ...) HR_MATCH_INDEX_##member,
enum { HR_MATCH_FIELDS(HR_MATCH_INDEX) HR_MATCH_FIELD_COUNT };
extern const hr_schema hr_string_match_schema; /* hr_string_match */
/* map<string, StringMatch>: hr_named_match * and count; arg: the schema of the values */
void hr_read_named_matches(hr_reader *r, const hr_node *node, void *base, const hr_field *field);
extern const hr_match_field hr_match_fields[HR_MATCH_FIELD_COUNT];

/* The StringMatch of a PATH or STRING row. */
static inline const hr_string_match *hr_match_string(const hr_match_request *match,
                                                     const hr_match_field *field) {
    return (const hr_string_match *)(const void *)((const char *)match + field->offset);
}

/* The entries of a MAP row. */
typedef struct hr_named_matches {
    hr_named_match *v;
    size_t n;
} hr_named_matches;

static inline hr_named_matches hr_match_map(const hr_match_request *match,
                                            const hr_match_field *field) {
    const char *base = (const char *)match;
    return (hr_named_matches){*(hr_named_match *const *)(const void *)(base + field->offset),
                              *(const size_t *)(const void *)(base + field->count)};
}

/* The same for writing. */
static inline void hr_match_string_set(hr_match_request *match, const hr_match_field *field,
                                       const hr_string_match *value) {
    *(hr_string_match *)(void *)((char *)match + field->offset) = *value;
}

static inline void hr_match_map_set(hr_match_request *match, const hr_match_field *field,
                                    hr_named_matches entries) {
    *(hr_named_match **)(void *)((char *)match + field->offset) = entries.v;
    *(size_t *)(void *)((char *)match + field->count) = entries.n;
}

extern const hr_schema hr_match_schema;        /* hr_match_request */
extern const hr_schema hr_origin_match_schema; /* hr_string_match of corsPolicy.allowOrigins */

#endif
