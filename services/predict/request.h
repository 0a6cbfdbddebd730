/* What a request to /predict asks for. */
#ifndef SV_PREDICT_REQUEST_H
#define SV_PREDICT_REQUEST_H

#include "accept.h"
#include "form.h"
#include "predict.h"

typedef enum sv_body_kind {
    SV_BODY_JSON,
    SV_BODY_PICTURE,
    SV_BODY_FORM,
    SV_BODY_INFER
} sv_body_kind;

/* Where the colour models come from. */
typedef enum sv_predict_mode {
    SV_MODE_INIT,  /* learned from the start, by k-means */
    SV_MODE_EVAL,  /* the request's, and learned further */
    SV_MODE_FREEZE /* the request's */
} sv_predict_mode;

typedef struct sv_predict_request {
    sv_body_kind body;
    unsigned given; /* the parameters that were given; parameters.c's own */
    sv_rect_choice rect;
    int64_t iterations, seed;
    grabcut_cutout_kind output;
    sv_predict_mode mode;
    bool respect_alpha, allow_truncated;
    bool state; /* the answer has the mask and the models, to continue from */
    sv_answer_form form;
    char boundary[SV_FORM_BOUNDARY + 1]; /* SV_BODY_FORM */
    size_t json_len;                     /* SV_BODY_INFER: how much of the body is JSON */
    bool message;                        /* SV_BODY_INFER: it is a ModelInferRequest */
    /* Within the body, once it is read: files, and JSON text. Empty where not given. */
    sv_bytes image, mask, strokes, bgd_model, fgd_model;
} sv_predict_request;

#endif
