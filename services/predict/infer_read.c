/* An inference request: JSON, read as it streams by, and what follows it. */
#include "infer_read.h"

#include <stdlib.h>
#include <string.h>

#include "base64.h"
#include "infer_parts.h"
#include "json_parse.h"

#define MAX_DEPTH 32

/* Where in the document a value stands. */
typedef enum place {
    AT_START,
    IN_REQUEST,
    IN_PARAMETERS,
    IN_INPUTS,
    IN_INPUT,
    IN_INPUT_PARAMETERS,
    IN_SHAPE,
    IN_DATA,
    IN_OUTPUTS,
    IN_OUTPUT,
    IN_OUTPUT_PARAMETERS,
    ELSEWHERE /* a member that this model has no use for */
} place;

/* The members that count, by their name. */
typedef enum key {
    KEY_OTHER,
    KEY_ID,
    KEY_PARAMETERS,
    KEY_INPUTS,
    KEY_OUTPUTS,
    KEY_NAME,
    KEY_DATATYPE,
    KEY_SHAPE,
    KEY_DATA,
    KEY_RECT,
    KEY_OUTPUT,
    KEY_ITERATIONS,
    KEY_SEED,
    KEY_BINARY_DATA_OUTPUT,
    KEY_BINARY_DATA_SIZE,
    KEY_BINARY_DATA
} key;

static const struct {
    place where;
    const char *name;
    key key;
} members[] = {
    {IN_REQUEST, "id", KEY_ID},
    {IN_REQUEST, "parameters", KEY_PARAMETERS},
    {IN_REQUEST, "inputs", KEY_INPUTS},
    {IN_REQUEST, "outputs", KEY_OUTPUTS},
    {IN_PARAMETERS, "rect", KEY_RECT},
    {IN_PARAMETERS, "output", KEY_OUTPUT},
    {IN_PARAMETERS, "iterations", KEY_ITERATIONS},
    {IN_PARAMETERS, "seed", KEY_SEED},
    {IN_PARAMETERS, "binary_data_output", KEY_BINARY_DATA_OUTPUT},
    {IN_INPUT, "name", KEY_NAME},
    {IN_INPUT, "datatype", KEY_DATATYPE},
    {IN_INPUT, "shape", KEY_SHAPE},
    {IN_INPUT, "data", KEY_DATA},
    {IN_INPUT, "parameters", KEY_PARAMETERS},
    {IN_INPUT_PARAMETERS, "binary_data_size", KEY_BINARY_DATA_SIZE},
    {IN_OUTPUT, "name", KEY_NAME},
    {IN_OUTPUT, "parameters", KEY_PARAMETERS},
    {IN_OUTPUT_PARAMETERS, "binary_data", KEY_BINARY_DATA},
};

