#ifndef HR_HEX_H
#define HR_HEX_H

/* The value of a hexadecimal digit; -1: it is none. */
static inline int hr_hex_digit(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

#endif
