/* Ends the program where memory is short. */
#include "memory_or_exit.h"

#include <stdio.h>
#include <stdlib.h>

void *words_realloc(void *p, size_t size) {
    void *grown = realloc(p, size == 0 ? 1 : size);
    if (grown == NULL) {
        fputs("headerroute: out of memory\n", stderr);
        exit(1);
    }
    return grown;
}
