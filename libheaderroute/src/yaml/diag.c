/* Collects findings with file, line, column and field path. */
#include "diag.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "map.h"

/* More findings than this do not help a reader, and memory must not grow with the mistakes of a
 * file. */
#define MOST_FINDINGS 20000

/* Longer messages contain a long value; its start and its end, with what is wrong, are kept. */
#define LONGEST_MESSAGE 1000
#define KEPT_BEFORE 600
#define KEPT_BEHIND (LONGEST_MESSAGE - KEPT_BEFORE)

typedef struct finding {
    hr_diagnostic diagnostic;
    size_t file; /* index in `files` */
} finding;

typedef struct named_file {
    hr_str name;
    size_t rank; /* in the order of appearance */
} named_file;

struct hr_diagnostics {
    hr_arena *arena;
    finding *v;
    size_t n, capacity, errors;
    hr_map files; /* name -> named_file */
};

hr_diagnostics *hr_diagnostics_new(void) {
    hr_diagnostics *d = calloc(1, sizeof(*d));
    if (d == NULL)
        return NULL;
    d->arena = hr_arena_new();
    if (d->arena == NULL) {
        free(d);
        return NULL;
    }
    return d;
}

void hr_diagnostics_free(hr_diagnostics *d) {
    if (d == NULL)
        return;
    hr_arena_free(d->arena);
    free(d->v);
    free(d);
}

size_t hr_diagnostics_count(const hr_diagnostics *d) {
    return d == NULL ? 0 : d->n;
}

const hr_diagnostic *hr_diagnostics_get(const hr_diagnostics *d, size_t index) {
    return d == NULL || index >= d->n ? NULL : &d->v[index].diagnostic;
}

size_t hr_diagnostics_errors(const hr_diagnostics *d) {
    return d == NULL ? 0 : d->errors;
}

int hr_diagnostics_oom(const hr_diagnostics *d) {
    return hr_arena_failed(d->arena);
}

static int findings_by_place(const void *a, const void *b) {
    const finding *f = a, *g = b;
    const hr_diagnostic *x = &f->diagnostic, *y = &g->diagnostic;
    if (f->file != g->file)
        return f->file < g->file ? -1 : 1;
    if (x->line != y->line)
        return x->line < y->line ? -1 : 1;
    if (x->column != y->column)
        return x->column < y->column ? -1 : 1;
    int order = strcmp(x->field.p, y->field.p); /* copies of the arena: zero-terminated */
    return order != 0 ? order : strcmp(x->message.p, y->message.p);
}

void hr_diagnostics_sort(hr_diagnostics *d) {
    if (d->n > 1)
        qsort(d->v, d->n, sizeof(*d->v), findings_by_place);
}

static finding *append_finding(hr_diagnostics *d) {
    if (d->n == d->capacity) {
        size_t capacity = d->capacity == 0 ? 16 : d->capacity * 2;
        finding *v = realloc(d->v, capacity * sizeof(*v));
        if (v == NULL) {
            hr_arena_fail(d->arena);
            return NULL;
        }
        d->v = v;
        d->capacity = capacity;
    }
    return &d->v[d->n];
}

/* One copy of the name of a file for all of its findings. */
static void file_of(hr_diagnostics *d, hr_str name, finding *f) {
    const named_file *known = hr_map_get(&d->files, name);
    if (known == NULL) {
        named_file *file = HR_NEW(d->arena, named_file);
        *file =
            (named_file){hr_arena_copy(d->arena, name.p == NULL ? HR_STR("") : name), d->files.n};
        hr_map_add(d->arena, &d->files, file->name, file);
        known = file;
    }
    f->diagnostic.file = known->name;
    f->file = known->rank;
}

/* A message is one line, whatever values it contains: control characters are written as \xNN. */
hr_str hr_diag_printable(hr_arena *arena, hr_str text) {
    static const char digits[] = "0123456789abcdef";
    size_t escapes = 0, n = 0;
    for (size_t i = 0; i < text.len; i++)
        escapes += (unsigned char)text.p[i] < 0x20 || text.p[i] == 0x7F;
    if (escapes == 0)
        return hr_arena_copy(arena, text);
    char *p = hr_arena_alloc(arena, text.len + 3 * escapes + 1);
    if (p == NULL)
        return (hr_str){0};
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.p[i];
        if (c >= 0x20 && c != 0x7F) {
            p[n++] = text.p[i];
            continue;
        }
        p[n++] = '\\';
        p[n++] = 'x';
        p[n++] = digits[c >> 4];
        p[n++] = digits[c & 15];
    }
    p[n] = '\0';
    return (hr_str){p, n};
}

