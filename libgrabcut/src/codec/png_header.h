/* Reads the header chunk of a PNG. Stays inside `file`, decodes nothing and
 * allocates nothing. */
#ifndef GRABCUT_CODEC_PNG_HEADER_H
#define GRABCUT_CODEC_PNG_HEADER_H

#include "bytes.h"

#include <grabcut/grabcut.h>

int grabcut_png_header(grabcut_probe *out, grabcut_range file, grabcut_errbuf *err);

#endif
