/* multipart/form-data: the parts of a body, where they stand. */
#include "form.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* The longest head of a part, and of one line of it. */
#define MAX_PART_HEAD 4096

static int refuse(char *why, size_t why_size, const char *sentence) {
    snprintf(why, why_size, "the form is malformed: %s", sentence);
    return -1;
}

/* bchars of RFC 2046, section 5.1.1. */
static bool is_boundary_char(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c != '\0' && strchr("'()+_,-./:=? ", c) != NULL);
}

/* The value of the parameter `name` in `text`, which is behind the first ';' of a header's value:
 * a token, or a quoted string, whose quotes are taken off. */
static bool find_parameter(hr_str *out, hr_str text, const char *name) {
    size_t name_len = strlen(name);
    if (text.p == NULL)
        return false;
    const char *p = text.p, *end = text.p + text.len;
    while (p < end) {
        while (p < end && (*p == ' ' || *p == '\t' || *p == ';'))
            ++p;
        const char *key = p;
        while (p < end && *p != '=' && *p != ';')
            ++p;
        size_t key_len = (size_t)(p - key);
        if (p == end || *p == ';')
            continue;
        bool quoted = ++p < end && *p == '"';
        const char *value = quoted ? ++p : p;
        while (p < end && *p != (quoted ? '"' : ';'))
            ++p;
        if (quoted && p == end)
            return false;
        if (key_len == name_len && strncasecmp(key, name, name_len) == 0) {
            *out = (hr_str){value, (size_t)(p - value)};
            while (!quoted && out->len > 0 && value[out->len - 1] == ' ')
                --out->len;
            return true;
        }
        p += quoted;
    }
    return false;
}

static hr_str behind(hr_str value, char c) {
    const char *at = value.len > 0 ? memchr(value.p, c, value.len) : NULL;
    return at == NULL ? (hr_str){NULL, 0}
                      : (hr_str){at + 1, (size_t)(value.p + value.len - at) - 1};
}

bool sv_form_boundary(char *out, hr_str content_type) {
    hr_str value;
    if (!find_parameter(&value, behind(content_type, ';'), "boundary") || value.len == 0 ||
        value.len > SV_FORM_BOUNDARY || value.p[value.len - 1] == ' ')
        return false;
    for (size_t i = 0; i < value.len; ++i)
        if (!is_boundary_char(value.p[i]))
            return false;
    memcpy(out, value.p, value.len);
    out[value.len] = '\0';
    return true;
}

void sv_form_init(sv_form *form, const char *boundary, sv_bytes body) {
    *form = (sv_form){.p = body.p, .end = body.p + body.len};
    snprintf(form->delimiter, sizeof(form->delimiter), "\r\n--%s", boundary);
}

/* To the first delimiter, at the start of the body or behind a preamble. */
static bool skip_preamble(sv_form *form) {
    size_t len = strlen(form->delimiter);
    size_t body = (size_t)(form->end - form->p);
    if (body >= len - 2 && memcmp(form->p, form->delimiter + 2, len - 2) == 0) {
        form->p += len - 2;
        return true;
    }
    char *at = memmem(form->p, body, form->delimiter, len);
    if (at != NULL)
        form->p = at + len;
    return at != NULL;
}

/* The line end behind a delimiter: 1, 0 behind the last one, or -1. */
static int end_delimiter(sv_form *form) {
    if (form->end - form->p >= 2 && memcmp(form->p, "--", 2) == 0)
        return 0;
    while (form->p < form->end && (*form->p == ' ' || *form->p == '\t'))
        ++form->p;
    if (form->end - form->p < 2 || memcmp(form->p, "\r\n", 2) != 0)
        return -1;
    form->p += 2;
    return 1;
}

/* Takes one header line of a part. */
static const char *read_line(sv_form_part *part, hr_str line) {
    hr_str value = behind(line, ':');
    if (value.p == NULL)
        return "a header of a part has no colon";
    size_t name = line.len - value.len - 1;
    if (name == 19 && strncasecmp(line.p, "content-disposition", 19) == 0) {
        hr_str kind = {value.p, value.len};
        while (kind.len > 0 && (*kind.p == ' ' || *kind.p == '\t'))
            kind = (hr_str){kind.p + 1, kind.len - 1};
        if (kind.len < 9 || strncasecmp(kind.p, "form-data", 9) != 0)
            return "a part is not form-data";
        if (!find_parameter(&part->name, behind(kind, ';'), "name"))
            return "a part has no name";
    }
    if (name == 25 && strncasecmp(line.p, "content-transfer-encoding", 25) == 0 &&
        memmem(value.p, value.len, "binary", 6) == NULL &&
        memmem(value.p, value.len, "8bit", 4) == NULL &&
        memmem(value.p, value.len, "7bit", 4) == NULL)
        return "a part has a transfer encoding; browsers and clients send none";
    return NULL;
}

/* The header lines up to the empty one. */
static const char *form_read_head(sv_form_part *part, sv_form *form) {
    char *begin = form->p;
    for (;;) {
        size_t left = (size_t)(form->end - form->p);
        char *cr = memmem(form->p, left < MAX_PART_HEAD ? left : MAX_PART_HEAD, "\r\n", 2);
        if (cr == NULL || cr - begin > MAX_PART_HEAD)
            return "the head of a part does not end";
        hr_str line = {form->p, (size_t)(cr - form->p)};
        form->p = cr + 2;
        if (line.len == 0)
            return part->name.p != NULL ? NULL : "a part has no Content-Disposition";
        const char *wrong = read_line(part, line);
        if (wrong != NULL)
            return wrong;
    }
}

int sv_form_next(sv_form_part *part, sv_form *form, char *why, size_t why_size) {
    *part = (sv_form_part){0};
    if (!form->begun && !skip_preamble(form))
        return refuse(why, why_size, "the boundary does not occur in it");
    form->begun = true;
    int more = end_delimiter(form);
    if (more <= 0)
        return more == 0 ? 0 : refuse(why, why_size, "a boundary is not at the end of its line");
    if (++form->parts > SV_FORM_PARTS)
        return refuse(why, why_size, "it has too many parts");
    const char *wrong = form_read_head(part, form);
    if (wrong != NULL)
        return refuse(why, why_size, wrong);
    /* The line end before the delimiter of an empty part is that of its head. */
    char *from = form->p - 2;
    char *at = memmem(from, (size_t)(form->end - from), form->delimiter, strlen(form->delimiter));
    if (at == NULL)
        return refuse(why, why_size, "its last boundary is missing");
    part->content = (sv_bytes){form->p, at < form->p ? 0 : (size_t)(at - form->p)};
    form->p = at + strlen(form->delimiter);
    return 1;
}
