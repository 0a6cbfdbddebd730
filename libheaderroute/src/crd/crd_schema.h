/*
 * The schemas of CustomResourceDefinitions as tables of numbers, which scripts/crd_tables.py
 * generates. Texts are indexes of `text`; ranges are the index of their first element and a count.
 * Index 0 of nodes, limits and operations means: none.
 */
#ifndef HR_CRD_SCHEMA_H
#define HR_CRD_SCHEMA_H

#include <stddef.h>
#include <stdint.h>

typedef enum hr_crd_type {
    HR_CRD_ANY,
    HR_CRD_OBJECT,
    HR_CRD_ARRAY,
    HR_CRD_STRING,
    HR_CRD_INTEGER,
    HR_CRD_NUMBER,
    HR_CRD_BOOLEAN,
    HR_CRD_INT_OR_STRING
} hr_crd_type;

/* Flags of nodes. */
enum {
    HR_CRD_NULLABLE = 1, /* null is a value; otherwise the API server drops a member that is null */
    HR_CRD_PRESERVE = 2, /* unknown fields are kept */
    HR_CRD_SET = 4,      /* a list without equal items */
    HR_CRD_FALLBACKS = 8, /* a field somewhere below has a default */
    HR_CRD_ADDRESS = 16   /* `value` is an IP address where `type` is IPAddress */
};

/* One schema: a type and what its values must satisfy. */
typedef struct hr_crd_node {
    uint8_t type, flags;
    uint16_t fields, n_fields;     /* properties of an object */
    uint16_t item;                 /* the node of a list's items or of a map's values */
    uint16_t limits;               /* index of limits */
    uint16_t required, n_required; /* in names */
    uint16_t enums, n_enums;       /* in names */
    uint16_t keys, n_keys;         /* in names: fields by which the items of a list differ */
    uint16_t groups, n_groups;     /* of each group at most one field is allowed */
    uint16_t rules, n_rules;
    uint16_t fallback; /* index of fallbacks: the default of a field of this schema */
} hr_crd_node;

typedef struct hr_crd_field {
    uint16_t name, len, node;
} hr_crd_field;

typedef struct hr_crd_range { /* in names */
    uint16_t first, n;
} hr_crd_range;

/* Flags of limits: which of them exist. */
enum {
    HR_CRD_MINIMUM = 1,
    HR_CRD_MAXIMUM = 2,
    HR_CRD_MOST = 4,
    HR_CRD_PATTERN = 8,
    HR_CRD_INT32 = 16,
    HR_CRD_BYTE = 32 /* base64 */
};

typedef struct hr_crd_limits {
    double minimum, maximum;
    uint32_t least, most; /* characters of a string, items of a list, keys of a map */
    uint16_t pattern;
    uint16_t flags;
} hr_crd_limits;

typedef enum hr_crd_fallback_kind {
    HR_CRD_FALLBACK_NONE,
    HR_CRD_FALLBACK_STRING, /* first: a text, n: its length */
    HR_CRD_FALLBACK_INT,    /* the same */
    HR_CRD_FALLBACK_LIST,   /* first: in fallback_items, n: items, each a fallback */
    HR_CRD_FALLBACK_MAP     /* the same, each a text and a fallback */
} hr_crd_fallback_kind;

/* A default that the API server fills in before it validates. */
typedef struct hr_crd_fallback {
    uint16_t kind, first, n;
} hr_crd_fallback;

/* A rule of x-kubernetes-validations. */
typedef struct hr_crd_rule {
    uint16_t source, message, expression; /* texts; index of an operation */
} hr_crd_rule;

/* Operations of CEL. Operands are operations unless stated otherwise. */
typedef enum hr_cel_operation {
    HR_CEL_NONE,
    HR_CEL_INT,    /* a | b << 16 */
    HR_CEL_BOOL,   /* a */
    HR_CEL_STRING, /* a: text, b: its length */
    HR_CEL_LIST,   /* a: in cel_items, b: how many */
    HR_CEL_VAR,    /* a: slot; 0 is self */
    HR_CEL_SELECT, /* field b (a text) of a */
    HR_CEL_HAS,    /* the same, whether it is given */
    HR_CEL_NOT,
    HR_CEL_AND,
    HR_CEL_OR,
    HR_CEL_COND, /* a ? b : c */
    HR_CEL_EQ,
    HR_CEL_NE,
    HR_CEL_LT,
    HR_CEL_LE,
    HR_CEL_GT,
    HR_CEL_GE,
    HR_CEL_IN,
    HR_CEL_ADD,
    HR_CEL_ALL, /* over a, for each: b, in slot c */
    HR_CEL_EXISTS,
    HR_CEL_EXISTS_ONE,
    HR_CEL_COUNT, /* a.filter(c, b).size() */
    HR_CEL_SIZE,
    HR_CEL_CONTAINS,
    HR_CEL_STARTS_WITH,
    HR_CEL_ENDS_WITH,
    HR_CEL_SUBSTRING, /* a from b to c */
    HR_CEL_MATCHES,   /* a, pattern of the operation b */
    HR_CEL_PATTERN,   /* a: index of patterns */
    HR_CEL_DURATION,
    HR_CEL_INDEX,  /* item b of the list a */
    HR_CEL_BEFORE, /* a.split(b)[0] */
    HR_CEL_IS_IP
} hr_cel_operation;

#define HR_CEL_VARIABLES 4

typedef struct hr_cel_op {
    uint16_t op, a, b, c;
} hr_cel_op;

typedef struct hr_crd_kind {
    uint16_t group, kind, node;
    uint16_t variant; /* of the Gateway API: 0 the experimental channel, 1 the standard channel */
} hr_crd_kind;

typedef struct hr_crd_table {
    const char *const *text;
    const hr_crd_node *nodes;
    const hr_crd_field *fields;
    const uint16_t *names; /* texts */
    const hr_crd_range *groups;
    const hr_crd_limits *limits;
    const hr_crd_rule *rules;
    const hr_cel_op *cel;
    const uint16_t *cel_items, *patterns; /* operations; texts */
    const hr_crd_fallback *fallbacks;
    const uint16_t *fallback_items;
    const hr_crd_kind *kinds;
    size_t n_patterns, n_kinds, n_rules;
} hr_crd_table;

/* Of networking.istio.io, and of gateway.networking.k8s.io. */
extern const hr_crd_table hr_crd_istio;
extern const hr_crd_table hr_crd_gateway_api;

#endif
