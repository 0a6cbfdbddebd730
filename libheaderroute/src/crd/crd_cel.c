/* Evaluates CEL expressions on nodes: values, comparisons, functions of strings, and macros. */
#include "crd_cel.h"

#include <string.h>

#include "host_names.h"
#include "reader.h"
#include "scalar.h"
#include "text.h"

typedef enum value_kind {
    CEL_ERROR,
    CEL_BOOL,
    CEL_INT, /* integers and durations */
    CEL_DOUBLE,
    CEL_STRING,
    CEL_NODE,   /* a list or a map */
    CEL_LITERAL /* a list of the expression */
} value_kind;

typedef struct cel_value {
    value_kind kind;
    union {
        int64_t integer;
        double real;
        hr_str text;
        const hr_node *node;
        const hr_cel_op *list;
    } u;
} cel_value;

typedef struct cel_scope {
    hr_crd_patterns *patterns;
    const hr_crd_table *table;
    cel_value variables[HR_CEL_VARIABLES];
} cel_scope;

static const cel_value cel_error = {.kind = CEL_ERROR};

static cel_value cel_eval(cel_scope *s, size_t index);

/* ---- values ---- */

static cel_value cel_bool(bool truth) {
    return (cel_value){.kind = CEL_BOOL, .u.integer = truth};
}

static cel_value cel_int(int64_t v) {
    return (cel_value){.kind = CEL_INT, .u.integer = v};
}

static cel_value cel_string(hr_str text) {
    return (cel_value){.kind = CEL_STRING, .u.text = text};
}

static cel_value cel_of_node(const hr_node *node) {
    int64_t integer;
    switch (node->kind) {
    case HR_NODE_BOOL:
        return cel_bool(node->u.text.p[0] == 't');
    case HR_NODE_INT:
        return hr_node_int(&integer, node) ? cel_int(integer) : cel_error;
    case HR_NODE_FLOAT:
        return (cel_value){.kind = CEL_DOUBLE, .u.real = hr_node_double(node)};
    case HR_NODE_STRING:
        return cel_string(node->u.text);
    case HR_NODE_LIST:
    case HR_NODE_MAP:
        return (cel_value){.kind = CEL_NODE, .u.node = node};
    case HR_NODE_NULL:
        break;
    }
    return cel_error;
}

static hr_str cel_text(const cel_scope *s, size_t index) {
    return hr_str_from(s->table->text[index]);
}

/* The UTF-8 characters of a text: CEL counts these. */
static size_t count_characters(hr_str text) {
    size_t n = 0;
    for (size_t i = 0; i < text.len; i++)
        n += ((unsigned char)text.p[i] & 0xC0) != 0x80;
    return n;
}

/* The byte at which a character begins; text.len behind the last. */
static size_t offset_of_character(hr_str text, size_t character) {
    size_t i = 0;
    for (; i < text.len; i++)
        if (((unsigned char)text.p[i] & 0xC0) != 0x80 && character-- == 0)
            break;
    return i;
}

/* ---- fields ---- */

/* The member of a map; NULL if it is absent, or null, which the API server has dropped. */
static const hr_node *given_member(const cel_value *map, hr_str name) {
    const hr_node *value = map->kind == CEL_NODE ? hr_node_get(map->u.node, name) : NULL;
    return value == NULL || value->kind == HR_NODE_NULL ? NULL : value;
}

static cel_value cel_select(cel_scope *s, const hr_cel_op *op) {
    cel_value map = cel_eval(s, op->a);
    const hr_node *member = given_member(&map, cel_text(s, op->b));
    return member == NULL ? cel_error : cel_of_node(member);
}

static cel_value cel_has(cel_scope *s, const hr_cel_op *op) {
    cel_value map = cel_eval(s, op->a);
    if (map.kind != CEL_NODE || map.u.node->kind != HR_NODE_MAP)
        return cel_error;
    return cel_bool(given_member(&map, cel_text(s, op->b)) != NULL);
}

/* ---- operators ---- */

