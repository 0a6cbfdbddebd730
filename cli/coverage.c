/* Notes which rules, matches, conditions and defaults requests reach. */
#define _GNU_SOURCE
#include "coverage.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "cli.h"
#include "document_json.h"

typedef enum part_kind { PART_RULE = 0, PART_MATCH, PART_CONDITION, PART_DEFAULT } part_kind;
const char *const cli_coverage_kinds[CLI_COVERAGE_KINDS] = {"rules", "matches", "conditions",
                                                            "defaults"};

typedef struct part {
    part_kind kind;
    char *owner; /* "namespace/name" of the VirtualService that writes it */
    int32_t route, match;
    char *field; /* of a condition, as traces name it */
    char *file;
    int line;
    bool always;      /* a condition that holds for every request */
    uint64_t yes, no; /* a condition: how often it held and did not; else `yes` counts requests */
} part;

struct cli_coverage {
    part *v;
    size_t n, capacity;
    json_t *places;      /* what a part is -> its index */
    hr_scratch *scratch; /* its own: a decision that is looked at lives in the suite's */
};

/* ---- which parts there are ---- */

typedef struct part_reader {
    cli_coverage *coverage;
    const hr_document *document;
    hr_scratch *scratch;
    const char *owner;
} part_reader;

static char *part_key(part_kind kind, hr_str owner, int32_t route, int32_t match, hr_str field) {
    char *key;
    if (asprintf(&key, "%d %" PRId32 " %" PRId32 " %.*s %.*s", (int)kind, route, match,
                 (int)owner.len, owner.p == NULL ? "" : owner.p, (int)field.len,
                 field.p == NULL ? "" : field.p) < 0)
        abort();
    return key;
}

/* Returns NULL if there is no such part. */
static part *find_part(const cli_coverage *c, part_kind kind, hr_str owner, int32_t route,
                       int32_t match, hr_str field) {
    char *key = part_key(kind, owner, route, match, field);
    const json_t *place = json_object_get(c->places, key);
    free(key);
    return place == NULL ? NULL : &c->v[json_integer_value(place)];
}

/* `path` is where in the document the part is written. */
static void add_part(part_reader *r, part_kind kind, int32_t route, int32_t match,
                     const char *field, const char *path) {
    cli_coverage *c = r->coverage;
    hr_str owner = hr_str_from(r->owner), name = hr_str_from(field == NULL ? "" : field);
    if (find_part(c, kind, owner, route, match, name) != NULL)
        return;
    if (c->n == c->capacity) {
        c->capacity = c->capacity == 0 ? 64 : c->capacity * 2;
        c->v = cli_realloc(c->v, c->capacity * sizeof(*c->v));
    }
    char *key = part_key(kind, owner, route, match, name);
    json_object_set_new(c->places, key, json_integer((json_int_t)c->n));
    free(key);
    hr_place place = HR_PLACE_INIT;
    if (hr_document_place(&place, r->document, hr_str_from(path)) != HR_OK)
        hr_document_place(&place, r->document, (hr_str){0});
    hr_str file = hr_document_file(r->document);
    c->v[c->n++] = (part){.kind = kind,
                          .owner = cli_strdup(owner.p, owner.len),
                          .route = route,
                          .match = match,
                          .field = field == NULL ? NULL : cli_strdup(name.p, name.len),
                          .file = cli_strdup(file.p, file.len),
                          .line = place.line};
}

/* Istio drops such a path from the conditions. */
static bool holds_always(const char *key, const json_t *condition) {
    const char *prefix = json_string_value(json_object_get(condition, "prefix")),
               *regex = json_string_value(json_object_get(condition, "regex"));
    if (strcmp(key, "uri") != 0)
        return false;
    return (prefix != NULL && (*prefix == '\0' || strcmp(prefix, "/") == 0)) ||
           (regex != NULL && (strcmp(regex, ".*") == 0 || strcmp(regex, "/.*") == 0));
}

