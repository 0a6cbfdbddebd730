/* Reads the header chunk of a PNG, and finds others. Stays inside `file`, decodes nothing and
 * allocates nothing. */
#ifndef GRABCUT_CODEC_PNG_HEADER_H
#define GRABCUT_CODEC_PNG_HEADER_H

#include "bytes.h"

#include <grabcut/grabcut.h>

int grabcut_png_header(grabcut_probe *out, grabcut_range file, grabcut_errbuf *err);

/* Finds the data of the first chunk of this type in front of the first chunk of type `before`. The
 * file has the signature of a PNG. Returns 0 if there is none, or its checksum is wrong. */
int grabcut_png_chunk(grabcut_range *out, grabcut_range file, const char *type, const char *before);

#endif