/* An operand that settles the result makes an error of the other operand disappear. */
static cel_value cel_logic(cel_scope *s, const hr_cel_op *op) {
    bool settles = op->op == HR_CEL_OR;
    cel_value a = cel_eval(s, op->a);
    if (a.kind == CEL_BOOL && (a.u.integer != 0) == settles)
        return a;
    cel_value b = cel_eval(s, op->b);
    if (b.kind == CEL_BOOL && (b.u.integer != 0) == settles)
        return b;
    return a.kind == CEL_BOOL && b.kind == CEL_BOOL ? b : cel_error;
}

static cel_value cel_conditional(cel_scope *s, const hr_cel_op *op) {
    cel_value test = cel_eval(s, op->a);
    if (test.kind != CEL_BOOL)
        return cel_error;
    return cel_eval(s, test.u.integer != 0 ? op->b : op->c);
}

static cel_value cel_not(cel_scope *s, const hr_cel_op *op) {
    cel_value a = cel_eval(s, op->a);
    return a.kind == CEL_BOOL ? cel_bool(a.u.integer == 0) : cel_error;
}

static bool is_numeric(const cel_value *v) {
    return v->kind == CEL_INT || v->kind == CEL_DOUBLE;
}

static double real_of(const cel_value *v) {
    return v->kind == CEL_INT ? (double)v->u.integer : v->u.real;
}

/* Orders two numbers or two strings. Returns 0 if the values have no order. */
static int cel_order(const cel_value *a, const cel_value *b, int *order) {
    if (a->kind == CEL_INT && b->kind == CEL_INT)
        *order = (a->u.integer > b->u.integer) - (a->u.integer < b->u.integer);
    else if (is_numeric(a) && is_numeric(b))
        *order = (real_of(a) > real_of(b)) - (real_of(a) < real_of(b));
    else if (a->kind == CEL_STRING && b->kind == CEL_STRING)
        *order = hr_str_cmp(a->u.text, b->u.text);
    else if (a->kind == CEL_BOOL && b->kind == CEL_BOOL)
        *order = (int)(a->u.integer - b->u.integer);
    else
        return 0;
    return 1;
}

static cel_value cel_compare(cel_scope *s, const hr_cel_op *op) {
    cel_value a = cel_eval(s, op->a), b = cel_eval(s, op->b);
    int order;
    if (a.kind == CEL_ERROR || b.kind == CEL_ERROR || !cel_order(&a, &b, &order))
        return cel_error;
    switch (op->op) {
    case HR_CEL_EQ:
        return cel_bool(order == 0);
    case HR_CEL_NE:
        return cel_bool(order != 0);
    case HR_CEL_LT:
        return cel_bool(order < 0);
    case HR_CEL_LE:
        return cel_bool(order <= 0);
    case HR_CEL_GT:
        return cel_bool(order > 0);
    default:
        return cel_bool(order >= 0);
    }
}

static cel_value cel_add(cel_scope *s, const hr_cel_op *op) {
    cel_value a = cel_eval(s, op->a), b = cel_eval(s, op->b);
    int64_t sum;
    if (a.kind != CEL_INT || b.kind != CEL_INT ||
        __builtin_add_overflow(a.u.integer, b.u.integer, &sum))
        return cel_error;
    return cel_int(sum);
}

/* ---- lists and maps ---- */

typedef struct cel_walk {
    const hr_node *next; /* of a node */
    const hr_cel_op *literal;
    size_t index;
} cel_walk;

static int cel_walk_begin(cel_walk *walk, const cel_value *range) {
    *walk = (cel_walk){0};
    if (range->kind == CEL_NODE)
        walk->next = range->u.node->u.children.first;
    else if (range->kind == CEL_LITERAL)
        walk->literal = range->u.list;
    else
        return 0;
    return 1;
}

/* The next item of a list or key of a map. Returns 0 behind the last. */
static int cel_walk_next(cel_scope *s, cel_walk *walk, cel_value *out) {
    if (walk->literal != NULL) {
        if (walk->index == walk->literal->b)
            return 0;
        *out = cel_eval(s, s->table->cel_items[walk->literal->a + walk->index++]);
        return 1;
    }
    while (walk->next != NULL && walk->next->value != NULL &&
           walk->next->value->kind == HR_NODE_NULL)
        walk->next = walk->next->next; /* a key whose value is null has been dropped */
    if (walk->next == NULL)
        return 0;
    *out = cel_of_node(walk->next);
    walk->next = walk->next->next;
    return 1;
}

