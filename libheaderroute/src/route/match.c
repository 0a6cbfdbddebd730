/*
 * Evaluates the conditions of a route for a request; `withoutHeaders` is a condition with
 * `invert` set.
 */
#include "match.h"

#include "http_match.h"
#include "literal_scan.h"
#include "name_rules.h"
#include "query.h"
#include "regex.h"

/* Runs a regex on a value for which hr_regex_may_match is true, within the limit; *half of the
 * costs of the regex so far are still to count half. */
static inline bool run_limited(const hr_regex *regex, hr_scratch *scratch, hr_str value,
                               size_t *half) {
    size_t cost = value.len + HR_REGEX_RUN, reduced = cost < *half ? cost : *half;
    *half -= reduced;
    return hr_scratch_count_regex(scratch, cost - reduced + reduced / 2) &&
           hr_regex_run(regex, value);
}

bool hr_regex_matches(const hr_regex *regex, hr_scratch *scratch, hr_str value, size_t *half) {
    return regex != NULL && hr_regex_may_match(regex, value) &&
           run_limited(regex, scratch, value, half);
}

static bool lacks_text(const hr_matcher *matcher, hr_scratch *scratch, hr_str subject) {
    if (hr_literals_begin(matcher->filter, scratch))
        hr_literals_note(matcher->filter, scratch, subject);
    return hr_literal_is_missing(matcher, scratch);
}

static bool run_matcher(const hr_matcher *matcher, hr_scratch *scratch, hr_str subject) {
    size_t half = HR_REGEX_HALF;
    return matcher->regex != NULL && !hr_scratch_over_limit(scratch) &&
           hr_regex_may_match(matcher->regex, subject) &&
           (matcher->filter == NULL || !lacks_text(matcher, scratch, subject)) &&
           run_limited(matcher->regex, scratch, subject, &half);
}

bool hr_matcher_matches(const hr_matcher *matcher, hr_scratch *scratch, hr_str subject) {
    hr_verdict *verdict = &scratch->verdicts[matcher->number];
    if (verdict->round != scratch->round)
        *verdict = (hr_verdict){.round = scratch->round,
                                .matches = run_matcher(matcher, scratch, subject)};
    return verdict->matches;
}

/* ---- headers ---- */

/* The next header of that name from `from` on; n_headers where there is none. */
static size_t next_header(const hr_request *request, hr_str name, size_t from) {
    while (from < request->n_headers && !hr_is_named(request->headers[from].name, name))
        from++;
    return from;
}

static hr_str present(hr_str value) {
    return value.p == NULL ? HR_STR("") : value;
}

/* Values of one header, joined as Envoy joins them. */
typedef struct joiner {
    hr_sbuf s;
    hr_str separator;
    bool skip_empty; /* headers that are joined as they arrive, which passes over empty values */
    bool first;
} joiner;

static joiner join_begin(hr_scratch *scratch, hr_str name, size_t expected) {
    return (joiner){.s = hr_sbuf_begin(scratch, expected),
                    .separator = hr_str_eq_c(name, "cookie") ? HR_STR("; ") : HR_STR(","),
                    .skip_empty = hr_header_is_inline(name),
                    .first = true};
}

static void join_put(joiner *j, hr_str value) {
    if (j->skip_empty && value.len == 0)
        return;
    if (!j->first)
        hr_sbuf_put(&j->s, j->separator);
    hr_sbuf_put(&j->s, value);
    j->first = false;
}

static hr_str join_end(joiner *j, hr_subject *subject) {
    hr_str value = hr_sbuf_end(&j->s);
    subject->no_memory |= value.p == NULL;
    return value;
}

/* ---- headers that repeat ---- */