/* A value that opens: where it may stand, and where what is in it stands. */
static const struct {
    place where;
    key key; /* of the object it is a member of; KEY_OTHER within an array */
    bool object;
    place inside;
    const char *what;
} opening[] = {
    {IN_REQUEST, KEY_PARAMETERS, true, IN_PARAMETERS, "parameters must be an object"},
    {IN_REQUEST, KEY_INPUTS, false, IN_INPUTS, "inputs must be an array"},
    {IN_REQUEST, KEY_OUTPUTS, false, IN_OUTPUTS, "outputs must be an array"},
    {IN_INPUTS, KEY_OTHER, true, IN_INPUT, "every input must be an object"},
    {IN_INPUT, KEY_PARAMETERS, true, IN_INPUT_PARAMETERS, "parameters must be an object"},
    {IN_INPUT, KEY_SHAPE, false, IN_SHAPE, "shape must be an array"},
    {IN_INPUT, KEY_DATA, false, IN_DATA, "data must be an array"},
    {IN_DATA, KEY_OTHER, false, IN_DATA, "data must hold numbers or strings"},
    {IN_OUTPUTS, KEY_OTHER, true, IN_OUTPUT, "every output must be an object"},
    {IN_OUTPUT, KEY_PARAMETERS, true, IN_OUTPUT_PARAMETERS, "parameters must be an object"},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

typedef struct reader {
    char *text;
    size_t len;
    sv_infer_parts parts;

    place stack[MAX_DEPTH];
    int depth; /* stack[depth] is where the next value stands */
    key key;
    uint32_t seen[IN_OUTPUT_PARAMETERS + 1]; /* members of the object at each place, by their bit */

    int64_t binary_size; /* -1: not given */

    /* the outputs */
    int output;                   /* the one being read; SV_INFER_OUTPUTS: not named yet */
    int output_binary;            /* -1: not said */
    int binary[SV_INFER_OUTPUTS]; /* what each output said */
    int all_binary;               /* binary_data_output */
} reader;

static place here(const reader *r) {
    return r->stack[r->depth];
}

/* A value of the wrong kind stands where one that counts is expected. */
static int unexpected(reader *r) {
    for (size_t i = 0; i < COUNT(opening); ++i)
        if (opening[i].where == here(r) && opening[i].key == r->key)
            return sv_infer_stop(&r->parts, "%s", opening[i].what);
    for (size_t i = 0; i < COUNT(members); ++i)
        if (members[i].where == here(r) && members[i].key == r->key)
            return sv_infer_stop(&r->parts, "%s is of the wrong type", members[i].name);
    return here(r) == AT_START   ? sv_infer_stop(&r->parts, "the request is not a JSON object")
           : here(r) == IN_SHAPE ? sv_infer_stop(&r->parts, "shape must hold whole numbers above 0")
                                 : 1;
}

static int on_null(void *ctx) {
    return unexpected(ctx);
}

static int on_boolean(void *ctx, int value) {
    reader *r = ctx;
    if (r->key == KEY_BINARY_DATA_OUTPUT)
        r->all_binary = value;
    else if (r->key == KEY_BINARY_DATA)
        r->output_binary = value;
    else
        return unexpected(r);
    return 1;
}

/* Digits only, up to INT64_MAX. */
static bool whole_number(int64_t *out, const char *text, size_t len) {
    int64_t value = 0;
    if (len == 0 || len > 18)
        return false;
    for (size_t i = 0; i < len; ++i) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        value = value * 10 + (text[i] - '0');
    }
    *out = value;
    return true;
}

/* A number takes a byte and the comma before it, at least: so the bytes never catch up with the
 * text that is still to be read. */
static int add_value(reader *r, const char *text, size_t len) {
    int64_t value;
    if (!whole_number(&value, text, len) || value > 255)
        return sv_infer_stop(&r->parts, "element %zu of data is %.*s; UINT8 goes from 0 to 255",
                             r->parts.n_values, len > 32 ? 32 : (int)len, text);
    if (r->parts.n_values == 0)
        r->parts.values = (uint8_t *)r->text + (text - r->text);
    r->parts.values[r->parts.n_values++] = (uint8_t)value;
    return 1;
}

static int on_number(void *ctx, const char *text, size_t len) {
    reader *r = ctx;
    int64_t value;
    if (here(r) == IN_DATA)
        return add_value(r, text, len);
    if (here(r) == IN_SHAPE) {
        if (!whole_number(&value, text, len))
            value = 0;
        return sv_infer_add_dimension(&r->parts, value);
    }
    if (r->key == KEY_ITERATIONS)
        return sv_infer_copy(&r->parts, r->parts.out->iterations, sizeof(r->parts.out->iterations),
                             "iterations", text, len);
    if (r->key == KEY_SEED)
        return sv_infer_copy(&r->parts, r->parts.out->seed, sizeof(r->parts.out->seed), "seed",
                             text, len);
    if (r->key != KEY_BINARY_DATA_SIZE)
        return unexpected(r);
    if (!whole_number(&r->binary_size, text, len))
        return sv_infer_stop(&r->parts, "binary_data_size must be a number of bytes");
    return 1;
}

