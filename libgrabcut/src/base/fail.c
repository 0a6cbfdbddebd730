/* Error codes, their phrases, and the sentence that describes a failure. */
#include "fail.h"

#include <stdarg.h>
#include <stdio.h>

const char *grabcut_strerror(int error) {
    switch (error) {
    case GRABCUT_OK:
        return "success";
    case GRABCUT_EINVAL:
        return "invalid argument";
    case GRABCUT_ENOMEM:
        return "out of memory";
    case GRABCUT_EFORMAT:
        return "not a JPEG, PNG, WebP or BMP file";
    case GRABCUT_EDECODE:
        return "the image file is damaged";
    case GRABCUT_ETOOBIG:
        return "the image has too many pixels";
    case GRABCUT_ERECT:
        return "the rect is empty or outside the image";
    case GRABCUT_ENOBACKGROUND:
        return "there is no background to start from";
    case GRABCUT_ENOFOREGROUND:
        return "there is no foreground to start from";
    case GRABCUT_ECANCELED:
        return "canceled";
    case GRABCUT_EENCODE:
        return "the image cannot be encoded";
    case GRABCUT_EUNSUPPORTED:
        return "not supported by this engine or processor";
    case GRABCUT_EINTERNAL:
        return "internal error";
    default:
        return "unknown error";
    }
}

const char *grabcut_version(void) {
    return GRABCUT_VERSION;
}

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