hr_str hr_repeat_joined(hr_subject *subject, uint32_t number) {
    const hr_pair *headers = subject->request->headers;
    const uint32_t *links = subject->scratch->links;
    const hr_seen *seen = &subject->scratch->seen[number];
    if (seen->repeat->joined.p != NULL)
        return seen->repeat->joined;
    size_t expected = 0;
    for (uint32_t i = seen->first; i != UINT32_MAX; i = links[i])
        expected += headers[i].value.len + 2;
    joiner j = join_begin(subject->scratch, subject->names->v[number], expected);
    for (uint32_t i = seen->first; i != UINT32_MAX; i = links[i])
        join_put(&j, headers[i].value);
    seen->repeat->joined = join_end(&j, subject);
    return seen->repeat->joined;
}

static const hr_joined *joined_before(const hr_scratch *scratch, hr_str name) {
    const hr_joined *j = scratch->joined;
    while (j != NULL && !hr_str_eq(j->name, name))
        j = j->next;
    return j;
}

/* Of a header that rules of the view may not ask for. */
static hr_str join_matched_values(hr_subject *subject, hr_str name, size_t first) {
    const hr_request *request = subject->request;
    const hr_joined *before = joined_before(subject->scratch, name);
    if (before != NULL)
        return before->value;
    size_t expected = 0;
    for (size_t i = first; i < request->n_headers; i = next_header(request, name, i + 1))
        expected += request->headers[i].value.len + 2;
    joiner j = join_begin(subject->scratch, name, expected);
    for (size_t i = first; i < request->n_headers; i = next_header(request, name, i + 1))
        join_put(&j, request->headers[i].value);
    hr_str value = join_end(&j, subject);
    hr_joined *joined = hr_scratch_alloc(subject->scratch, sizeof(*joined));
    if (joined == NULL) {
        subject->no_memory = true;
        return (hr_str){0};
    }
    *joined = (hr_joined){name, value, subject->scratch->joined};
    subject->scratch->joined = joined;
    return value;
}

hr_str hr_header_value(hr_subject *subject, hr_str name) {
    size_t first = next_header(subject->request, name, 0);
    if (first == subject->request->n_headers)
        return (hr_str){0};
    if (next_header(subject->request, name, first + 1) == subject->request->n_headers)
        return present(subject->request->headers[first].value);
    return join_matched_values(subject, name, first);
}

/* ---- a matcher and its subject ---- */

/* The verdict of a regex is kept for the rules that follow. */
static bool value_matches(const hr_cond *cond, hr_subject *subject, hr_str value) {
    if (cond->match == HR_SM_REGEX)
        return hr_matcher_matches(cond->regex, subject->scratch, value);
    return hr_text_matches(cond->match, cond->value, value);
}

/* One value that matches is enough. */
static bool matches_any(const hr_cond *cond, const hr_subject *subject, uint32_t first) {
    const hr_pair *headers = subject->request->headers;
    const uint32_t *links = subject->scratch->links;
    size_t half = HR_REGEX_HALF;
    for (uint32_t i = first; i != UINT32_MAX; i = links[i]) {
        hr_str value = present(headers[i].value);
        if (cond->match == HR_SM_REGEX
                ? hr_regex_matches(cond->regex->regex, subject->scratch, value, &half)
                : hr_text_matches(cond->match, cond->value, value))
            return true;
    }
    return false;
}

static bool all_lack_text(const hr_matcher *matcher, const hr_subject *subject, uint32_t first) {
    const uint32_t *links = subject->scratch->links;
    if (matcher->filter == NULL)
        return false;
    bool begin = hr_literals_begin(matcher->filter, subject->scratch);
    for (uint32_t i = first; begin && i != UINT32_MAX; i = links[i])
        hr_literals_note(matcher->filter, subject->scratch,
                         present(subject->request->headers[i].value));
    return hr_literal_is_missing(matcher, subject->scratch);
}

static bool any_value_matches(const hr_cond *cond, const hr_subject *subject, uint32_t first) {
    if (cond->match != HR_SM_REGEX)
        return matches_any(cond, subject, first);
    hr_verdict *verdict = &subject->scratch->verdicts[cond->regex->number];
    if (verdict->round != subject->scratch->round)
        *verdict = (hr_verdict){.round = subject->scratch->round,
                                .matches = !hr_scratch_over_limit(subject->scratch) &&
                                           !all_lack_text(cond->regex, subject, first) &&
                                           matches_any(cond, subject, first)};
    return verdict->matches;
}

