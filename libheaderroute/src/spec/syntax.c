#include "syntax.h"

#include <string.h>

#include "names.h"
#include "text.h"

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static bool is_alnum(char c) {
    return is_digit(c) || (hr_lower(c) >= 'a' && hr_lower(c) <= 'z');
}

/* ---- labels ---- */

/* [a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?, with `extra` beside '-' inside. */
static bool is_word(hr_str s, const char *extra) {
    if (s.len == 0 || !is_alnum(s.p[0]) || !is_alnum(s.p[s.len - 1]))
        return false;
    for (size_t i = 0; i < s.len; i++)
        if (!is_alnum(s.p[i]) && s.p[i] != '-' && (s.p[i] == '\0' || strchr(extra, s.p[i]) == NULL))
            return false;
    return true;
}

bool hr_is_label(hr_str s) {
    return s.len <= 63 && is_word(s, "");
}

bool hr_is_wildcard_label(hr_str s) {
    if (s.len > 63)
        return false;
    if (s.len > 0 && s.p[0] == '*') {
        s = hr_str_tail(s, 1);
        if (s.len == 0)
            return true;
        if (s.p[0] == '-')
            s = hr_str_tail(s, 1);
    }
    return is_word(s, "");
}

bool hr_is_label_key(hr_str s) {
    size_t slash = hr_str_find(s, '/', 0);
    if (slash == s.len)
        return s.len <= 63 && is_word(s, "_.");
    hr_str prefix = hr_str_from_to(s, 0, slash), name = hr_str_tail(s, slash + 1);
    if (prefix.len > 253 || name.len > 63 || !is_word(name, "_."))
        return false;
    for (size_t from = 0; from <= prefix.len;) {
        size_t dot = hr_str_find(prefix, '.', from);
        if (!is_word(hr_str_from_to(prefix, from, dot), ""))
            return false;
        from = dot + 1;
    }
    return true;
}

bool hr_is_label_value(hr_str s) {
    return s.len == 0 || is_word(s, "_.");
}

/* ---- domain names ---- */

/* Digits that fit into 63 bits: Go's strconv.Atoi. */
static bool is_number(hr_str s) {
    uint64_t v = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (!is_digit(s.p[i]) || v > (INT64_MAX - 9) / 10)
            return false;
        v = v * 10 + (uint64_t)(s.p[i] - '0');
    }
    return s.len > 0;
}

static const char *labels_mistake(hr_str name) {
    for (size_t from = 0; from <= name.len;) {
        size_t dot = hr_str_find(name, '.', from);
        hr_str label = hr_str_from_to(name, from, dot);
        if (dot == name.len && is_number(label))
            return "its last label may not be a number";
        if (dot == name.len && label.len == 0)
            return NULL;
        if (!hr_is_label(label))
            return "each of its labels must be 1 to 63 letters, digits and '-', with no '-' at the ends";
        from = dot + 1;
    }
    return NULL;
}

const char *hr_domain_mistake(hr_str name, bool wildcard) {
    if (name.len == 0)
        return "it is empty";
    if (name.len > HR_DOMAIN_MAX)
        return "it is longer than 255 bytes";
    if (!wildcard)
        return labels_mistake(name);
    size_t dot = hr_str_find(name, '.', 0);
    if (!hr_is_wildcard_label(hr_str_from_to(name, 0, dot)))
        return "its first label must be letters, digits and '-', or '*', or begin with '*'";
    if (dot == name.len)
        return NULL;
    hr_str rest = hr_str_tail(name, dot + 1);
    if (hr_str_has(rest, '*'))
        return "a '*' may stand in its first label only";
    return labels_mistake(rest);
}

bool hr_is_generated_sni(hr_str name) {
    hr_str part[4] = {{0}};
    size_t n = 0;
    for (size_t from = 0; from <= name.len && n < 4; n++) {
        size_t end = hr_str_find(name, '_', from);
        part[n] = hr_str_from_to(name, from, end);
        from = end + 1;
    }
    bool digit = false, alpha = false;
    for (size_t i = 0; i < part[1].len; i++)
        digit = digit || is_digit(part[1].p[i]);
    for (size_t i = 0; i < part[3].len; i++)
        alpha = alpha || (is_alnum(part[3].p[i]) && !is_digit(part[3].p[i]));
    return n == 4 && hr_str_eq_c(part[0], "outbound") && digit && alpha;
}

bool hr_is_subnet(hr_str s) {
    size_t slash = hr_str_find(s, '/', 0);
    hr_str address = hr_str_from_to(s, 0, slash);
    if (slash == s.len)
        return hr_is_ip(s);
    hr_str bits = hr_str_tail(s, slash + 1);
    if (!hr_is_ip(address) || hr_str_has(address, '%') || bits.len == 0 || bits.len > 3)
        return false;
    if (bits.len > 1 && bits.p[0] == '0')
        return false;
    unsigned v = 0;
    for (size_t i = 0; i < bits.len; i++) {
        if (!is_digit(bits.p[i]))
            return false;
        v = v * 10 + (unsigned)(bits.p[i] - '0');
    }
    return v <= (hr_str_has(address, ':') ? 128 : 32);
}

/* ---- headers ---- */

bool hr_is_header_name(hr_str s) {
    for (size_t i = 0; i < s.len; i++)
        if (!is_alnum(s.p[i]) && (s.p[i] == '\0' || strchr("!#$%&'*+-.^_`|~", s.p[i]) == NULL))
            return false;
    return s.len > 0;
}

