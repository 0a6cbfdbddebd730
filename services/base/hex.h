/* Converts hexadecimal digits to numbers. */
#ifndef SV_HEX_H
#define SV_HEX_H

#include <ctype.h>

/* The value of a hexadecimal digit; -1: it is none. */
static inline int sv_hex_digit(char c) {
    return isxdigit((unsigned char)c) ? (c & 15) + (c > '9' ? 9 : 0) : -1;
}

#endif
