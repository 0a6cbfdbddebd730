/* Finds texts that a template engine or a shell was meant to replace. */
#include "template_text.h"

#include "text.h"

static bool is_name_char(char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
}

static bool is_capital(char c) {
    return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

/* The length of OPEN NAME ... CLOSE at the start of `text`; 0: there is none. What follows a name
 * in braces, such as the default value of ${X:-80}, has no brace. */
static size_t enclosed(hr_str text, size_t open, char close, bool (*accepts)(char)) {
    size_t i = open;
    while (i < text.len && accepts(text.p[i]))
        i++;
    if (i == open || (text.p[open] >= '0' && text.p[open] <= '9'))
        return 0;
    if (close == '}' && i < text.len && text.p[i] == ':')
        i = hr_str_find(text, '}', i);
    return i < text.len && text.p[i] == close ? i + 1 : 0;
}

/* {{ ... }} on one line. */
static size_t helm_action(hr_str text) {
    if (!hr_str_starts(text, HR_STR("{{")))
        return 0;
    for (size_t i = 2; i + 1 < text.len && text.p[i] != '\n'; i++)
        if (text.p[i] == '}' && text.p[i + 1] == '}')
            return i + 2;
    return 0;
}

static size_t template_at(hr_str text, size_t at) {
    hr_str rest = hr_str_tail(text, at);
    switch (rest.p[0]) {
    case '{':
        return helm_action(rest);
    case '$':
        if (rest.len > 1 && rest.p[1] == '{')
            return enclosed(rest, 2, '}', is_name_char);
        return rest.len > 1 && rest.p[1] == '(' ? enclosed(rest, 2, ')', is_name_char) : 0;
    case '<': /* (?P<NAME>...) names a group of a regular expression */
        return at > 0 && text.p[at - 1] == 'P' ? 0 : enclosed(rest, 1, '>', is_capital);
    default:
        return 0;
    }
}

hr_str hr_template_find(hr_str text) {
    for (size_t i = 0; i < text.len; i++) {
        size_t len = template_at(text, i);
        if (len > 0)
            return hr_str_of(text.p + i, len);
    }
    return (hr_str){0};
}

bool hr_template_is_helm(hr_str found) {
    return hr_str_starts(found, HR_STR("{{"));
}

bool hr_text_is_template(hr_str text) {
    bool comment = false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.p[i] == '\n')
            comment = false;
        else if (text.p[i] == '#')
            comment = true;
        else if (!comment && text.p[i] == '{' && helm_action(hr_str_tail(text, i)) > 0)
            return true;
    }
    return false;
}
