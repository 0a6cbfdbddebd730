/* Text that is safe on a terminal and valid UTF-8, whatever bytes a rule or a request has. */
#ifndef HR_WORDS_ESCAPE_H
#define HR_WORDS_ESCAPE_H

#include <stdbool.h>
#include <stddef.h>

/* The length of the character at `p`, which has `left` bytes, at least one. *safe: it may be
 * printed unchanged. Control characters, what changes the direction of text or is not seen, and
 * bytes that are not UTF-8 (each is a character then) are not safe. */
size_t words_character(bool *safe, const char *p, size_t left);

/* A copy, zero-terminated, that the caller frees: unsafe ASCII and bytes that are not UTF-8 become
 * \xNN, other unsafe characters \u{NNNN}. */
char *words_escape(const char *p, size_t len);

#endif