static bool header_holds(const hr_cond *cond, hr_subject *subject) {
    const hr_request *request = subject->request;
    const hr_seen *seen = &subject->scratch->seen[cond->slot];
    bool found = seen->round == subject->scratch->round;
    if (cond->match == HR_SM_PRESENCE)
        return found != cond->invert;
    if (!found) /* "treat missing as empty" is said of inverted matchers alone */
        return cond->invert && !value_matches(cond, subject, HR_STR(""));
    if (seen->repeat != NULL && seen->repeat->each)
        return any_value_matches(cond, subject, seen->first) != cond->invert;
    hr_str value = seen->repeat != NULL ? hr_repeat_joined(subject, cond->slot)
                                        : present(request->headers[seen->first].value);
    return value_matches(cond, subject, value) != cond->invert;
}

/* ---- claims ---- */

static bool claim_matches(const hr_cond *cond, const hr_subject *subject, hr_str value) {
    size_t half = HR_REGEX_HALF;
    if (cond->match == HR_SM_REGEX)
        return hr_regex_matches(cond->regex->regex, subject->scratch, value, &half);
    return hr_text_matches(cond->match, cond->value, value);
}

/* RequestAuthentication has Envoy make lists of these claims, which separate values by blanks. */
static bool is_list_of_words(hr_str name) {
    return hr_str_eq_c(name, "[scope]") || hr_str_eq_c(name, "[permission]");
}

static bool some_word_matches(const hr_cond *cond, const hr_subject *subject, hr_str value) {
    for (size_t from = 0; from < value.len;) {
        size_t end = hr_str_find(value, ' ', from);
        if (end > from && claim_matches(cond, subject, hr_str_from_to(value, from, end)))
            return true;
        from = end + 1;
    }
    return false;
}

/* One string of a list that matches is enough. A claim that is absent, a number or a map matches
 * nothing, so that withoutHeaders holds. */
static bool claim_holds(const hr_cond *cond, const hr_subject *subject) {
    const hr_request *request = subject->request;
    bool words = is_list_of_words(cond->name), found = false;
    for (size_t i = 0; i < request->n_claims && !found; i++) {
        hr_str value = present(request->claims[i].value);
        found =
            hr_is_claim_name(request->claims[i].name, cond->name) &&
            (words ? some_word_matches(cond, subject, value) : claim_matches(cond, subject, value));
    }
    return found != cond->invert;
}

/* All values, for the trace. */
static hr_str claim_actual(const hr_cond *cond, hr_subject *subject) {
    const hr_request *request = subject->request;
    hr_sbuf s = hr_sbuf_begin(subject->scratch, 64);
    bool any = false;
    for (size_t i = 0; i < request->n_claims; i++) {
        if (!hr_is_claim_name(request->claims[i].name, cond->name))
            continue;
        if (any)
            hr_sbuf_put(&s, HR_STR(", "));
        hr_sbuf_put(&s, present(request->claims[i].value));
        any = true;
    }
    hr_str text = hr_sbuf_end(&s);
    subject->no_memory |= text.p == NULL;
    return any ? text : (hr_str){0};
}

/* ---- conditions ---- */

/* Pseudo headers are always there, so an inverted presence never holds. */
static bool pseudo_holds(const hr_cond *cond, hr_subject *subject, hr_str value) {
    return value_matches(cond, subject, value) != cond->invert;
}

/* Of what a proxy takes for itself, only `te: trailers` and an empty te come through. */
static hr_str stripped_value(const hr_cond *cond, hr_subject *subject) {
    if (!hr_str_eq_c(cond->name, "te"))
        return (hr_str){0};
    if (!subject->te_known) {
        hr_str value = hr_header_value(subject, cond->name);
        subject->te = value.len == 0 || hr_str_eq_c(value, "trailers") ? value : (hr_str){0};
        subject->te_known = true;
    }
    return subject->te;
}