static cel_value cel_in(cel_scope *s, const hr_cel_op *op) {
    cel_value a = cel_eval(s, op->a), list = cel_eval(s, op->b), item;
    cel_walk walk;
    int order;
    if (a.kind == CEL_ERROR || !cel_walk_begin(&walk, &list))
        return cel_error;
    while (cel_walk_next(s, &walk, &item))
        if (cel_order(&a, &item, &order) && order == 0)
            return cel_bool(true);
    return cel_bool(false);
}

/* all, exists, exists_one and the size of a filter. As with && and ||, an item that settles the
 * result hides errors. */
static cel_value cel_each(cel_scope *s, const hr_cel_op *op) {
    cel_value range = cel_eval(s, op->a), item;
    cel_walk walk;
    size_t holds = 0, fails = 0, errors = 0;
    if (!cel_walk_begin(&walk, &range))
        return cel_error;
    while (cel_walk_next(s, &walk, &item)) {
        s->variables[op->c] = item;
        cel_value truth = cel_eval(s, op->b);
        errors += truth.kind != CEL_BOOL;
        holds += truth.kind == CEL_BOOL && truth.u.integer != 0;
        fails += truth.kind == CEL_BOOL && truth.u.integer == 0;
        if ((op->op == HR_CEL_ALL && fails > 0) || (op->op == HR_CEL_EXISTS && holds > 0))
            return cel_bool(op->op == HR_CEL_EXISTS);
    }
    if (errors > 0)
        return cel_error;
    if (op->op == HR_CEL_COUNT)
        return cel_int((int64_t)holds);
    return cel_bool(op->op == HR_CEL_ALL || (op->op == HR_CEL_EXISTS_ONE && holds == 1));
}

static cel_value cel_size(cel_scope *s, const hr_cel_op *op) {
    cel_value a = cel_eval(s, op->a), item;
    cel_walk walk;
    if (a.kind == CEL_STRING)
        return cel_int((int64_t)count_characters(a.u.text));
    if (!cel_walk_begin(&walk, &a))
        return cel_error;
    int64_t n = 0;
    while (cel_walk_next(s, &walk, &item))
        n++;
    return cel_int(n);
}

static cel_value cel_index(cel_scope *s, const hr_cel_op *op) {
    cel_value list = cel_eval(s, op->a), index = cel_eval(s, op->b), item;
    cel_walk walk;
    if (index.kind != CEL_INT || index.u.integer < 0 || !cel_walk_begin(&walk, &list))
        return cel_error;
    for (int64_t i = 0; cel_walk_next(s, &walk, &item); i++)
        if (i == index.u.integer)
            return item;
    return cel_error;
}

/* ---- strings ---- */

static cel_value cel_string_test(cel_scope *s, const hr_cel_op *op) {
    cel_value a = cel_eval(s, op->a), b = cel_eval(s, op->b);
    if (a.kind != CEL_STRING || b.kind != CEL_STRING)
        return cel_error;
    if (op->op == HR_CEL_STARTS_WITH)
        return cel_bool(hr_str_starts(a.u.text, b.u.text));
    if (op->op == HR_CEL_ENDS_WITH)
        return cel_bool(hr_str_ends(a.u.text, b.u.text));
    for (size_t i = 0; i + b.u.text.len <= a.u.text.len; i++)
        if (hr_str_starts(hr_str_tail(a.u.text, i), b.u.text))
            return cel_bool(true);
    return cel_bool(false);
}

static cel_value cel_substring(cel_scope *s, const hr_cel_op *op) {
    cel_value a = cel_eval(s, op->a), from = cel_eval(s, op->b), to = cel_eval(s, op->c);
    if (a.kind != CEL_STRING || from.kind != CEL_INT || to.kind != CEL_INT)
        return cel_error;
    if (from.u.integer < 0 || from.u.integer > to.u.integer ||
        to.u.integer > (int64_t)count_characters(a.u.text))
        return cel_error;
    size_t begin = offset_of_character(a.u.text, (size_t)from.u.integer);
    size_t end = offset_of_character(a.u.text, (size_t)to.u.integer);
    return cel_string(hr_str_from_to(a.u.text, begin, end));
}

