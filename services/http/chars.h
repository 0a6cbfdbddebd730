/* Character classes of RFC 9110, RFC 9112 and RFC 3986. Inside services/http only. */
#ifndef SV_HTTP_CHARS_H
#define SV_HTTP_CHARS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* For a character of a token (RFC 9110 section 5.6.2) its lower-case form, else 0. */
extern const unsigned char sv_token_lower[256];

/* Field values and reason phrases: HTAB, SP, VCHAR and obs-text, no other control character
 * (RFC 9110 section 5.5). */
static inline bool sv_is_text_char(unsigned char c) {
    return c == '\t' || (c >= 0x20 && c != 0x7f);
}

/* True if none of the 8 bytes at p is a control character or DEL. A tab counts as one: the caller
 * then looks at single bytes. */
static inline bool sv_is_plain_text_word(const char *p) {
    const uint64_t ones = 0x0101010101010101u, tops = 0x8080808080808080u;
    uint64_t word, below_blank, del;
    memcpy(&word, p, sizeof(word));
    below_blank = (word - ones * 0x20) & ~word;
    del = ((word ^ (ones * 0x7f)) - ones) & ~(word ^ (ones * 0x7f));
    return ((below_blank | del) & tops) == 0;
}

/* Returns the first character from p on that is not allowed in text, or `end`. */
static inline const char *sv_skip_text(const char *p, const char *end) {
    for (;;) {
        while (end - p >= 8 && sv_is_plain_text_word(p))
            p += 8;
        const char *stop = end - p > 8 ? p + 8 : end;
        while (p < stop && sv_is_text_char((unsigned char)*p))
            p++;
        if (p < stop || p == end)
            return p;
    }
}

#endif