/* The element of BYTES. */
static int add_string(reader *r, const unsigned char *p, size_t len) {
    sv_infer *out = r->parts.out;
    if (++r->parts.n_strings > 1)
        return sv_infer_stop(&r->parts, "data holds more than one file");
    out->file_len = len;
    out->file = sv_json_keep(r->text, r->len, p, len, &out->owned);
    if (out->file == NULL)
        return sv_infer_stop(&r->parts, "the request needs more memory than there is");
    return 1;
}

static int on_string(void *ctx, const unsigned char *value, size_t len) {
    reader *r = ctx;
    const char *p = (const char *)value;
    if (here(r) == IN_DATA)
        return add_string(r, value, len);
    switch (r->key) {
    case KEY_ID:
        r->parts.out->has_id = true;
        r->parts.out->id_len = len;
        return sv_infer_copy(&r->parts, r->parts.out->id, sizeof(r->parts.out->id), "id", p, len);
    case KEY_RECT:
        return sv_infer_copy(&r->parts, r->parts.out->rect, sizeof(r->parts.out->rect), "rect", p,
                             len);
    case KEY_OUTPUT:
        return sv_infer_copy(&r->parts, r->parts.out->output, sizeof(r->parts.out->output),
                             "output", p, len);
    case KEY_DATATYPE:
        return sv_infer_copy(&r->parts, r->parts.datatype, sizeof(r->parts.datatype), "datatype", p,
                             len);
    case KEY_NAME:
        return here(r) == IN_OUTPUT ? sv_infer_name_output(&r->parts, &r->output, p, len)
                                    : sv_infer_name_input(&r->parts, p, len);
    default:
        return unexpected(r);
    }
}

static int on_key(void *ctx, const unsigned char *name, size_t len) {
    reader *r = ctx;
    r->key = KEY_OTHER;
    for (size_t i = 0; i < COUNT(members); ++i) {
        if (members[i].where != here(r) || strlen(members[i].name) != len ||
            memcmp(members[i].name, name, len) != 0)
            continue;
        uint32_t bit = (uint32_t)1 << members[i].key;
        if (r->seen[here(r)] & bit)
            return sv_infer_stop(&r->parts, "%s is given twice", members[i].name);
        r->seen[here(r)] |= bit;
        r->key = members[i].key;
    }
    return here(r) != IN_PARAMETERS || r->key != KEY_OTHER ||
           sv_infer_check_parameter(&r->parts, (const char *)name, len);
}

static int enter(reader *r, place inside) {
    if (r->depth + 1 == MAX_DEPTH)
        return sv_infer_stop(&r->parts, "the request is nested too deeply");
    r->stack[++r->depth] = inside;
    r->key = KEY_OTHER;
    if (inside != ELSEWHERE)
        r->seen[inside] = 0;
    if (inside == IN_INPUT && !sv_infer_begin_input(&r->parts))
        return 0;
    if (inside == IN_OUTPUT) {
        ++r->parts.n_outputs;
        r->output = SV_INFER_OUTPUTS;
        r->output_binary = -1;
    }
    return 1;
}

static int open_value(reader *r, bool object) {
    if (here(r) == AT_START && r->depth == 0)
        return object ? enter(r, IN_REQUEST) : unexpected(r);
    for (size_t i = 0; i < COUNT(opening); ++i)
        if (opening[i].where == here(r) && opening[i].key == r->key)
            return opening[i].object == object ? enter(r, opening[i].inside) : unexpected(r);
    return unexpected(r) && enter(r, ELSEWHERE);
}

static int on_start_map(void *ctx) {
    return open_value(ctx, true);
}

static int on_start_array(void *ctx) {
    return open_value(ctx, false);
}

