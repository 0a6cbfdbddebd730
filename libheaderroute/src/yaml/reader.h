/*
 * Reads YAML nodes into structs, driven by tables with one row a field. Fields are named as in
 * CustomResourceDefinitions. Messages of networking.istio.io are strict,
 * since Kubernetes would prune fields that it does not know: an unknown field is an error that
 * suggests the nearest known one.
 */
#ifndef HR_READER_H
#define HR_READER_H

#include "diag.h"
#include "map.h"
#include "textpool.h"
#include "yaml_node.h"

/* The place of the reader, for messages: a name or an index, on the stack of the functions that
 * read. */
typedef struct hr_path {
    const struct hr_path *up;
    hr_str name; /* absent: an index */
    size_t index;
    int is_key; /* a key of a user's map: printed in brackets */
} hr_path;

typedef struct hr_field hr_field;
typedef struct hr_schema hr_schema;
typedef struct hr_reader hr_reader;

/* Writes what an unknown field should be instead, zero-terminated; "" if that is not known. If
 * `key` is NULL, `map` is a node of another kind in place of the message. */
#define HR_HINT 512
typedef void (*hr_hint_fn)(char hint[HR_HINT], const hr_reader *r, const hr_schema *schema,
                           const hr_node *map, const hr_node *key);

struct hr_reader {
    hr_arena *arena;    /* of the load: structs */
    hr_arena *document; /* of the nodes of the current document: short-lived data of checks */
    hr_textpool text;   /* of the load: strings */
    hr_diagnostics *d;
    hr_str file;
    const hr_path *path;
    struct hr_resources *out; /* the result of the load */
    int serves;               /* hr_load_options */
    int expands_rollouts;     /* hr_load_options */
    int rollout_step;         /* hr_load_options */
    hr_hint_fn hint;          /* may be NULL */
    size_t misread;           /* fields of the current message that could not be read */
};

/* Reads `node` (never of kind NULL) into `base` + field->offset. Mistakes go to the diagnostics. */
typedef void (*hr_read_fn)(hr_reader *r, const hr_node *node, void *base, const hr_field *field);

struct hr_field {
    const char *name;
    hr_read_fn read;
    size_t offset;
    size_t count;    /* offset of the number of items of a list or map */
    const void *arg; /* hr_schema, hr_enum table or a message, depending on `read` */
    int oneof;       /* of the fields with the same number (not 0) only one is allowed */
};

struct hr_schema {
    const char *what; /* the message's name in Istio's API */
    const hr_field *fields;
    size_t n;
    size_t size;
    ptrdiff_t pos;           /* offset of its hr_pos; -1: none */
    ptrdiff_t present;       /* offset of its bool `present`; -1: none */
    int lax;                 /* unknown fields are ignored */
    void (*init)(void *out); /* values of absent fields; may be NULL */
    void (*check)(hr_reader *r, const hr_node *node,
                  void *out); /* rules inside the message; may be NULL */
};
#define HR_FIELDS(table) (table), sizeof(table) / sizeof((table)[0])
/* The usual schemas: one that keeps no place, one whose struct has its place in `pos`, one that
 * ignores unknown fields, and one with the offsets of place and presence (-1: none). */
#define HR_SCHEMA(what, table, type, init, check)                                                  \
    { what, HR_FIELDS(table), sizeof(type), -1, -1, 0, init, check }
#define HR_SCHEMA_WITH_POS(what, table, type, init, check)                                         \
    { what, HR_FIELDS(table), sizeof(type), offsetof(type, pos), -1, 0, init, check }
#define HR_SCHEMA_LAX(what, table, type, init, check)                                              \
    { what, HR_FIELDS(table), sizeof(type), -1, -1, 1, init, check }
#define HR_SCHEMA_AT(what, table, type, pos, present, init, check)                                 \
    { what, HR_FIELDS(table), sizeof(type), pos, present, 0, init, check }

typedef struct hr_enum {
    const char *name; /* NULL ends the table */
    int value;
} hr_enum;

/* ---- findings ---- */

hr_pos hr_reader_pos(const hr_reader *r, const hr_node *node);
/* Writes the path of the reader's place, as findings have it, cut to HR_READER_PATH bytes with the
 * terminating zero, and returns its length. */
