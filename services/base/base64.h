/* Base64 of RFC 4648, section 4, strictly: the standard alphabet, padded, nothing between. */
#ifndef SV_BASE64_H
#define SV_BASE64_H

#include <stdbool.h>
#include <stddef.h>

/* Decodes where it stands: *len bytes of text become *len bytes of data at `text`. False, with the
 * text destroyed, if it is not base64; *where is then the place, as near as it is known. */
bool sv_base64_decode(char *text, size_t *len, size_t *where);

/* How long the text of `len` bytes is, without a zero behind it. */
static inline size_t sv_base64_length(size_t len) {
    return (len + 2) / 3 * 4;
}

/* Writes sv_base64_length(len) characters and a zero. */
void sv_base64_encode(char *out, const void *data, size_t len);

#endif
