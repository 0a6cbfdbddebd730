/* Which values an attribute of a request can have at all, after the evaluator prepared the request:
 * what the differences of rules are quantified over. */
#include "domain.h"

#include "hex.h"

enum { DEAD = 0, START = 1 };

hr_domain_kind hr_domain_of_path(hr_path_normalization option) {
    static const hr_domain_kind kinds[] = {
        [HR_PATH_NORMALIZATION_BASE] = HR_DOMAIN_PATH_BASE,
        [HR_PATH_NORMALIZATION_NONE] = HR_DOMAIN_PATH_NONE,
        [HR_PATH_NORMALIZATION_MERGE_SLASHES] = HR_DOMAIN_PATH_MERGE,
        [HR_PATH_NORMALIZATION_DECODE_AND_MERGE_SLASHES] = HR_DOMAIN_PATH_DECODE,
    };
    return kinds[option];
}

static bool is_printable(uint8_t c) {
    return c > 0x20 && c != 0x7F;
}

/* ---- authorities ---- */

enum { A_HOST = 2, A_BRACKET, A_BEHIND_BRACKET, A_PORT };

static uint32_t authority_step(uint32_t state, uint8_t c) {
    if (!is_printable(c))
        return DEAD;
    if (state == A_BRACKET)
        return c == ']' ? A_BEHIND_BRACKET : c == '[' ? DEAD : A_BRACKET;
    if (c == ':')
        return state == A_PORT ? DEAD : A_PORT;
    if (c == '[')
        return state == START ? A_BRACKET : DEAD;
    if (c == ']' || state == A_BEHIND_BRACKET)
        return DEAD;
    return state == A_PORT ? A_PORT : A_HOST;
}

/* ---- paths ---- */

/*
 * A path that path.c makes: no dot segment, nothing that would be escaped, no escape of an
 * unreserved character. The state is the place in the segment and, times ESCAPES, the place in an
 * escape.
 */
enum { P_BEGIN = 1, P_SLASH, P_DOT, P_DOTS, P_INSIDE, P_SLASHES, PLACES };
enum { E_NONE = 0, E_PERCENT = 1, E_DIGIT = 2 /* and the digit's value */ };

/* "/.;a" is what becomes of "/%2e;a"; as it stands it would be a dot segment with parameters. */
size_t hr_domain_write_path(char *out, hr_domain_kind kind, hr_str path) {
    size_t n = 0;
    for (size_t i = 0; i < path.len; i++) {
        hr_str rest = hr_str_tail(path, i);
        bool dots = hr_str_starts(rest, HR_STR(".;")) || hr_str_starts(rest, HR_STR("..;"));
        if (kind == HR_DOMAIN_PATH_NONE || !dots || i == 0 || path.p[i - 1] != '/') {
            out[n++] = path.p[i];
            continue;
        }
        memcpy(out + n, "%2e", 3);
        n += 3;
    }
    return n;
}

static uint32_t path_state(uint32_t place, uint32_t escape) {
    return place + escape * PLACES;
}

static bool is_unreserved(uint8_t c) {
    char lower = hr_lower((char)c);
    return (c >= '0' && c <= '9') || (lower >= 'a' && lower <= 'z') || c == '-' || c == '.' ||
           c == '_' || c == '~';
}

/* Bytes that normalisation would escape, or that end the path. */
static bool has_no_place(uint8_t c) {
    return !is_printable(c) || c >= 0x80 || c == '#' || c == '?' ||
           strchr("\"<>\\^`{|}", c) != NULL;
}

/* An escape that normalisation keeps. */
static bool stays_escaped(hr_domain_kind kind, int value) {
    if (value == 0 || is_unreserved((uint8_t)value))
        return false;
    return kind != HR_DOMAIN_PATH_DECODE || (value != '/' && value != '\\');
}

static uint32_t next_place(hr_domain_kind kind, uint32_t place, uint8_t c) {
    if (place == P_SLASHES)
        return DEAD;
    if (c == '/' &&
        place ==
            P_SLASH) /* path.c keeps "//", which is nothing but slashes, also where it merges */
        return kind == HR_DOMAIN_PATH_BASE ? P_SLASH : DEAD;
    if (c == '/')
        return place == P_INSIDE ? P_SLASH : DEAD;
    if (c == '.')
        return place == P_SLASH ? P_DOT : place == P_DOT ? P_DOTS : P_INSIDE;
    return P_INSIDE;
}

static uint32_t path_step(hr_domain_kind kind, uint32_t state, uint8_t c) {
    uint32_t place = state % PLACES, escape = state / PLACES;
    if (place == P_BEGIN && escape == E_NONE)
        return c == '/' ? path_state(P_SLASH, E_NONE) : DEAD;
    if (has_no_place(c))
        return DEAD;
    int digit = hr_hex_digit((char)c);
    if (escape == E_PERCENT && digit >= 0)
        return path_state(P_INSIDE, E_DIGIT + (uint32_t)digit);
    if (escape >= E_DIGIT && digit >= 0)
        return stays_escaped(kind, (int)(escape - E_DIGIT) * 16 + digit)
                   ? path_state(P_INSIDE, E_NONE)
                   : DEAD;
    place = next_place(kind, place, c);
    return place == DEAD ? DEAD : path_state(place, c == '%' ? E_PERCENT : E_NONE);
}

/* A leading "/" has a state of its own, because a second "/" is allowed only there. */
static uint32_t merging_path_step(hr_domain_kind kind, uint32_t state, uint8_t c) {
    if (state == START)
        return c == '/' ? path_state(P_BEGIN, E_PERCENT) : DEAD;
    if (state == path_state(P_BEGIN, E_PERCENT))
        return c == '/' ? path_state(P_SLASHES, E_NONE)
                        : path_step(kind, path_state(P_SLASH, E_NONE), c);
    return path_step(kind, state, c);
}

