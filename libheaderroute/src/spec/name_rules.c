/* What names may look like: the rules of Istio's admission for labels, domains, subnets and header
 * names. */
#include "name_rules.h"

#include <string.h>

#include "host_names.h"
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
            return "its last label must not be a number";
        if (dot == name.len && label.len == 0)
            return NULL;
        if (!hr_is_label(label))
            return "each of its labels must be 1 to 63 letters, digits and '-', with no '-' at the "
                   "ends";
        from = dot + 1;
    }
    return NULL;
}

const char *hr_domain_mistake(hr_str name, bool wildcard) {
    if (name.len == 0)
        return "it must not be empty";
    if (name.len > HR_DOMAIN_MAX)
        return "it must not be longer than 255 bytes";
    if (!wildcard)
        return labels_mistake(name);
    size_t dot = hr_str_find(name, '.', 0);
    if (!hr_is_wildcard_label(hr_str_from_to(name, 0, dot)))
        return "its first label must be letters, digits and '-', or '*', or begin with '*'";
    if (dot == name.len)
        return NULL;
    hr_str rest = hr_str_tail(name, dot + 1);
    if (hr_str_has(rest, '*'))
        return "a '*' is allowed in its first label only";
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

/* ---- addresses ---- */

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

hr_str hr_claim_of_header(hr_str header) {
    static const char prefix[] = "@request.auth.claims";
    if (!hr_str_starts_nocase(header, HR_STR(prefix)))
        return (hr_str){0};
    hr_str rest = hr_str_tail(header, sizeof(prefix) - 1);
    bool dots = rest.len > 1 && rest.p[0] == '.';
    bool brackets = rest.len > 2 && rest.p[0] == '[' && rest.p[rest.len - 1] == ']';
    return dots || brackets ? rest : (hr_str){0};
}

bool hr_is_jwt_claim(hr_str header) {
    return hr_claim_of_header(header).p != NULL;
}

bool hr_is_claim_name(hr_str written, hr_str name) {
    if (written.len > 0 && written.p[0] == '[')
        return hr_str_eq(written, name);
    if (written.len > 0 && written.p[0] == '.')
        written = hr_str_tail(written, 1);
    size_t at = 1; /* behind the first bracket */
    for (size_t from = 0; from <= written.len;) {
        size_t dot = hr_str_find(written, '.', from);
        bool last = dot == written.len;
        hr_str end = last ? HR_STR("]") : HR_STR("]["), part = hr_str_from_to(written, from, dot);
        if (at > name.len || !hr_str_starts(hr_str_tail(name, at), part) ||
            !hr_str_starts(hr_str_tail(name, at + part.len), end))
            return false;
        at += part.len + end.len;
        from = dot + 1;
    }
    return at == name.len;
}

bool hr_is_authority_header(hr_str s) {
    return hr_str_eq_nocase(s, HR_STR(":authority")) || hr_str_eq_nocase(s, HR_STR("host"));
}