static int on_end(void *ctx) {
    reader *r = ctx;
    if (here(r) == IN_INPUT && !(r->seen[IN_INPUT] & (uint32_t)1 << KEY_NAME))
        return sv_infer_stop(&r->parts, "the input has no name");
    if (here(r) == IN_OUTPUT) {
        if (r->output == SV_INFER_OUTPUTS)
            return sv_infer_stop(&r->parts, "an output has no name");
        r->binary[r->output] = r->output_binary;
    }
    --r->depth;
    r->key = KEY_OTHER;
    return 1;
}

static int parse(reader *r, char *text, size_t len) {
    static const yajl_callbacks callbacks = {.yajl_null = on_null,
                                             .yajl_boolean = on_boolean,
                                             .yajl_number = on_number,
                                             .yajl_string = on_string,
                                             .yajl_start_map = on_start_map,
                                             .yajl_map_key = on_key,
                                             .yajl_end_map = on_end,
                                             .yajl_start_array = on_start_array,
                                             .yajl_end_array = on_end};
    return sv_json_parse(&callbacks, r, text, len, "the request", r->parts.why, r->parts.why_size);
}

/* ---- what the members mean together ---- */

/* All of them where none was asked for; what an output says goes before what the request says. */
static void settle_outputs(reader *r) {
    for (int i = 0; i < SV_INFER_OUTPUTS; ++i) {
        if (r->parts.n_outputs == 0)
            r->parts.out->outputs[i].wanted = true;
        bool said = r->parts.n_outputs > 0 && r->binary[i] >= 0;
        r->parts.out->outputs[i].binary = said ? r->binary[i] != 0 : r->all_binary != 0;
    }
}

static int settle_binary(reader *r, char *data, size_t len, bool bytes) {
    if (r->seen[IN_INPUT] & (uint32_t)1 << KEY_DATA)
        return sv_infer_stop(&r->parts, "the input has both data and binary_data_size");
    if ((uint64_t)r->binary_size != len)
        return sv_infer_stop(&r->parts, "binary_data_size is %lld; %zu bytes follow the JSON",
                             (long long)r->binary_size, len);
    return bytes ? sv_infer_take_element(&r->parts, data, len)
                 : sv_infer_take_pixels(&r->parts, (uint8_t *)data, len);
}

static int settle_json(reader *r, bool bytes) {
    sv_infer_parts *parts = &r->parts;
    size_t where;
    if (!bytes)
        return parts->n_strings > 0 ? sv_infer_stop(parts, "data of UINT8 must hold numbers")
                                    : sv_infer_take_pixels(parts, parts->values, parts->n_values);
    if (parts->n_values > 0 || parts->n_strings == 0)
        return sv_infer_stop(parts, "data of BYTES must hold one string: the file in base64");
    if (!sv_base64_decode(parts->out->file, &parts->out->file_len, &where))
        return sv_infer_stop(parts, "data is not base64: see character %zu", where);
    return 1;
}

static int infer_settle(reader *r, char *rest, size_t rest_len) {
    bool bytes;
    if (!sv_infer_check(&r->parts, &bytes))
        return 0;
    settle_outputs(r);
    if (r->binary_size >= 0)
        return settle_binary(r, rest, rest_len, bytes);
    if (rest_len > 0)
        return sv_infer_stop(&r->parts, "%zu bytes follow the JSON and belong to no input",
                             rest_len);
    return settle_json(r, bytes);
}

int sv_infer_read(sv_infer *out, char *body, size_t len, size_t json_len, char *why,
                  size_t why_size) {
    reader r = {.text = body,
                .len = json_len,
                .parts = {.out = out, .why = why, .why_size = why_size},
                .binary_size = -1};
    *out = (sv_infer){0};
    why[0] = '\0';
    if (json_len > len)
        sv_infer_stop(&r.parts,
                      "the body has %zu bytes; the header of the inference is said to have %zu",
                      len, json_len);
    else if (parse(&r, body, json_len) == 0 && infer_settle(&r, body + json_len, len - json_len))
        return 0;
    free(out->owned);
    *out = (sv_infer){0};
    return -1;
}
