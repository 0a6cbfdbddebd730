/* Reads what a request to /predict asks for. */
#ifndef SV_PREDICT_READ_REQUEST_H
#define SV_PREDICT_READ_REQUEST_H

#include "request.h"

/* Reads query and headers. 0, or the status to refuse with and a sentence. */
int sv_predict_read(sv_predict_request *out, const sv_predict *predict, sv_exchange *ex, char *why,
                    size_t why_size);

/* The same for an inference: its headers only; 0 or a status. */
int sv_predict_read_infer(sv_predict_request *out, const sv_predict *predict, sv_exchange *ex,
                          char *why, size_t why_size);

/* Reads the body of SV_BODY_JSON, SV_BODY_PICTURE and SV_BODY_FORM into the request: in its own
 * memory, which is overwritten. 0, or -1 with a sentence. */
int sv_predict_read_body(sv_predict_request *out, const sv_predict *predict, sv_bytes body,
                         char *why, size_t why_size);

#endif
