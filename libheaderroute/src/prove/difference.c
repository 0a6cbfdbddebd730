/* Whether two rules decide differently, and where the path says so, for which paths. */
#include "difference.h"

#include "region.h"

typedef enum path_relation { PATHS_SAME, PATHS_DIFFER, PATHS_SAME_IN_WINDOW } path_relation;

static path_relation in_window(hr_comparison *c, hr_literal *window, hr_language_kind kind,
                               size_t skip, hr_str text) {
    hr_language language = {.kind = (uint8_t)kind, .skip = skip, .text = text};
    *window = hr_universe_literal(&c->u, HR_ATTR_PATH, &language);
    return PATHS_SAME_IN_WINDOW;
}

/* Both put a text before what is left of the path: the one that skips less must write what it
 * leaves. */
static path_relation relate_affine(hr_comparison *c, const hr_path_change *a,
                                   const hr_path_change *b, hr_literal *window) {
    if (a->skip > b->skip)
        return relate_affine(c, b, a, window);
    size_t more = b->skip - a->skip;
    if (b->text.len != a->text.len + more || !hr_str_starts(b->text, a->text))
        return PATHS_DIFFER;
    if (more == 0)
        return PATHS_SAME;
    return in_window(c, window, HR_LANG_WINDOW_OPEN, a->skip, hr_str_tail(b->text, a->text.len));
}

/* One replaces all of the path. */
static path_relation relate_whole(hr_comparison *c, const hr_path_change *whole,
                                  const hr_path_change *b, hr_literal *window) {
    if (b->kind == HR_PATH_WHOLE)
        return hr_str_eq(whole->text, b->text) ? PATHS_SAME : PATHS_DIFFER;
    if (!hr_str_starts(whole->text, b->text))
        return PATHS_DIFFER;
    return in_window(c, window, HR_LANG_WINDOW, b->skip, hr_str_tail(whole->text, b->text.len));
}

static path_relation relate_paths(hr_comparison *c, const hr_path_change *a,
                                  const hr_path_change *b, hr_literal *window) {
    if (a->kind == HR_PATH_REGEX || b->kind == HR_PATH_REGEX)
        return a->kind == b->kind && a->regex == b->regex ? PATHS_SAME : PATHS_DIFFER;
    if (a->kind == HR_PATH_WHOLE)
        return relate_whole(c, a, b, window);
    if (b->kind == HR_PATH_WHOLE)
        return relate_whole(c, b, a, window);
    return relate_affine(c, a, b, window);
}

/* ---- texts made of the request's ---- */

static void shows_where(hr_pair_of_rules *pair, hr_literal l) {
    pair->shows[pair->n_shows++] = l;
}

static void free_regex(void *regex) {
    hr_regex_free(regex);
}

/* A regex changes only paths that it finds itself in. */
static void shows_where_found(hr_comparison *c, hr_pair_of_rules *pair,
                              const hr_path_change *change) {
    if (change->kind != HR_PATH_REGEX)
        return;
    hr_str pattern =
        hr_arena_printf(c->b, "\\C*(?:%.*s)\\C*", (int)change->pattern.len, change->pattern.p);
    hr_language language = {.kind = HR_LANG_REGEX, .text = pattern};
    hr_literal l = hr_universe_literal(&c->u, HR_ATTR_PATH, &language);
    hr_language *kept = &hr_atom_of(&c->u, l)->language;
    hr_regex *regex = NULL;
    if (kept->regex == NULL &&
        hr_note_no_memory(c, hr_regex_new(&regex, NULL, pattern, NULL, 0)) == HR_OK) {
        if (hr_arena_on_free(c->b, free_regex, regex) == HR_OK)
            kept->regex = regex;
        else
            hr_regex_free(regex);
    }
    if (kept->regex != NULL)
        shows_where(pair, l);
}

static bool is_identity(const hr_path_change *change) {
    return change->kind == HR_PATH_REGEX ||
           (change->kind == HR_PATH_AFFINE && change->skip == 0 && change->text.len == 0);
}