static void add_named_conditions(part_reader *r, int32_t route, int32_t match, const char *key,
                                 const json_t *map, const char *path) {
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)map, name, value) {
        char *field;
        if (asprintf(&field, "%s[%s]", key, name) < 0)
            abort();
        for (char *c = field; *c != '\0' && strcmp(key, "queryParams") != 0; c++)
            if (*c >= 'A' && *c <= 'Z' && c > field + strlen(key))
                *c = (char)(*c | 0x20); /* header names ignore letter case */
        add_part(r, PART_CONDITION, route, match, field, path);
        free(field);
    }
}

static void add_conditions(part_reader *r, int32_t route, int32_t match, const json_t *conditions,
                           const char *path) {
    static const char *const plain[] = {"uri", "scheme", "method", "authority"};
    static const char *const maps[] = {"headers", "withoutHeaders", "queryParams"};
    for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
        const json_t *condition = json_object_get(conditions, plain[i]);
        if (condition != NULL && !holds_always(plain[i], condition))
            add_part(r, PART_CONDITION, route, match, plain[i], path);
    }
    for (size_t i = 0; i < sizeof(maps) / sizeof(maps[0]); i++)
        add_named_conditions(r, route, match, maps[i], json_object_get(conditions, maps[i]), path);
}

/* The matches of a rule that delegates are those of the delegate's rules. */
static void add_rule(part_reader *r, int32_t index, const json_t *entry, const char *path) {
    const json_t *matches = json_object_get(entry, "match");
    json_t *match;
    size_t i;
    add_part(r, PART_RULE, index, -1, NULL, path);
    if (json_object_get(entry, "delegate") != NULL)
        return;
    json_array_foreach(matches, i, match) {
        char *at;
        if (asprintf(&at, "%s.match[%zu]", path, i) < 0)
            abort();
        add_part(r, PART_MATCH, index, (int32_t)i, NULL, at);
        add_conditions(r, index, (int32_t)i, match, at);
        free(at);
    }
}

static bool takes_the_rest(const json_t *entry) {
    const json_t *matches = json_object_get(entry, "match");
    json_t *match;
    size_t i;
    json_array_foreach(matches, i, match) {
        if (json_object_size(match) == 0 ||
            (json_object_size(match) == 1 && holds_always("uri", json_object_get(match, "uri"))))
            return true;
    }
    return json_array_size(matches) == 0;
}

static const char *text_of_part(const json_t *map, const char *key, const char *otherwise) {
    const char *text = json_string_value(json_object_get(map, key));
    return text == NULL || *text == '\0' ? otherwise : text;
}

/* `path` is where the resource is in its document: "" or "items[1]." */
static void add_virtual_service(part_reader *r, const json_t *resource, const char *path) {
    const json_t *meta = json_object_get(resource, "metadata"),
                 *spec = json_object_get(resource, "spec"), *http = json_object_get(spec, "http");
    char *owner, *at;
    json_t *entry;
    size_t i;
    if (asprintf(&owner, "%s/%s", text_of_part(meta, "namespace", "default"),
                 text_of_part(meta, "name", "")) < 0)
        abort();
    r->owner = owner;
    json_array_foreach(http, i, entry) {
        if (asprintf(&at, "%sspec.http[%zu]", path, i) < 0)
            abort();
        add_rule(r, (int32_t)i, entry, at);
        free(at);
    }
    bool root = json_array_size(json_object_get(spec, "hosts")) > 0;
    if (root && i > 0 && !takes_the_rest(json_array_get(http, i - 1))) {
        if (asprintf(&at, "%sspec.http", path) < 0)
            abort();
        add_part(r, PART_DEFAULT, -1, -1, NULL, at);
        free(at);
    }
    free(owner);
}

/* A rule of an HTTPRoute or a GRPCRoute, and its matches. */
static void add_gateway_rule(part_reader *r, int32_t index, const json_t *rule, const char *path) {
    json_t *match;
    size_t i;
    add_part(r, PART_RULE, index, -1, NULL, path);
    json_array_foreach(json_object_get(rule, "matches"), i, match) {
        char *at;
        if (asprintf(&at, "%s.matches[%zu]", path, i) < 0)
            abort();
        add_part(r, PART_MATCH, index, (int32_t)i, NULL, at);
        free(at);
    }
}

