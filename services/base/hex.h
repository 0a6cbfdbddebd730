/* Converts hexadecimal digits to numbers. */
#ifndef HR_SERVICES_HEX_H
#define HR_SERVICES_HEX_H

#include <ctype.h>

/* The value of a hexadecimal digit; -1: it is none. */
static inline int hr_hex_digit(char c) {
    return isxdigit((unsigned char)c) ? (c & 15) + (c > '9' ? 9 : 0) : -1;
}

#endif
