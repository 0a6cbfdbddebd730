/* Findings (errors and warnings) with their place in a file. */
#ifndef HR_DIAG_H
#define HR_DIAG_H

#include <stdarg.h>

#include "arena.h"
#include "pos.h"

hr_diagnostics *hr_diagnostics_new(void); /* NULL if an allocation fails */

/* Adds a finding. `field` and the message are copied, without control characters and cut to some
 * thousand bytes. hr_diagnostics_oom reports whether an allocation failed. */
void hr_diag_error(hr_diagnostics *d, hr_pos pos, const char *field, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void hr_diag_warn(hr_diagnostics *d, hr_pos pos, const char *field, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* Adds a warning about what the load does not take into account (hr_diagnostic.left_out). */
void hr_diag_left_out(hr_diagnostics *d, hr_pos pos, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void hr_diag_add(hr_diagnostics *d, hr_severity severity, hr_pos pos, const char *field,
                 const char *format, va_list args);
/* A warning with a name, `code`: a literal, which is not copied. */
void hr_diag_note(hr_diagnostics *d, hr_pos pos, const char *code, const char *field,
                  const char *format, ...) __attribute__((format(printf, 5, 6)));
/* A copy of the text as findings have it: control characters are written as \xNN. */
hr_str hr_diag_printable(hr_arena *arena, hr_str text);
/* Sorts the findings by their places, file by file as the files first appeared. */
void hr_diagnostics_sort(hr_diagnostics *d);
/* Returns 1 if an allocation failed, so that a finding was lost. */
int hr_diagnostics_oom(const hr_diagnostics *d);

#endif