/* The text in front of the first separator, or all of it. */
static cel_value cel_before(cel_scope *s, const hr_cel_op *op) {
    cel_value a = cel_eval(s, op->a), b = cel_eval(s, op->b);
    if (a.kind != CEL_STRING || b.kind != CEL_STRING)
        return cel_error;
    size_t n = 0;
    while (n < a.u.text.len && !hr_str_starts(hr_str_tail(a.u.text, n), b.u.text))
        n++;
    return cel_string(hr_str_of(a.u.text.p, n));
}

static cel_value cel_is_ip(cel_scope *s, const hr_cel_op *op) {
    cel_value a = cel_eval(s, op->a);
    return a.kind == CEL_STRING ? cel_bool(hr_is_ip(a.u.text)) : cel_error;
}

static cel_value cel_matches(cel_scope *s, const hr_cel_op *op) {
    cel_value a = cel_eval(s, op->a);
    if (a.kind != CEL_STRING)
        return cel_error;
    return cel_bool(hr_crd_matches(s->patterns, s->table->cel[op->b].a, a.u.text));
}

static cel_value cel_duration(cel_scope *s, const hr_cel_op *op) {
    cel_value a = cel_eval(s, op->a);
    int64_t ns;
    if (a.kind != CEL_STRING || !hr_parse_duration(&ns, a.u.text))
        return cel_error;
    return cel_int(ns);
}

/* ---- an expression ---- */

static cel_value cel_literal(const cel_scope *s, const hr_cel_op *op) {
    switch (op->op) {
    case HR_CEL_INT:
        return cel_int(op->a | (int64_t)op->b << 16);
    case HR_CEL_BOOL:
        return cel_bool(op->a != 0);
    case HR_CEL_STRING:
        return cel_string((hr_str){s->table->text[op->a], op->b});
    case HR_CEL_LIST:
        return (cel_value){.kind = CEL_LITERAL, .u.list = op};
    default:
        return s->variables[op->a];
    }
}

/* Recursion ends with the expression, which the generator has written; its depth is small. */
static cel_value cel_eval(cel_scope *s, size_t index) {
    static cel_value (*const functions[])(cel_scope *, const hr_cel_op *) = {
        [HR_CEL_SELECT] = cel_select,
        [HR_CEL_HAS] = cel_has,
        [HR_CEL_NOT] = cel_not,
        [HR_CEL_AND] = cel_logic,
        [HR_CEL_OR] = cel_logic,
        [HR_CEL_COND] = cel_conditional,
        [HR_CEL_EQ] = cel_compare,
        [HR_CEL_NE] = cel_compare,
        [HR_CEL_LT] = cel_compare,
        [HR_CEL_LE] = cel_compare,
        [HR_CEL_GT] = cel_compare,
        [HR_CEL_GE] = cel_compare,
        [HR_CEL_IN] = cel_in,
        [HR_CEL_ADD] = cel_add,
        [HR_CEL_ALL] = cel_each,
        [HR_CEL_EXISTS] = cel_each,
        [HR_CEL_EXISTS_ONE] = cel_each,
        [HR_CEL_SIZE] = cel_size,
        [HR_CEL_CONTAINS] = cel_string_test,
        [HR_CEL_STARTS_WITH] = cel_string_test,
        [HR_CEL_ENDS_WITH] = cel_string_test,
        [HR_CEL_SUBSTRING] = cel_substring,
        [HR_CEL_MATCHES] = cel_matches,
        [HR_CEL_DURATION] = cel_duration,
        [HR_CEL_COUNT] = cel_each,
        [HR_CEL_INDEX] = cel_index,
        [HR_CEL_BEFORE] = cel_before,
        [HR_CEL_IS_IP] = cel_is_ip,
    };
    const hr_cel_op *op = &s->table->cel[index];
    return functions[op->op] == NULL ? cel_literal(s, op) : functions[op->op](s, op);
}

bool hr_cel_holds(hr_crd_patterns *patterns, const hr_crd_rule *rule, const hr_node *self) {
    cel_scope s = {.patterns = patterns, .table = hr_crd_patterns_table(patterns)};
    s.variables[0] = cel_of_node(self);
    cel_value result = cel_eval(&s, rule->expression);
    return result.kind == CEL_BOOL && result.u.integer != 0;
}
