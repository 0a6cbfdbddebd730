/* How functions of the library report what went wrong. */
#ifndef GRABCUT_BASE_FAIL_H
#define GRABCUT_BASE_FAIL_H

#include <grabcut/grabcut.h>

/* Writes the sentence to err, unless it is NULL, and returns code. */
__attribute__((format(printf, 3, 4))) int grabcut_fail(grabcut_errbuf *err, int code,
                                                       const char *format, ...);
/* Empties err, unless it is NULL. */
void grabcut_clear(grabcut_errbuf *err);

#endif
