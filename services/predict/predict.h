/* headerroute-predict: GrabCut behind HTTP. What its files share. */
#ifndef SV_PREDICT_H
#define SV_PREDICT_H

#include <grabcut/grabcut.h>

#include "accept.h"
#include "answer.h"
#include "budget.h"
#include "form.h"
#include "jobs.h"
#include "server.h"

/* "auto" leaves 5 % of each side out. */
#define SV_PREDICT_INSET_PERCENT 5

/* The longest answer, a pixel: four channels that do not compress, in base64. */
#define SV_PREDICT_ANSWER_BYTES 6

typedef struct sv_rect_choice {
    bool automatic;
    grabcut_rect rect;
} sv_rect_choice;

typedef struct sv_predict_options {
    int64_t iterations;     /* where a request gives none */
    int64_t max_iterations; /* the most that a request may ask for */
    sv_rect_choice rect;
    int engine;      /* index into sv_engine_names */
    int64_t workers; /* 0: as many as threads */
    int64_t queue;
    int64_t deadline_ms;
    int64_t max_pixels;   /* 0: what the work memory allows */
    int64_t work_bytes;   /* of all pictures being worked on and all answers being sent */
    int64_t answer_bytes; /* of that, the most that answers being sent may hold */
    int64_t png_level;
} sv_predict_options;

/* All that requests need, the same for all threads. */
typedef struct sv_predict {
    sv_predict_options options;
    const sv_server_options *server;
    const grabcut_engine *engine;
    sv_jobs *jobs;
    sv_budget answers;
    hr_str metadata; /* the JSON of /metadata */
    struct {
        sv_metric decode, segment, encode, pixels;
    } metrics;
} sv_predict;

/* The engines of this build, best first; NULL-terminated. */
extern const char *const sv_engine_names[];
const grabcut_engine *sv_engine_by_index(int index);

/* "auto" or "x,y,w,h", of which w and h may be 0 or less. 0, or -1 with a sentence. */
int sv_parse_rect(sv_rect_choice *out, const char *text, char *why, size_t why_size);

/* metadata.c: the text, malloc'ed. */
hr_str sv_predict_metadata(const sv_predict *predict);

/* POST /predict, and an inference of /v2: answers at once, or later when a worker is done. */
void sv_predict_handle(sv_predict *predict, sv_exchange *ex);
void sv_predict_infer(sv_predict *predict, sv_exchange *ex);
/* A ModelInferRequest within the body of a gRPC call. */
void sv_predict_infer_message(sv_predict *predict, sv_exchange *ex, sv_bytes message);

/* v2.c: answers what belongs to /v2. False: the path is another. */
bool sv_predict_v2(sv_predict *predict, sv_exchange *ex);

/* What a worker keeps: the engine's memory. For sv_jobs_options. */
void sv_predict_worker_start(sv_worker *worker, void *ctx);
void sv_predict_worker_stop(sv_worker *worker, void *ctx);

/* ---- request.c: what was asked for ---- */

typedef enum sv_body_kind {
    SV_BODY_JSON,
    SV_BODY_PICTURE,
    SV_BODY_FORM,
    SV_BODY_INFER
} sv_body_kind;

typedef struct sv_predict_request {
    sv_body_kind body;
    unsigned given; /* the parameters that were given; parameters.c's own */
    sv_rect_choice rect;
    int64_t iterations, seed;
    grabcut_cutout_kind output;
    sv_answer_form form;
    char boundary[SV_FORM_BOUNDARY + 1]; /* SV_BODY_FORM */
    size_t json_len;                     /* SV_BODY_INFER: how much of the body is JSON */
    bool message;                        /* SV_BODY_INFER: it is a ModelInferRequest */
    /* Within the body, once it is read: files, and JSON text. Empty where not given. */
    sv_bytes image, mask, strokes;
} sv_predict_request;

/* The bytes that an image of this size takes while it is processed: the most of decoding,
 * segmenting and encoding, one after the other. `decoding` is grabcut_decode_estimate, 0 for pixels
 * that need no decoder; `mask_decoding` the same for the mask, while the image is held; `answer` is
 * what the answer takes besides a PNG in base64. */
int64_t sv_predict_bytes(const sv_predict *predict, int32_t width, int32_t height,
                         const sv_predict_request *request, int64_t decoding, int64_t mask_decoding,
                         int64_t answer);
/* The most pixels that `bytes` suffice for with the server's own rect. */
int64_t sv_predict_pixels(const sv_predict *predict, int64_t bytes);

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
