/* Base64 of RFC 4648, section 4. */
#ifndef HR_BASE64_H
#define HR_BASE64_H

#include <stdbool.h>
#include <stddef.h>

#include <headerroute/headerroute.h>

/* Decodes padded base64 as Go's encoding/json reads a []byte: line breaks are ignored. `out` has
 * room for text.len / 4 * 3 + 4 bytes. Returns false if the text is not base64. */
bool hr_base64_decode(char *out, size_t *n, hr_str text);

#endif