static void add_gateway_route(part_reader *r, const json_t *resource, const char *kind,
                              const char *path) {
    const json_t *meta = json_object_get(resource, "metadata"),
                 *spec = json_object_get(resource, "spec");
    char *owner, *at;
    json_t *rule;
    size_t i;
    if (asprintf(&owner, "%s %s/%s", kind, text_of_part(meta, "namespace", "default"),
                 text_of_part(meta, "name", "")) < 0)
        abort();
    r->owner = owner;
    json_array_foreach(json_object_get(spec, "rules"), i, rule) {
        if (asprintf(&at, "%sspec.rules[%zu]", path, i) < 0)
            abort();
        add_gateway_rule(r, (int32_t)i, rule, at);
        free(at);
    }
    free(owner);
}

static void add_resource(part_reader *r, const json_t *resource, const char *kind,
                         const char *path) {
    kind = text_of_part(resource, "kind", kind);
    size_t len = strlen(kind), i;
    if (strcmp(kind, "HTTPRoute") == 0 || strcmp(kind, "GRPCRoute") == 0)
        add_gateway_route(r, resource, kind, path);
    if (strcmp(kind, "VirtualService") == 0)
        add_virtual_service(r, resource, path);
    if (len < 4 || strcmp(kind + len - 4, "List") != 0)
        return;
    char *of_items = cli_strdup(kind, len - 4), *at;
    json_t *item;
    json_array_foreach(json_object_get(resource, "items"), i, item) {
        if (asprintf(&at, "%sitems[%zu].", path, i) < 0)
            abort();
        add_resource(r, item, of_items, at);
        free(at);
    }
    free(of_items);
}

static int add_covered_document(void *ctx, const hr_document *document) {
    part_reader *r = ctx;
    json_t *root = cli_document_json(document, r->scratch);
    cli_json_drop_nulls(root);
    r->document = document;
    add_resource(r, root, "", "");
    json_decref(root);
    return HR_OK;
}

bool cli_coverage_add(cli_coverage *coverage, const cli_input *input) {
    part_reader r = {.coverage = coverage};
    bool read = hr_scratch_new(&r.scratch) == HR_OK &&
                hr_documents_read(NULL, input->sources, input->n, &input->options,
                                  add_covered_document, &r) == HR_OK;
    hr_scratch_free(r.scratch);
    return read;
}

cli_coverage *cli_coverage_new(void) {
    cli_coverage *c = cli_realloc(NULL, sizeof(*c));
    *c = (cli_coverage){.places = json_object()};
    if (hr_scratch_new(&c->scratch) != HR_OK)
        abort();
    return c;
}

void cli_coverage_free(cli_coverage *coverage) {
    if (coverage == NULL)
        return;
    for (size_t i = 0; i < coverage->n; i++) {
        free(coverage->v[i].owner);
        free(coverage->v[i].field);
        free(coverage->v[i].file);
    }
    json_decref(coverage->places);
    hr_scratch_free(coverage->scratch);
    free(coverage->v);
    free(coverage);
}

/* ---- what requests reach ---- */

static void count_part(const cli_coverage *c, part_kind kind, hr_str owner, int32_t route,
                       int32_t match) {
    part *p = find_part(c, kind, owner, route, match, (hr_str){0});
    if (p != NULL)
        p->yes++;
}

static void note_event(void *ctx, const hr_trace_event *e) {
    const cli_coverage *c = ctx;
    if (e->kind != HR_TRACE_CONDITION)
        return;
    part *p =
        find_part(c, PART_CONDITION, e->virtual_service, e->route_index, e->match_index, e->field);
    if (p != NULL && e->ok)
        p->yes++;
    else if (p != NULL)
        p->no++;
}

typedef struct default_counter {
    const cli_coverage *coverage;
    part *last;
} default_counter;

/* The VirtualServices whose rules were tried and do not match, each once. */
static void note_default(void *ctx, const hr_trace_event *e) {
    default_counter *counter = ctx;
    if (e->kind != HR_TRACE_RULE || e->route_index < 0)
        return;
    part *p = find_part(counter->coverage, PART_DEFAULT, e->virtual_service, -1, -1, (hr_str){0});
    if (p != NULL && p != counter->last)
        p->yes++;
    counter->last = p;
}

