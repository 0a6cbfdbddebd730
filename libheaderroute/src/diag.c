#include "diag.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"

struct hr_diagnostics {
    hr_arena *arena;
    hr_diagnostic *v;
    size_t n, capacity, errors;
    int oom;
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
    return d == NULL || index >= d->n ? NULL : &d->v[index];
}

size_t hr_diagnostics_errors(const hr_diagnostics *d) {
    return d == NULL ? 0 : d->errors;
}

int hr_diagnostics_oom(const hr_diagnostics *d) {
    return d->oom;
}

static int by_place(const void *a, const void *b) {
    const hr_diagnostic *x = a, *y = b;
    if (x->line != y->line)
        return x->line < y->line ? -1 : 1;
    if (x->column != y->column)
        return x->column < y->column ? -1 : 1;
    int order = strcmp(x->field.p, y->field.p); /* copies of the arena: zero-terminated */
    return order != 0 ? order : strcmp(x->message.p, y->message.p);
}

void hr_diagnostics_sort(hr_diagnostics *d, size_t from) {
    if (d->n > from + 1)
        qsort(d->v + from, d->n - from, sizeof(*d->v), by_place);
}

static hr_diagnostic *append(hr_diagnostics *d) {
    if (d->n == d->capacity) {
        size_t capacity = d->capacity == 0 ? 16 : d->capacity * 2;
        hr_diagnostic *v = realloc(d->v, capacity * sizeof(*v));
        if (v == NULL)
            return NULL;
        d->v = v;
        d->capacity = capacity;
    }
    return &d->v[d->n];
}

static void add(hr_diagnostics *d, hr_severity severity, hr_pos pos, const char *field, const char *format,
                va_list args) {
    char message[1024];
    vsnprintf(message, sizeof(message), format, args);
    if (severity == HR_SEVERITY_ERROR)
        d->errors++;
    hr_diagnostic *f = append(d);
    if (f == NULL) {
        d->oom = 1;
        return;
    }
    *f = (hr_diagnostic){
        .severity = severity,
        .file = hr_arena_copy(d->arena, pos.file),
        .line = pos.line,
        .column = pos.column,
        .field = hr_arena_copy(d->arena, hr_str_from(field == NULL ? "" : field)),
        .message = hr_arena_copy(d->arena, hr_str_from(message)),
    };
    if (f->message.p == NULL || f->field.p == NULL) {
        d->oom = 1;
        return;
    }
    d->n++;
}

void hr_diag_error(hr_diagnostics *d, hr_pos pos, const char *field, const char *format, ...) {
    va_list args;
    va_start(args, format);
    add(d, HR_SEVERITY_ERROR, pos, field, format, args);
    va_end(args);
}

void hr_diag_warn(hr_diagnostics *d, hr_pos pos, const char *field, const char *format, ...) {
    va_list args;
    va_start(args, format);
    add(d, HR_WARNING, pos, field, format, args);
    va_end(args);
}

size_t hr_diagnostic_format(char *buf, size_t size, const hr_diagnostic *f) {
    const char *severity = f->severity == HR_WARNING ? "warning" : "error";
    const char *colon = f->field.len == 0 ? "" : ": ";
    int n = snprintf(buf, size, "%.*s:%d:%d: %s: %.*s%s%.*s", (int)f->file.len,
                     f->file.p == NULL ? "" : f->file.p, f->line, f->column, severity, (int)f->field.len,
                     f->field.p, colon, (int)f->message.len, f->message.p);
    return n < 0 ? 0 : (size_t)n;
}
