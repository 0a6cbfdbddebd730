/* The parameters of a request to /predict: one table for the query, JSON members and form fields.
 */
#ifndef SV_PREDICT_PARAMETERS_H
#define SV_PREDICT_PARAMETERS_H

#include "infer.h"
#include "request.h"

/* "auto" or "x,y,w,h", of which w and h may be 0 or less. 0, or -1 with a sentence. */
int sv_parse_rect(sv_rect_choice *out, const char *text, char *why, size_t why_size);

/* Where a parameter may be given. */
enum { SV_IN_QUERY = 1, SV_IN_BODY = 2 };

/* What a body member holds besides text. */
typedef enum sv_parameter_kind {
    SV_PARAMETER_TEXT,
    SV_PARAMETER_NUMBER,
    SV_PARAMETER_FLAG,   /* true or false */
    SV_PARAMETER_FILE,   /* the bytes of a file; base64 in JSON */
    SV_PARAMETER_STROKES /* JSON text */
} sv_parameter_kind;

typedef struct sv_parameter {
    const char *name;
    int where;
    sv_parameter_kind kind;
    /* Of text and numbers: reads `text`, zero-terminated. 0, or -1 with a sentence. */
    int (*read)(sv_predict_request *out, const sv_predict *predict, const char *text, char *why,
                size_t why_size);
} sv_parameter;

/* The parameter of this name that may be given here and was not yet, which is then marked as given.
 * NULL with a sentence: unknown, of which the known ones are named, or given twice. */
const sv_parameter *sv_parameter_find(sv_predict_request *out, const char *name, size_t len,
                                      int where, char *why, size_t why_size);

/* Where the text of a file or of strokes is kept until it is read. */
sv_bytes *sv_parameter_place(sv_predict_request *out, const sv_parameter *parameter);

/* Reads the parameters of an inference; an empty text leaves the value unchanged. False with a
 * sentence if one is invalid. */
bool sv_infer_parameters(sv_predict_request *out, const sv_predict *predict, const sv_infer *infer,
                         char *why, size_t why_size);

/* Checks what the parameters mean together. 0, or -1 with a sentence. */
int sv_parameters_settle(const sv_predict_request *request, char *why, size_t why_size);

#endif
