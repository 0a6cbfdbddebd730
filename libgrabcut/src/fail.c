#include "fail.h"

#include <stdarg.h>
#include <stdio.h>

int grabcut_fail(grabcut_errbuf *err, int code, const char *format, ...) {
    if (!err) {
        return code;
    }
    va_list args;
    va_start(args, format);
    vsnprintf(err->text, sizeof(err->text), format, args);
    va_end(args);
    return code;
}

void grabcut_clear(grabcut_errbuf *err) {
    if (err) {
        err->text[0] = '\0';
    }
}
