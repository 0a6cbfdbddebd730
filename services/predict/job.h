/* One picture, from the request to the answer: what the steps of its work share. */
#ifndef SV_PREDICT_JOB_H
#define SV_PREDICT_JOB_H

#include "infer.h"
#include "jobs.h"
#include "request.h"

typedef struct sv_predict_job {
    sv_job super;
    sv_predict *predict;
    sv_predict_request request;
    sv_bytes entity; /* the request's; until sv_job_detach */
    int64_t memory;  /* taken from the pool; in the end as much as the answer holds */
    sv_infer infer;  /* what SV_BODY_INFER asks for */

    /* of the file */
    grabcut_image alpha; /* empty unless the request respects it */
    uint8_t *icc;        /* the ICC profile, or NULL; grabcut_free */
    size_t icc_len;
    grabcut_models models; /* the request's, then those that the run ends with */

    /* the result */
    int status; /* 200, or what went wrong */
    char detail[320];
    uint8_t *file; /* grabcut_free */
    size_t file_len;
    char *text; /* free: the file in base64, or the whole answer to SV_BODY_INFER ... */
    size_t text_len;
    size_t json_len; /* ... of which so much is JSON */
    double decode_ms, segment_ms, encode_ms;
} sv_predict_job;

/* Notes why the work has failed. */
void sv_predict_fail(sv_predict_job *job, int status, const char *detail);
/* The same of a code of libgrabcut; `err` may be NULL. */
void sv_predict_fail_code(sv_predict_job *job, int code, const grabcut_errbuf *err);

/* Frees what is only of use until the answer has been encoded. */
void sv_predict_forget_input(sv_predict_job *job);

/* The bytes of the answer's file or text. */
size_t sv_predict_answer_length(const sv_predict_job *job);
/* Gives the memory back to the pool that is above `keep` bytes. */
void sv_predict_give_memory(sv_predict_job *job, int64_t keep);
/* For sv_job: frees it. */
void sv_predict_release(sv_job *job);

#endif
