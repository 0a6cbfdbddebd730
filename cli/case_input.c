/* What a test case asks: the keys it may have, the view, and the random draws of its request. */
#include "case_input.h"

#include <stdarg.h>
#include <string.h>

__attribute__((format(printf, 3, 4))) static bool is_wrong(char *wrong, size_t size,
                                                           const char *format, ...) {
    va_list args;
    va_start(args, format);
    vsnprintf(wrong, size, format, args);
    va_end(args);
    return false;
}

/* ---- keys ---- */

static bool is_among(const char *word, const char *const *words) {
    for (; *words != NULL; words++)
        if (strcmp(word, *words) == 0)
            return true;
    return false;
}

static const char *unknown_key(const json_t *map, const char *const *known) {
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)map, key, value) {
        if (!is_among(key, known))
            return key;
    }
    return NULL;
}

bool cli_case_check(const json_t *root, char *wrong, size_t size) {
    static const char *const of_case[] = {"description", "wantMatch", "request", "view",
                                          "decision",    "delegate",  "route",   "redirect",
                                          "rewrite",     "fault",     "headers", "directResponse",
                                          "timeout",     "retries",   "mirror",  "mirrors",
                                          "corsPolicy",  "name",      NULL};
    static const char *const of_statement[] = {"description", "view", "forAll", "expect", NULL};
    static const char *const of_request[] = {"authority", "method", "uri",   "headers",
                                             "scheme",    "random", "draws", "connectTo",
                                             "claims",    NULL};
    const json_t *want = json_object_get(root, "wantMatch"),
                 *request = json_object_get(root, "request");
    const json_t *headers = json_object_get(request, "headers"),
                 *decision = json_object_get(root, "decision"),
                 *connect_to = json_object_get(request, "connectTo");
    if (!json_is_object(root))
        return is_wrong(wrong, size, "expected a map with the keys description, request, ...");
    bool statement = json_object_get(root, "forAll") != NULL;
    const char *unknown = unknown_key(root, statement ? of_statement : of_case);
    if (unknown != NULL && statement)
        return is_wrong(wrong, size,
                        "%s: unknown key: beside forAll, expected description, view and expect",
                        unknown);
    if (statement)
        return true;
    if (unknown != NULL)
        return is_wrong(wrong, size, "%s: unknown key", unknown);
    if (!json_is_object(request))
        return is_wrong(wrong, size, "request is missing");
    unknown = unknown_key(request, of_request);
    if (unknown != NULL)
        return is_wrong(wrong, size, "request.%s: unknown key", unknown);
    if (want != NULL && !json_is_boolean(want))
        return is_wrong(wrong, size, "wantMatch: expected true or false");
    if (connect_to != NULL && !json_is_string(connect_to))
        return is_wrong(wrong, size, "request.connectTo: expected a host name or an IP address");
    if (headers != NULL && !json_is_object(headers))
        return is_wrong(wrong, size, "request.headers: expected a map of names to values");
    const json_t *claims = json_object_get(request, "claims");
    if (claims != NULL && !json_is_object(claims))
        return is_wrong(wrong, size, "request.claims: expected a map of claims");
    if (decision != NULL && !json_is_object(decision))
        return is_wrong(wrong, size, "decision: expected a map");
    return true;
}

/* ---- view ---- */

/* The name of an option whose key in a case is written in camelCase: sourceLabels for
 * source_labels. Returns false for a key that is written otherwise or is too long. */
static bool option_name(char *out, size_t size, const char *key) {
    size_t n = 0;
    for (; *key != '\0'; key++) {
        bool upper = *key >= 'A' && *key <= 'Z';
        if (n + 3 > size || *key == '_')
            return false;
        if (upper)
            out[n++] = '_';
        out[n++] = upper ? (char)(*key | 0x20) : *key;
    }
    out[n] = '\0';
    return true;
}

bool cli_case_view(cli_view *view, const json_t *json, char *wrong, size_t size) {
    const char *key;
    json_t *value;
    if (json != NULL && !json_is_object(json))
        return is_wrong(wrong, size, "view: expected a map");
    json_object_foreach((json_t *)json, key, value) {
        char option[32];
        const char *expected = NULL;
        int error = HR_ENOENT;
        if (option_name(option, sizeof(option), key))
            error = cli_view_set_json(view, option, value, &expected);
        if (error == HR_ENOENT)
            return is_wrong(wrong, size, "view.%.64s: unknown key", key);
        if (error != HR_OK)
            return is_wrong(wrong, size, "view.%s: expected %s", key, expected);
    }
    return true;
}

/* ---- draws ---- */

static bool read_draw(double *out, const json_t *value) {
    *out = json_number_value(value);
    return json_is_number(value) && *out >= 0 && *out < 1;
}

static double *draw_named(hr_draws *draws, const char *name) {
    if (strcmp(name, "weight") == 0)
        return &draws->weight;
    if (strcmp(name, "delay") == 0)
        return &draws->delay;
    if (strcmp(name, "abort") == 0)
        return &draws->abort;
    return strcmp(name, "mirror") == 0 ? &draws->mirror : NULL;
}

bool cli_case_draws(hr_draws *out, const json_t *request, char *wrong, size_t size) {
    json_t *random = json_object_get(request, "random"), *draws = json_object_get(request, "draws"),
           *value;
    const char *name;
    double all = 0;
    if (random != NULL && !read_draw(&all, random))
        return is_wrong(wrong, size, "request.random: expected a number in [0, 1)");
    *out = (hr_draws){all, all, all, all};
    if (draws != NULL && !json_is_object(draws))
        return is_wrong(wrong, size,
                        "request.draws: expected a map of weight, delay, abort and mirror");
    json_object_foreach(draws, name, value) {
        double *draw = draw_named(out, name);
        if (draw == NULL)
            return is_wrong(wrong, size,
                            "request.draws.%s: expected weight, delay, abort or mirror as the key",
                            name);
        if (!read_draw(draw, value))
            return is_wrong(wrong, size, "request.draws.%s: expected a number in [0, 1)", name);
    }
    return true;
}