/* Where in %NAME(ARGUMENTS)% the reader is. Arguments are a bare word or a JSON list of strings. */
enum format_state {
    LITERAL,
    NAME,
    ARGUMENTS,
    LIST_ITEM,
    STRING,
    AFTER_ITEM,
    CLOSE_ARGUMENTS,
    CLOSE_COMMAND
};

const char *hr_header_value_mistake(hr_str value) {
    enum format_state state = LITERAL;
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.p[i];
        if ((c < 0x20 && c != '\t') || c == 0x7F)
            return "has a control character";
    }
    for (size_t i = 0; i < value.len; i++) {
        char c = value.p[i];
        bool last = i + 1 == value.len;
        switch (state) {
        case LITERAL:
            if (c == '%' && last)
                return "ends in a single '%'; write %% for a percent sign";
            if (c == '%' && value.p[i + 1] == '%')
                i++;
            else if (c == '%')
                state = NAME;
            break;
        case NAME:
            state = c == '%' ? LITERAL : c == '(' ? ARGUMENTS : NAME;
            break;
        case ARGUMENTS:
            state = c == '[' ? LIST_ITEM : c == ' ' ? ARGUMENTS : STRING;
            break;
        case LIST_ITEM:
            if (c != '"' && c != ' ')
                return "wants a '\"' in the list of a %COMMAND([...])%";
            state = c == '"' ? STRING : LIST_ITEM;
            break;
        case STRING:
            if (c == '\\' && last)
                return "ends in a backslash";
            if (c == '\\')
                i++;
            else
                state = c == ')' ? CLOSE_COMMAND : c == '"' ? AFTER_ITEM : STRING;
            break;
        case AFTER_ITEM:
            if (c != ',' && c != ']' && c != ' ')
                return "wants a ',' or ']' in the list of a %COMMAND([...])%";
            state = c == ',' ? LIST_ITEM : c == ']' ? CLOSE_ARGUMENTS : AFTER_ITEM;
            break;
        case CLOSE_ARGUMENTS:
            if (c != ')' && c != ' ')
                return "wants a ')' behind the list of a %COMMAND([...])%";
            state = c == ')' ? CLOSE_COMMAND : CLOSE_ARGUMENTS;
            break;
        case CLOSE_COMMAND:
            if (c != '%' && c != ' ')
                return "wants a '%' behind %COMMAND(...)";
            state = c == '%' ? LITERAL : CLOSE_COMMAND;
            break;
        }
    }
    return state == LITERAL ? NULL : "has a %COMMAND% without its closing '%'; write %% for a percent sign";
}

bool hr_is_jwt_claim(hr_str header) {
    static const char prefix[] = "@request.auth.claims";
    if (!hr_str_starts_nocase(header, HR_STR(prefix)))
        return false;
    hr_str rest = hr_str_tail(header, sizeof(prefix) - 1);
    if (rest.len > 1 && rest.p[0] == '.')
        return true;
    return rest.len > 2 && rest.p[0] == '[' && rest.p[rest.len - 1] == ']';
}

bool hr_is_authority_header(hr_str s) {
    return hr_str_eq_nocase(s, HR_STR(":authority")) || hr_str_eq_nocase(s, HR_STR("host"));
}

/* ---- words ---- */

hr_proto hr_proto_parse(hr_str s) {
    static const struct {
        hr_str name;
        hr_proto protocol;
    } known[] = {
        {{"tcp", 3}, HR_PROTO_TCP},     {{"udp", 3}, HR_PROTO_UDP},
        {{"grpc", 4}, HR_PROTO_GRPC},   {{"grpc-web", 8}, HR_PROTO_GRPC_WEB},
        {{"http", 4}, HR_PROTO_HTTP},   {{"http_proxy", 10}, HR_PROTO_HTTP_PROXY},
        {{"http2", 5}, HR_PROTO_HTTP2}, {{"https", 5}, HR_PROTO_HTTPS},
        {{"tls", 3}, HR_PROTO_TLS},     {{"mongo", 5}, HR_PROTO_MONGO},
        {{"redis", 5}, HR_PROTO_REDIS}, {{"mysql", 5}, HR_PROTO_MYSQL},
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (hr_str_eq_nocase(s, known[i].name))
            return known[i].protocol;
    return HR_PROTO_UNSUPPORTED;
}

bool hr_proto_is_http(hr_proto p) {
    return p == HR_PROTO_HTTP || p == HR_PROTO_HTTP2 || p == HR_PROTO_HTTP_PROXY ||
           p == HR_PROTO_GRPC || p == HR_PROTO_GRPC_WEB;
}

bool hr_proto_is_tls(hr_proto p) {
    return p == HR_PROTO_HTTPS || p == HR_PROTO_TLS;
}

bool hr_is_known_status(int64_t code) {
    return (code >= 100 && code <= 103) || (code >= 200 && code <= 208) || code == 226 ||
           (code >= 300 && code <= 308 && code != 306) || (code >= 400 && code <= 418) ||
           (code >= 421 && code <= 426) || code == 428 || code == 429 || code == 431 || code == 451 ||
           (code >= 500 && code <= 508) || code == 510 || code == 511;
}

bool hr_is_grpc_status(hr_str s) {
    static const char *const known[] = {
        "OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS",
        "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE",
        "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED"};
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (hr_str_eq_c(s, known[i]))
            return true;
    return false;
}