/* ---- few values ---- */

const char *const *hr_domain_values(hr_domain_kind kind) {
    /* route/subject.c's list, the usual ones first. */
    static const char *const methods[] = {
        "GET",    "POST",      "PUT",        "DELETE",     "HEAD",     "OPTIONS",     "PATCH",
        "TRACE",  "CONNECT",   "ACL",        "BIND",       "CHECKOUT", "COPY",        "LINK",
        "LOCK",   "MERGE",     "MKACTIVITY", "MKCALENDAR", "MKCOL",    "MOVE",        "MSEARCH",
        "NOTIFY", "PROPFIND",  "PROPPATCH",  "PURGE",      "REBIND",   "REPORT",      "SEARCH",
        "SOURCE", "SUBSCRIBE", "UNBIND",     "UNLINK",     "UNLOCK",   "UNSUBSCRIBE", NULL};
    static const char *const schemes[] = {"http", "https", NULL};
    static const char *const trailers[] = {"trailers", "", NULL};
    static const char *const request_ids[] = {"00000000-0000-4000-8000-000000000000", NULL};
    static const char *const nothing[] = {NULL};
    switch (kind) {
    case HR_DOMAIN_METHOD:
        return methods;
    case HR_DOMAIN_SCHEME:
        return schemes;
    case HR_DOMAIN_TRAILERS:
        return trailers;
    case HR_DOMAIN_REQUEST_ID:
        return request_ids;
    case HR_DOMAIN_NOTHING:
        return nothing;
    default:
        return NULL;
    }
}

/* ---- values without blanks around them ---- */

enum { V_INSIDE = 2, V_BLANK };

static uint32_t value_step(uint32_t state, uint8_t c) {
    bool blank = c == ' ' || c == '\t';
    if ((c < 0x20 && !blank) || c == 0x7F || (blank && state == START))
        return DEAD;
    return blank ? V_BLANK : V_INSIDE;
}

/* ---- all ---- */

uint32_t hr_domain_start(hr_domain_kind kind) {
    (void)kind;
    return START;
}

uint32_t hr_domain_step(hr_domain_kind kind, uint32_t state, uint8_t byte) {
    if (state == DEAD)
        return DEAD;
    switch (kind) {
    case HR_DOMAIN_TOKEN:
        return is_printable(byte) ? START + 1 : DEAD;
    case HR_DOMAIN_AUTHORITY:
        return authority_step(state, byte);
    case HR_DOMAIN_TEXT:
        return (byte >= 0x20 || byte == '\t') && byte != 0x7F ? START : DEAD;
    case HR_DOMAIN_VALUE:
    case HR_DOMAIN_SOME_VALUE:
        return value_step(state, byte);
    case HR_DOMAIN_QUERY:
        return is_printable(byte) && byte != '#' && byte != '&' ? START : DEAD;
    case HR_DOMAIN_PATH_NONE:
        if (state == START)
            return byte == '/' ? START + 1 : DEAD;
        return is_printable(byte) && byte != '#' && byte != '?' ? START + 1 : DEAD;
    case HR_DOMAIN_PATH_BASE:
        return path_step(kind, state, byte);
    case HR_DOMAIN_PATH_MERGE:
    case HR_DOMAIN_PATH_DECODE:
        return merging_path_step(kind, state, byte);
    default:
        return DEAD;
    }
}

bool hr_domain_accepts(hr_domain_kind kind, uint32_t state) {
    uint32_t place = state % PLACES;
    switch (kind) {
    case HR_DOMAIN_TOKEN:
    case HR_DOMAIN_PATH_NONE:
        return state > START;
    case HR_DOMAIN_AUTHORITY:
        return state > START && state != A_BRACKET;
    case HR_DOMAIN_TEXT:
    case HR_DOMAIN_QUERY:
        return state != DEAD;
    case HR_DOMAIN_VALUE:
        return state == START || state == V_INSIDE;
    case HR_DOMAIN_SOME_VALUE:
        return state == V_INSIDE;
    case HR_DOMAIN_PATH_BASE:
    case HR_DOMAIN_PATH_MERGE:
    case HR_DOMAIN_PATH_DECODE:
        return state != DEAD && state != START && place != P_DOT && place != P_DOTS;
    default:
        return false;
    }
}

bool hr_domain_has(hr_domain_kind kind, hr_str value) {
    const char *const *values = hr_domain_values(kind);
    if (values != NULL) {
        while (*values != NULL && !hr_str_eq_c(value, *values))
            values++;
        return *values != NULL;
    }
    uint32_t state = hr_domain_start(kind);
    for (size_t i = 0; i < value.len && state != DEAD; i++)
        state = hr_domain_step(kind, state, (uint8_t)value.p[i]);
    return hr_domain_accepts(kind, state);
}

static bool cuts_each_side(uint8_t c) {
    return hr_hex_digit((char)c) >= 0 || strchr("/.%", c) != NULL;
}

void hr_domain_cuts(hr_domain_kind kind, bool *cut) {
    bool path = kind >= HR_DOMAIN_PATH_NONE && kind <= HR_DOMAIN_PATH_DECODE;
    for (size_t c = 0; c < 256; c++) {
        uint8_t byte = (uint8_t)c;
        bool special = !is_printable(byte) || (byte < 0x80 && strchr("#&[]:", byte) != NULL);
        special |= path && (has_no_place(byte) || cuts_each_side(byte));
        special |= byte == ' ' || byte == '\t';
        if (special)
            cut[c] = cut[c + 1] = true;
    }
}