#define HR_READER_PATH 512
size_t hr_reader_path(char buf[HR_READER_PATH], const hr_reader *r);
void hr_reader_error(hr_reader *r, const hr_node *node, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void hr_reader_warn(hr_reader *r, const hr_node *node, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Reports about a field of the message that is being checked. The place is that of the value of the
 * field; that of its key, if the value is a list or a map; that of the message, if the field is
 * absent. */
void hr_field_error(hr_reader *r, const hr_node *map, const char *field, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void hr_field_warn(hr_reader *r, const hr_node *map, const char *field, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* The value of a field; NULL if it is absent or null, or the map is NULL. */
const hr_node *hr_field_get(const hr_node *map, const char *field);
/* Whether the field is absent, or of the kind, so that its value has been read. */
bool hr_field_is_kind(const hr_node *map, const char *field, hr_node_kind kind);
/* Returns 1 if the node is of the kind. Otherwise reports "expected a string, got an integer" and
 * returns 0. */
int hr_reader_expect(hr_reader *r, const hr_node *node, hr_node_kind kind);

/* ---- memory: after NULL or an absent string r->arena has failed, and the load ends with HR_ENOMEM
 * ---- */

void *hr_reader_alloc(hr_reader *r, size_t n, size_t size);
hr_str hr_reader_copy(hr_reader *r, hr_str s);

/* ---- whole messages ---- */

void hr_read_fields(hr_reader *r, const hr_node *map, void *out, const hr_schema *schema);

/* ---- kinds of fields; the comment names the member's type ---- */

void hr_read_string(hr_reader *r, const hr_node *node, void *base,
                    const hr_field *field); /* hr_str */
void hr_read_strings(hr_reader *r, const hr_node *node, void *base,
                     const hr_field *field); /* hr_str_list */
void hr_read_bool(hr_reader *r, const hr_node *node, void *base, const hr_field *field); /* bool */
void hr_read_bool_value(hr_reader *r, const hr_node *node, void *base,
                        const hr_field *field); /* int: 0, 1 */
void hr_read_uint32(hr_reader *r, const hr_node *node, void *base,
                    const hr_field *field); /* uint32_t */
void hr_read_int32(hr_reader *r, const hr_node *node, void *base,
                   const hr_field *field); /* int32_t */
void hr_read_int64(hr_reader *r, const hr_node *node, void *base,
                   const hr_field *field); /* int64_t of an int32 */
void hr_read_uint32_value(hr_reader *r, const hr_node *node, void *base,
                          const hr_field *field); /* int64_t of a uint32 */
void hr_read_uint64(hr_reader *r, const hr_node *node, void *base,
                    const hr_field *field); /* int64_t of a uint64 */
void hr_read_double(hr_reader *r, const hr_node *node, void *base,
                    const hr_field *field); /* double */
void hr_read_duration(hr_reader *r, const hr_node *node, void *base,
                      const hr_field *field); /* int64_t, ns */
void hr_read_enum(hr_reader *r, const hr_node *node, void *base,
                  const hr_field *field); /* int; arg: hr_enum[] */
void hr_read_message(hr_reader *r, const hr_node *node, void *base,
                     const hr_field *field); /* struct; arg: schema */
void hr_read_pointer(hr_reader *r, const hr_node *node, void *base,
                     const hr_field *field); /* struct *; arg: schema */
void hr_read_list(hr_reader *r, const hr_node *node, void *base,
                  const hr_field *field); /* struct * and count */
void hr_read_pairs(hr_reader *r, const hr_node *node, void *base,
                   const hr_field *field); /* hr_pair * and count */
/* A field of Istio that this library does not support; arg: the message. */
void hr_read_refused(hr_reader *r, const hr_node *node, void *base, const hr_field *field);
/* A field of any shape that is ignored. */
void hr_read_nothing(hr_reader *r, const hr_node *node, void *base, const hr_field *field);

/* Parses a duration as Go's time.ParseDuration. Returns 0 if the text is not a duration. */
int hr_parse_duration(int64_t *out_ns, hr_str text);

/* Walks a list: sets r->path for each item. Use as
 *     hr_path step; size_t i = 0;
 *     for (const hr_node *item = hr_items_begin(r, &step, list); item != NULL; item =
 * hr_items_next(r, &step, item))
 */
const hr_node *hr_items_begin(hr_reader *r, hr_path *step, const hr_node *list);
const hr_node *hr_items_next(hr_reader *r, hr_path *step, const hr_node *item);
/* The same for the keys of a map, whose names are the user's; those whose value is null are left
 * out. */
const hr_node *hr_keys_begin(hr_reader *r, hr_path *step, const hr_node *map);
const hr_node *hr_keys_next(hr_reader *r, hr_path *step, const hr_node *key);

/* A new zeroed item at the end of one of the lists of the load; NULL if an allocation fails. */
void *hr_reader_append(hr_reader *r, void *list, size_t *n, size_t size);

/* Reads `resource`.spec by a strict schema into `out`. */
void hr_read_spec(hr_reader *r, const hr_node *resource, void *out, const hr_schema *schema);

#endif
