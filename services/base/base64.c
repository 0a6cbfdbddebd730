/* Decodes and encodes Base64 (RFC 4648 section 4) with OpenSSL. */
#include "base64.h"

#include <string.h>

#include <openssl/evp.h>

/* OpenSSL takes an int; a multiple of 3 and of 4, so that parts need no padding. */
#define STEP ((size_t)3 << 20)

static bool is_digit64(char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' ||
           c == '/';
}

/* The place of the first character that has no business there. */
static size_t first_wrong(const char *text, size_t len) {
    for (size_t i = 0; i < len; ++i)
        if (!is_digit64(text[i]))
            return i;
    return len;
}

bool sv_base64_decode(char *text, size_t *len, size_t *where) {
    size_t n = *len, padding = 0;
    *where = 0;
    if (n == 0)
        return true;
    while (padding < 2 && padding < n && text[n - 1 - padding] == '=')
        ++padding;
    *where = n;
    if (n % 4 != 0)
        return *where = first_wrong(text, n - padding), false;
    /* OpenSSL takes '=' for a digit wherever it stands, and passes blanks at the ends of what it is
     * given over: so the ends of each part are looked at here. */
    const char *equals = memchr(text, '=', n - padding);
    if (equals != NULL)
        return *where = (size_t)(equals - text), false;
    size_t out = 0;
    for (size_t in = 0; in < n; in += STEP) {
        size_t part = n - in < STEP ? n - in : STEP;
        size_t digits = in + part == n ? part - padding : part;
        if (!is_digit64(text[in]) || !is_digit64(text[in + digits - 1]))
            return *where = in + first_wrong(text + in, part), false;
        int made = EVP_DecodeBlock((unsigned char *)text + out, (const unsigned char *)text + in,
                                   (int)part);
        if (made < 0 || (size_t)made != part / 4 * 3)
            return *where = in, false;
        out += (size_t)made;
    }
    *len = out - padding;
    return true;
}

void sv_base64_encode(char *out, const void *data, size_t len) {
    const unsigned char *in = data;
    out[0] = '\0';
    while (len > 0) {
        size_t part = len < STEP ? len : STEP;
        out += EVP_EncodeBlock((unsigned char *)out, in, (int)part);
        in += part;
        len -= part;
    }
}
