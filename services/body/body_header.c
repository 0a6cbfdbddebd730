/* Reads the values of headers out of JSON bodies, piece by piece, and out of paths. */
#include "body_header.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <yajl/yajl_parse.h>

typedef struct found_value {
    size_t matched; /* leading members of the rule's path that are open */
    unsigned times; /* how often the member has come */
    size_t len;     /* 0: none that a header may hold */
    char text[SV_BODY_MAX_VALUE];
} found_value;

struct sv_body_reader {
    const sv_body_rule *rules;
    size_t n;
    yajl_handle json;
    size_t depth;  /* objects that are open, outside of arrays */
    size_t arrays; /* arrays that are open, and objects in them */
    bool done, malformed;
    size_t scanned, parsed; /* bytes of the body */
    bool in_string, escaped;
    found_value found[];
};

/* ---- rules ---- */

static bool is_token_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           strchr("!#$%&'*+-.^_`|~", c) != NULL;
}

static int wrong_rule(char *why, size_t why_size, const char *what) {
    snprintf(why, why_size, "%s", what);
    return -1;
}

/* Names that say how the message is framed, or to whom it goes. */
static bool is_reserved(const char *name) {
    static const char *const names[] = {
        "host",   "connection", "content-length", "transfer-encoding", "upgrade", "te", "trailer",
        "expect", "via"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

static int body_rule_parse_name(sv_body_rule *rule, const char *text, size_t len, char *why,
                                size_t why_size) {
    if (len == 0 || len >= sizeof(rule->name))
        return wrong_rule(why, why_size, "a header's name has 1 to 63 characters");
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '\0' || !is_token_char(text[i]))
            return wrong_rule(why, why_size, "this is not the name of a header");
        rule->name[i] = (char)(text[i] >= 'A' && text[i] <= 'Z' ? text[i] + 32 : text[i]);
    }
    rule->name[len] = '\0';
    if (is_reserved(rule->name))
        return wrong_rule(why, why_size, "a body must not set this header");
    return 0;
}

static int parse_path(sv_body_rule *rule, const char *path, char *why, size_t why_size) {
    static const char form[] = "expected $.MEMBER[.MEMBER]... or model_name after the =";
    rule->model_name = strcmp(path, "model_name") == 0;
    if (rule->model_name)
        return 0;
    if (path[0] != '$' || path[1] != '.')
        return wrong_rule(why, why_size, form);
    for (path += 1; *path == '.';) {
        size_t len = strcspn(++path, ".");
        if (len == 0 || memchr(path, '[', len) != NULL)
            return wrong_rule(why, why_size, form);
        if (rule->n_members == SV_BODY_MAX_MEMBERS)
            return wrong_rule(why, why_size, "a path has at most 8 members");
        rule->members[rule->n_members++] = (hr_str){path, len};
        path += len;
    }
    return 0;
}

int sv_body_rule_parse(sv_body_rule *rule, const char *text, char *why, size_t why_size) {
    const char *equals = strchr(text, '=');
    *rule = (sv_body_rule){.n_members = 0};
    if (equals == NULL)
        return wrong_rule(why, why_size, "expected NAME=PATH");
    if (body_rule_parse_name(rule, text, (size_t)(equals - text), why, why_size) != 0)
        return -1;
    return parse_path(rule, equals + 1, why, why_size);
}

bool sv_body_rule_sets(const sv_body_rule *rule, hr_str name) {
    return strlen(rule->name) == name.len && memcmp(rule->name, name.p, name.len) == 0;
}

/* ---- values ---- */

/* RFC 9110 section 5.5, without blanks at the ends. */
static bool may_be_value(const char *p, size_t len) {
    if (len == 0 || len > SV_BODY_MAX_VALUE || p[0] == ' ' || p[len - 1] == ' ')
        return false;
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)p[i] < ' ' || p[i] == 127)
            return false;
    return true;
}

static void take_value(sv_body_reader *r, const char *p, size_t len) {
    for (size_t i = 0; i < r->n && r->arrays == 0; i++) {
        const sv_body_rule *rule = &r->rules[i];
        found_value *found = &r->found[i];
        if (rule->model_name || r->depth != rule->n_members || found->matched != r->depth)
            continue;
        found->times++;
        found->len = may_be_value(p, len) ? len : 0;
        memcpy(found->text, p, found->len);
    }
}

/* ---- the parser's events. Returning 0 ends it. ---- */

/* A body that is not an object has no members. */
static int within_object(sv_body_reader *r) {
    r->done |= r->depth == 0;
    return !r->done;
}

static int on_scalar(sv_body_reader *r, const char *p, size_t len) {
    take_value(r, p, len);
    return within_object(r);
}

static int json_null(void *ctx) {
    return on_scalar(ctx, "", 0);
}

static int json_boolean(void *ctx, int value) {
    return on_scalar(ctx, value ? "true" : "false", value ? 4 : 5);
}

static int json_number(void *ctx, const char *p, size_t len) {
    return on_scalar(ctx, p, len);
}

static int json_string(void *ctx, const unsigned char *p, size_t len) {
    return on_scalar(ctx, (const char *)p, len);
}

