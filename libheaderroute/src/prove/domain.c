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
 * A path that path.c leaves unchanged: no dot segment, nothing that would be escaped, no escape of an
 * unreserved character. The state is the place in the segment and, times ESCAPES, the place in an escape.
 */
enum { P_BEGIN = 1, P_SLASH, P_DOT, P_DOTS, P_INSIDE, P_SLASHES, PLACES };
enum { E_NONE = 0, E_PERCENT = 1, E_DIGIT = 2 /* and the digit's value */ };

static uint32_t path_state(uint32_t place, uint32_t escape) {
    return place + escape * PLACES;
}

static bool is_unreserved(uint8_t c) {
    char lower = hr_lower((char)c);
    return (c >= '0' && c <= '9') || (lower >= 'a' && lower <= 'z') || c == '-' || c == '.' || c == '_' || c == '~';
}

/* Bytes that normalisation would escape, or that end the path. */
static bool has_no_place(uint8_t c) {
    return !is_printable(c) || c >= 0x80 || c == '#' || c == '?' || strchr("\"<>\\^`{|}", c) != NULL;
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
    if (c == '/' && place == P_SLASH) /* path.c keeps "//", which is nothing but slashes, also where it merges */
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
        return stays_escaped(kind, (int)(escape - E_DIGIT) * 16 + digit) ? path_state(P_INSIDE, E_NONE) : DEAD;
    place = next_place(kind, place, c);
    return place == DEAD ? DEAD : path_state(place, c == '%' ? E_PERCENT : E_NONE);
}

/* "/" alone is another state where "//" must be told apart. */
static uint32_t merging_path_step(hr_domain_kind kind, uint32_t state, uint8_t c) {
    if (state == START)
        return c == '/' ? path_state(P_BEGIN, E_PERCENT) : DEAD;
    if (state == path_state(P_BEGIN, E_PERCENT))
        return c == '/' ? path_state(P_SLASHES, E_NONE) : path_step(kind, path_state(P_SLASH, E_NONE), c);
    return path_step(kind, state, c);
}

/* ---- all ---- */

uint32_t hr_domain_start(hr_domain_kind kind) {
    return kind == HR_DOMAIN_NOTHING ? DEAD : START;
}

uint32_t hr_domain_step(hr_domain_kind kind, uint32_t state, uint8_t byte) {
    static const char trailers[] = "trailers";
    if (state == DEAD)
        return DEAD;
    switch (kind) {
    case HR_DOMAIN_TOKEN:
        return is_printable(byte) ? START + 1 : DEAD;
    case HR_DOMAIN_AUTHORITY:
        return authority_step(state, byte);
    case HR_DOMAIN_TEXT:
        return (byte >= 0x20 || byte == '\t') && byte != 0x7F ? START : DEAD;
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
    case HR_DOMAIN_TRAILERS:
        return state <= sizeof(trailers) - 1 && (char)byte == trailers[state - START] ? state + 1 : DEAD;
    case HR_DOMAIN_NOTHING:
        break;
    }
    return DEAD;
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
    case HR_DOMAIN_PATH_BASE:
        return state != DEAD && state != START && place != P_DOT && place != P_DOTS;
    case HR_DOMAIN_PATH_MERGE:
    case HR_DOMAIN_PATH_DECODE:
        return state != DEAD && state != START && place != P_DOT && place != P_DOTS;
    case HR_DOMAIN_TRAILERS:
        return state == START + 8;
    case HR_DOMAIN_NOTHING:
        break;
    }
    return false;
}

bool hr_domain_has(hr_domain_kind kind, hr_str value) {
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
        special |= kind == HR_DOMAIN_TRAILERS;
        if (special)
            cut[c] = cut[c + 1] = true;
    }
}
