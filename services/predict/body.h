/* Reads the JSON body of a request to /predict. */
#ifndef SV_PREDICT_BODY_H
#define SV_PREDICT_BODY_H

#include "request.h"

/* Reads one JSON object (RFC 8259, UTF-8) of the members that parameters.h lists; other members are
 * refused. Files are decoded from base64 where they stand, so nothing is allocated, except up to
 * three times `len` for a while where a string has escapes. 0, or -1 with a sentence; `text` is
 * overwritten either way. */
int sv_body_read(sv_predict_request *out, const sv_predict *predict, char *text, size_t len,
                 char *why, size_t why_size);

#endif