static int json_start_map(void *ctx) {
    sv_body_reader *r = ctx;
    if (r->arrays > 0) {
        r->arrays++;
        return 1;
    }
    take_value(r, "", 0);
    r->depth++;
    return 1;
}

static int json_key(void *ctx, const unsigned char *p, size_t len) {
    sv_body_reader *r = ctx;
    for (size_t i = 0; i < r->n && r->arrays == 0; i++) {
        const sv_body_rule *rule = &r->rules[i];
        size_t above = r->depth - 1;
        if (r->found[i].matched < above || above >= rule->n_members)
            continue;
        const hr_str *member = &rule->members[above];
        bool is = member->len == len && memcmp(member->p, p, len) == 0;
        r->found[i].matched = is ? r->depth : above;
    }
    return 1;
}

static int json_end_map(void *ctx) {
    sv_body_reader *r = ctx;
    if (r->arrays > 0) {
        r->arrays--;
        return 1;
    }
    r->depth--;
    for (size_t i = 0; i < r->n; i++)
        if (r->found[i].matched > r->depth)
            r->found[i].matched = r->depth;
    return within_object(r);
}

static int json_start_array(void *ctx) {
    sv_body_reader *r = ctx;
    take_value(r, "", 0);
    r->arrays++;
    return within_object(r);
}

static int json_end_array(void *ctx) {
    sv_body_reader *r = ctx;
    r->arrays--;
    return 1;
}

/* ---- reading ---- */

sv_body_reader *sv_body_reader_new(const sv_body_rule *rules, size_t n) {
    static const yajl_callbacks callbacks = {
        json_null,    json_boolean,     NULL,           NULL,
        json_number,  json_string,      json_start_map, json_key,
        json_end_map, json_start_array, json_end_array};
    sv_body_reader *r = calloc(1, sizeof(*r) + n * sizeof(r->found[0]));
    if (r == NULL)
        return NULL;
    r->rules = rules;
    r->n = n;
    r->json = yajl_alloc(&callbacks, NULL, r);
    if (r->json == NULL) {
        free(r);
        return NULL;
    }
    return r;
}

void sv_body_reader_free(sv_body_reader *reader) {
    if (reader == NULL)
        return;
    yajl_free(reader->json);
    free(reader);
}

static bool is_in_number(char c) {
    return (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E';
}

/* The length of the body up to a place that is in no string and behind no number. yajl reads an
 * unfinished token again for each piece. */
static size_t whole_tokens(sv_body_reader *r, const char *body, size_t len) {
    size_t end = r->parsed;
    for (; r->scanned < len; r->scanned++) {
        char c = body[r->scanned];
        if (!r->in_string)
            r->in_string = c == '"';
        else if (r->escaped || c == '\\')
            r->escaped = !r->escaped;
        else
            r->in_string = c != '"';
        if (!r->in_string && !is_in_number(c))
            end = r->scanned + 1;
    }
    return end;
}

bool sv_body_reader_read(sv_body_reader *r, const char *body, size_t len, bool last) {
    size_t whole = whole_tokens(r, body, len), end = last ? len : whole;
    if (r->done || end == r->parsed)
        return !r->done;
    yajl_status status =
        yajl_parse(r->json, (const unsigned char *)body + r->parsed, end - r->parsed);
    r->parsed = end;
    r->malformed |= status == yajl_status_error;
    r->done |= r->malformed;
    return !r->done;
}

void sv_body_reader_end(sv_body_reader *r) {
    r->malformed |= !r->done;
    r->done = true;
}

hr_str sv_body_reader_value(const sv_body_reader *r, size_t i) {
    const found_value *found = &r->found[i];
    if (r->malformed || found->times != 1 || found->len == 0)
        return (hr_str){NULL, 0};
    return (hr_str){found->text, found->len};
}

/* ---- paths ---- */

static int hex_value(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool decode_segment(char *buf, size_t size, size_t *len, hr_str segment) {
    *len = 0;
    for (size_t i = 0; i < segment.len; i++) {
        char c = segment.p[i];
        if (*len == size)
            return false;
        if (c == '%') {
            if (i + 2 >= segment.len)
                return false;
            int high = hex_value(segment.p[i + 1]), low = hex_value(segment.p[i + 2]);
            if (high < 0 || low < 0)
                return false;
            c = (char)(high * 16 + low);
            i += 2;
        }
        buf[(*len)++] = c;
    }
    return may_be_value(buf, *len);
}

hr_str sv_body_model_of_path(hr_str path, char *buf, size_t size) {
    hr_str prefix = HR_STR("/v2/models/");
    size_t end = prefix.len, len;
    if (path.len <= prefix.len || memcmp(path.p, prefix.p, prefix.len) != 0)
        return (hr_str){NULL, 0};
    while (end < path.len && path.p[end] != '/' && path.p[end] != '?')
        end++;
    hr_str segment = {path.p + prefix.len, end - prefix.len};
    return decode_segment(buf, size, &len, segment) ? (hr_str){buf, len} : (hr_str){NULL, 0};
}
