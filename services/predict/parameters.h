/* The parameters of a request to /predict: one table for the query, JSON members and form fields.
 */
#ifndef HR_PREDICT_PARAMETERS_H
#define HR_PREDICT_PARAMETERS_H

#include "infer.h"
#include "predict.h"

/* Where a parameter may be given. */
enum { HR_IN_QUERY = 1, HR_IN_BODY = 2 };

/* What a body member holds besides text. */
typedef enum hr_parameter_kind {
    HR_PARAMETER_TEXT,
    HR_PARAMETER_NUMBER,
    HR_PARAMETER_FILE,   /* the bytes of a file; base64 in JSON */
    HR_PARAMETER_STROKES /* JSON text */
} hr_parameter_kind;

typedef struct hr_parameter {
    const char *name;
    int where;
    hr_parameter_kind kind;
    /* Of text and numbers: reads `text`, zero-terminated. 0, or -1 with a sentence. */
    int (*read)(hr_predict_request *out, const hr_predict *predict, const char *text, char *why,
                size_t why_size);
} hr_parameter;

/* The parameter of this name that may be given here and was not yet, which is then marked as given.
 * NULL with a sentence: unknown, of which the known ones are named, or given twice. */
const hr_parameter *hr_parameter_find(hr_predict_request *out, const char *name, size_t len,
                                      int where, char *why, size_t why_size);

/* Where the text of a file or of strokes is kept until it is read. */
hr_bytes *hr_parameter_place(hr_predict_request *out, const hr_parameter *parameter);

/* Reads the parameters of an inference; an empty text leaves the value unchanged. False with a
 * sentence if one is invalid. */
bool hr_infer_parameters(hr_predict_request *out, const hr_predict *predict, const hr_infer *infer,
                         char *why, size_t why_size);

/* Checks what the parameters mean together. 0, or -1 with a sentence. */
int hr_parameters_settle(const hr_predict_request *request, char *why, size_t why_size);

#endif