static void where_it_shows(hr_comparison *c, hr_pair_of_rules *pair, const hr_path_change *a,
                           const hr_path_change *b) {
    hr_language https = {.kind = HR_LANG_EXACT, .text = HR_STR("https")};
    pair->n_shows = 0;
    pair->only_there = false;
    if ((pair->changed & ~(unsigned)(HR_CHANGE_REWRITE | HR_CHANGE_REDIRECT)) != 0)
        return;
    if (pair->changed == HR_CHANGE_REDIRECT) {
        shows_where(pair, hr_universe_literal(&c->u, HR_ATTR_SCHEME, &https));
        return;
    }
    shows_where_found(c, pair, a);
    shows_where_found(c, pair, b);
    pair->only_there = pair->n_shows > 0 && is_identity(a) && is_identity(b) && !pair->only_outside;
}

static bool same_made_text(hr_str a, hr_str b) {
    return (a.p == NULL) == (b.p == NULL) && hr_str_eq(a, b);
}

/* What a decision makes of the request, copied since the scratch is used for both sides. */
typedef struct made_texts {
    int redirect_code;
    hr_str location, path, authority;
} made_texts;

static bool texts_of(hr_comparison *c, size_t side, const hr_request *request, made_texts *out) {
    hr_decision d = HR_DECISION_INIT;
    hr_upstream upstream = HR_UPSTREAM_INIT;
    if (hr_note_no_memory(c, hr_route(&d, c->views[side], request, c->scratch)) != HR_OK)
        return false;
    hr_note_no_memory(c, hr_upstream_request(&upstream, &d, request, c->scratch));
    out->redirect_code = d.redirect_code;
    out->location = hr_arena_copy(c->b, d.redirect_location);
    out->path = hr_arena_copy(c->b, upstream.path);
    out->authority = hr_arena_copy(c->b, upstream.authority);
    return true;
}

bool hr_difference_shows(hr_comparison *c, const hr_pair_of_rules *pair) {
    made_texts before, after;
    hr_request request = c->edge;
    if ((pair->changed & ~(unsigned)(HR_CHANGE_REWRITE | HR_CHANGE_REDIRECT)) != 0)
        return true;
    request.draws = hr_draws_of(pair);
    if (!texts_of(c, 0, &request, &before) || !texts_of(c, 1, &request, &after))
        return false;
    return before.redirect_code != after.redirect_code ||
           !same_made_text(before.location, after.location) ||
           !same_made_text(before.path, after.path) ||
           !same_made_text(before.authority, after.authority);
}

/* ---- rules ---- */

static void relate_rule_paths(hr_comparison *c, hr_pair_of_rules *pair, const hr_rule *a,
                              const hr_rule *b) {
    if (a->outcome->redirects != b->outcome->redirects)
        return;
    unsigned bit = a->outcome->redirects ? HR_CHANGE_REDIRECT : HR_CHANGE_REWRITE;
    path_relation relation = relate_paths(c, &a->path, &b->path, &pair->window);
    if (relation == PATHS_DIFFER)
        pair->changed |= bit;
    if (relation != PATHS_SAME_IN_WINDOW || pair->changed != 0)
        return;
    pair->changed = bit;
    pair->only_outside = true;
}

void hr_difference(hr_comparison *c, hr_pair_of_rules *pair) {
    const hr_rule *a = &pair->lists[0]->v[pair->index[0]], *b = &pair->lists[1]->v[pair->index[1]];
    pair->changed = 0;
    pair->only_outside = false;
    if (a->outcome != b->outcome)
        for (size_t bit = 0; bit < HR_CHANGE_COUNT; bit++)
            if (a->outcome->parts[bit] != b->outcome->parts[bit])
                pair->changed |= 1u << bit;
    /* Other destinations have other endpoints. */
    if ((pair->changed & HR_CHANGE_DESTINATION) != 0)
        pair->changed &= ~(unsigned)(HR_CHANGE_ENDPOINTS | HR_CHANGE_TRAFFIC_POLICY);
    relate_rule_paths(c, pair, a, b);
    where_it_shows(c, pair, &a->path, &b->path);
}