/* Cases for the rows of HR_MATCH_STRINGS. */
#define STRING_HOLDS(type, member, field, kind, keys, sense, value)                                \
    case HR_COND_##kind:                                                                           \
        return pseudo_holds(cond, subject, value);
#define STRING_VALUE(type, member, field, kind, keys, sense, value)                                \
    case HR_COND_##kind:                                                                           \
        return value;

bool hr_cond_holds(const hr_cond *cond, hr_subject *subject) {
    hr_str actual;
    switch ((hr_cond_kind)cond->kind) {
    case HR_COND_HEADER:
        return header_holds(cond, subject);
        HR_MATCH_STRINGS(STRING_HOLDS)
    case HR_COND_FULL_PATH:
        return pseudo_holds(cond, subject, subject->full_path);
    case HR_COND_QUERY:
        actual = hr_param_value(subject, cond->slot);
        return actual.p != NULL && value_matches(cond, subject, actual);
    case HR_COND_STRIPPED:
        actual = stripped_value(cond, subject);
        if (cond->match == HR_SM_PRESENCE)
            return (actual.p != NULL) != cond->invert;
        if (actual.p == NULL && !cond->invert)
            return false;
        return pseudo_holds(cond, subject, present(actual));
    case HR_COND_CLAIM:
        return claim_holds(cond, subject);
    case HR_COND_PATH:
        break;
    }
    return false;
}

static hr_str header_actual(const hr_cond *cond, hr_subject *subject) {
    const hr_seen *seen = &subject->scratch->seen[cond->slot];
    if (seen->round != subject->scratch->round)
        return (hr_str){0};
    if (seen->repeat != NULL)
        return hr_repeat_joined(subject, cond->slot);
    return present(subject->request->headers[seen->first].value);
}

hr_str hr_cond_actual(const hr_cond *cond, hr_subject *subject) {
    switch ((hr_cond_kind)cond->kind) {
    case HR_COND_HEADER:
        return header_actual(cond, subject);
        HR_MATCH_STRINGS(STRING_VALUE)
    case HR_COND_FULL_PATH:
        return subject->full_path;
    case HR_COND_QUERY:
        return hr_param_value(subject, cond->slot);
    case HR_COND_STRIPPED:
        return stripped_value(cond, subject);
    case HR_COND_CLAIM:
        return claim_actual(cond, subject);
    case HR_COND_PATH:
        break;
    }
    return (hr_str){0};
}

bool hr_route_path_matches(const hr_view_route *route, const hr_subject *subject) {
    hr_str path = {route->path.text, route->path_len}; /* not of REGEX */
    switch (route->path_kind) {
    case HR_SM_EXACT:
        return route->ignore_case ? hr_str_eq_nocase(subject->path, path)
                                  : hr_text_matches(HR_SM_EXACT, path, subject->path);
    case HR_SM_PREFIX:
        return route->ignore_case ? hr_str_starts_nocase(subject->path, path)
                                  : hr_text_matches(HR_SM_PREFIX, path, subject->path);
    case HR_SM_PATH_PREFIX:
        return hr_text_matches(HR_SM_PREFIX, path, subject->path) &&
               (subject->path.len == path.len || subject->path.p[path.len] == '/');
    case HR_SM_REGEX:
        return hr_matcher_matches(route->path.matcher, subject->scratch, subject->path);
    default:
        return true;
    }
}

bool hr_route_matches(const hr_view_route *route, hr_subject *subject) {
    if (route->path_kind != HR_SM_NONE && !hr_route_path_matches(route, subject))
        return false;
    for (size_t i = 0; i < route->n_conds; i++) {
        const hr_cond *cond = &route->conds[i];
        if (cond->kind == HR_COND_HEADER ? !header_holds(cond, subject)
                                         : !hr_cond_holds(cond, subject))
            return false;
    }
    return true;
}