/* Rules of the Gateway API are filed under "KIND namespace/name". */
static void mark_gateway_route(cli_coverage *coverage, const hr_decision *d) {
    char *owner;
    if (asprintf(&owner, "%.*s %.*s", (int)d->rule_kind.len, d->rule_kind.p, (int)d->rule_name.len,
                 d->rule_name.p) < 0)
        abort();
    count_part(coverage, PART_RULE, hr_str_from(owner), d->route_index, -1);
    count_part(coverage, PART_MATCH, hr_str_from(owner), d->route_index, d->match_index);
    free(owner);
}

void cli_coverage_mark(cli_coverage *coverage, const hr_decision *d) {
    if (d->virtual_service.p == NULL && d->rule_name.p != NULL)
        mark_gateway_route(coverage, d);
    if (d->virtual_service.p == NULL)
        return;
    hr_str writer = d->delegate.p != NULL ? d->delegate : d->virtual_service;
    count_part(coverage, PART_RULE, writer, d->route_index, -1);
    count_part(coverage, PART_MATCH, writer, d->route_index, d->match_index);
    if (d->delegate.p != NULL)
        count_part(coverage, PART_RULE, d->virtual_service, d->root_route_index, -1);
}

void cli_coverage_note(cli_coverage *coverage, const hr_view *view, const hr_request *request) {
    hr_decision d = HR_DECISION_INIT;
    if (coverage == NULL ||
        hr_explain(&d, view, request, coverage->scratch, note_event, coverage) != HR_OK)
        return;
    cli_coverage_mark(coverage, &d);
    default_counter counter = {.coverage = coverage};
    if (d.rule_name.p == NULL)
        hr_explain(&d, view, request, coverage->scratch, note_default, &counter);
}

void cli_coverage_each_gap(const cli_coverage *coverage, cli_gap_fn fn, void *ctx) {
    for (size_t i = 0; i < coverage->n; i++) {
        const part *p = &coverage->v[i];
        char rule[64], match[32] = "";
        bool istio = strchr(p->owner, ' ') == NULL;
        bool whole = p->kind == PART_RULE && find_part(coverage, PART_MATCH, hr_str_from(p->owner),
                                                       p->route, 0, (hr_str){0}) == NULL;
        if (p->yes > 0 || (p->kind != PART_MATCH && !whole))
            continue;
        if (p->match >= 0)
            snprintf(match, sizeof(match), istio ? ".match[%" PRId32 "]" : ".matches[%" PRId32 "]",
                     p->match);
        snprintf(rule, sizeof(rule), istio ? "http[%" PRId32 "]%s" : "rules[%" PRId32 "]%s",
                 p->route, match);
        fn(ctx, p->owner, rule);
    }
}

/* ---- reports ---- */

static bool is_reached(const part *p) {
    return p->yes > 0 && (p->kind != PART_CONDITION || p->no > 0);
}

double cli_coverage_percent(const cli_coverage *coverage) {
    size_t reached = 0;
    for (size_t i = 0; i < coverage->n; i++)
        reached += is_reached(&coverage->v[i]);
    return coverage->n == 0 ? 100 : 100.0 * (double)reached / (double)coverage->n;
}

void cli_coverage_count(cli_coverage_counts *out, const cli_coverage *c) {
    *out = (cli_coverage_counts){{0}, {0}};
    for (size_t i = 0; i < c->n; i++) {
        out->all[c->v[i].kind]++;
        out->reached[c->v[i].kind] += is_reached(&c->v[i]);
    }
}

static void print_counts(FILE *out, const cli_coverage *c) {
    cli_coverage_counts counts;
    cli_coverage_count(&counts, c);
    fprintf(out, "# coverage %.1f %%:", cli_coverage_percent(c));
    for (size_t kind = 0; kind < CLI_COVERAGE_KINDS; kind++)
        fprintf(out, "%s %zu of %zu %s", kind == 0 ? "" : ",", counts.reached[kind],
                counts.all[kind], cli_coverage_kinds[kind]);
    fputc('\n', out);
}

/* Why a part does not count. */
static const char *gap_of(const part *p) {
    if (p->kind == PART_RULE || p->kind == PART_MATCH)
        return "decides no request";
    if (p->kind == PART_DEFAULT)
        return "no request that none of its rules matches";
    if (p->yes == 0 && p->no == 0)
        return "was not tried";
    return p->yes == 0 ? "no request meets it" : "no request fails it";
}