/* Leaves out a part in the middle; UTF-8 characters stay whole. */
static size_t shorten(char *text, size_t len) {
    size_t before = KEPT_BEFORE, behind = len - KEPT_BEHIND;
    while (before > 0 && (text[before] & 0xC0) == 0x80)
        before--;
    while (behind < len && (text[behind] & 0xC0) == 0x80)
        behind++;
    memcpy(text + before, "[...]", 5);
    memmove(text + before + 5, text + behind, len - behind);
    return before + 5 + len - behind;
}

static hr_str message_of(hr_diagnostics *d, const char *format, va_list args) {
    char room[LONGEST_MESSAGE + 1], *text = room;
    va_list again;
    va_copy(again, args);
    int n = vsnprintf(room, sizeof(room), format, args);
    size_t len = n < 0 ? 0 : (size_t)n;
    if (len > LONGEST_MESSAGE && (text = malloc(len + 1)) != NULL) {
        vsnprintf(text, len + 1, format, again);
        len = shorten(text, len);
    }
    va_end(again);
    hr_str message =
        n < 0 || text == NULL ? (hr_str){0} : hr_diag_printable(d->arena, (hr_str){text, len});
    if (text != room)
        free(text);
    return message;
}

void hr_diag_add(hr_diagnostics *d, hr_severity severity, hr_pos pos, const char *field,
                 const char *format, va_list args) {
    int is_error = severity == HR_SEVERITY_ERROR;
    bool first_error = is_error && d->errors == 0;
    d->errors += is_error; /* those that are not kept as well */
    if (d->n >= MOST_FINDINGS && !first_error)
        return;
    if (d->n >= MOST_FINDINGS)
        d->n--; /* the first error takes the place of a warning */
    finding *f = append_finding(d);
    if (f == NULL)
        return;
    *f =
        (finding){.diagnostic = {
                      .severity = severity,
                      .line = pos.line,
                      .column = pos.column,
                      .field = hr_diag_printable(d->arena, hr_str_from(field == NULL ? "" : field)),
                      .message = message_of(d, format, args),
                  }};
    file_of(d, pos.file, f);
    if (f->diagnostic.message.p == NULL)
        hr_arena_fail(d->arena);
    if (!hr_arena_failed(d->arena))
        d->n++;
}

void hr_diag_error(hr_diagnostics *d, hr_pos pos, const char *field, const char *format, ...) {
    va_list args;
    va_start(args, format);
    hr_diag_add(d, HR_SEVERITY_ERROR, pos, field, format, args);
    va_end(args);
}

void hr_diag_warn(hr_diagnostics *d, hr_pos pos, const char *field, const char *format, ...) {
    va_list args;
    va_start(args, format);
    hr_diag_add(d, HR_WARNING, pos, field, format, args);
    va_end(args);
}

void hr_diag_left_out(hr_diagnostics *d, hr_pos pos, const char *format, ...) {
    size_t before = d->n;
    va_list args;
    va_start(args, format);
    hr_diag_add(d, HR_WARNING, pos, "", format, args);
    va_end(args);
    if (d->n > before)
        d->v[before].diagnostic.left_out = 1;
}

void hr_diag_note(hr_diagnostics *d, hr_pos pos, const char *code, const char *field,
                  const char *format, ...) {
    size_t before = d->n;
    va_list args;
    va_start(args, format);
    hr_diag_add(d, HR_WARNING, pos, field, format, args);
    va_end(args);
    if (d->n > before)
        d->v[before].diagnostic.code = hr_str_from(code);
}

size_t hr_diagnostic_format(char *buf, size_t size, const hr_diagnostic *f) {
    const char *colon = f->field.len == 0 ? "" : ": ";
    bool named = f->code.len > 0;
    char place[32] = "";
    if (f->line > 0)
        snprintf(place, sizeof(place), ":%d:%d", f->line, f->column);
    int n = snprintf(buf, size, "%.*s%s: %s: %.*s%s%.*s%s%.*s%s", (int)f->file.len,
                     f->file.p == NULL ? "" : f->file.p, place, hr_severity_name(f->severity),
                     (int)f->field.len, f->field.p, colon, (int)f->message.len, f->message.p,
                     named ? " [" : "", (int)f->code.len, named ? f->code.p : "", named ? "]" : "");
    return n < 0 ? 0 : (size_t)n;
}