static bool follows_a_gap(const cli_coverage *c, size_t at) {
    const part *p = &c->v[at];
    part_kind above = p->kind == PART_CONDITION ? PART_MATCH : PART_RULE;
    if (p->kind != PART_CONDITION && p->kind != PART_MATCH)
        return false;
    const part *owner = find_part(c, above, hr_str_from(p->owner), p->route,
                                  above == PART_MATCH ? p->match : -1, (hr_str){0});
    return owner != NULL && owner->yes == 0;
}

static char *gap_words(const part *p) {
    char route[32] = "", match[32] = "", *words;
    if (p->route >= 0)
        snprintf(route, sizeof(route), " http[%" PRId32 "]", p->route);
    if (p->match >= 0)
        snprintf(match, sizeof(match), ".match[%" PRId32 "]", p->match);
    if (asprintf(&words, "%s%s%s%s%s: %s", p->owner, route, match, p->field == NULL ? "" : ".",
                 p->field == NULL ? "" : p->field, gap_of(p)) < 0)
        abort();
    return words;
}

void cli_coverage_each_unreached(const cli_coverage *coverage, cli_unreached_fn fn, void *ctx) {
    for (size_t i = 0; i < coverage->n; i++) {
        const part *p = &coverage->v[i];
        if (is_reached(p) || follows_a_gap(coverage, i)) /* the wider gap says it all */
            continue;
        char *words = gap_words(p);
        fn(ctx, p->file, p->line, words);
        free(words);
    }
}

static void print_unreached(void *ctx, const char *file, int line, const char *what) {
    fprintf(ctx, "# %s:%d: %s\n", file, line, what);
}

void cli_coverage_print(FILE *out, const cli_coverage *coverage) {
    print_counts(out, coverage);
    cli_coverage_each_unreached(coverage, print_unreached, out);
}

/* Lines of rules and matches; the highest count of a line that several have. */
static void print_lines(FILE *out, const cli_coverage *c, const char *file) {
    size_t found = 0, hit = 0;
    for (size_t i = 0; i < c->n; i++) {
        const part *p = &c->v[i];
        uint64_t count = 0;
        bool first = p->kind != PART_CONDITION && strcmp(p->file, file) == 0;
        for (size_t k = 0; k < c->n && first; k++) {
            const part *other = &c->v[k];
            if (other->kind == PART_CONDITION || other->line != p->line ||
                strcmp(other->file, file) != 0)
                continue;
            first = k >= i;
            count = other->yes > count ? other->yes : count;
        }
        if (!first)
            continue;
        fprintf(out, "DA:%d,%" PRIu64 "\n", p->line, count);
        found++;
        hit += count > 0;
    }
    fprintf(out, "LF:%zu\nLH:%zu\n", found, hit);
}

static void print_branches(FILE *out, const cli_coverage *c, const char *file) {
    size_t found = 0, hit = 0;
    for (size_t i = 0; i < c->n; i++) {
        const part *p = &c->v[i];
        if (p->kind != PART_CONDITION || strcmp(p->file, file) != 0)
            continue;
        fprintf(out, "BRDA:%d,%zu,0,%" PRIu64 "\n", p->line, i, p->yes);
        fprintf(out, "BRDA:%d,%zu,1,%" PRIu64 "\n", p->line, i, p->no);
        found += 2;
        hit += (p->yes > 0) + (p->no > 0);
    }
    fprintf(out, "BRF:%zu\nBRH:%zu\n", found, hit);
}

void cli_coverage_lcov(FILE *out, const cli_coverage *coverage) {
    for (size_t i = 0; i < coverage->n; i++) {
        const char *file = coverage->v[i].file;
        bool first = true;
        for (size_t k = 0; k < i && first; k++)
            first = strcmp(coverage->v[k].file, file) != 0;
        if (!first)
            continue;
        fprintf(out, "TN:headerroute\nSF:%s\n", file);
        print_lines(out, coverage, file);
        print_branches(out, coverage, file);
        fputs("end_of_record\n", out);
    }
}
