/* headerroute-predict: GrabCut behind HTTP. What its files share. */
#ifndef HR_PREDICT_H
#define HR_PREDICT_H

#include <grabcut/grabcut.h>

#include "accept.h"
#include "answer.h"
#include "budget.h"
#include "form.h"
#include "jobs.h"
#include "server.h"

/* "auto" leaves 5 % of each side out. */
#define HR_PREDICT_INSET_PERCENT 5

/* The longest answer, a pixel: four channels that do not compress, in base64. */
#define HR_PREDICT_ANSWER_BYTES 6

typedef struct hr_rect_choice {
    bool automatic;
    grabcut_rect rect;
} hr_rect_choice;

typedef struct hr_predict_options {
    int64_t iterations;     /* where a request gives none */
    int64_t max_iterations; /* the most that a request may ask for */
    hr_rect_choice rect;
    int engine;      /* index into hr_engine_names */
    int64_t workers; /* 0: as many as threads */
    int64_t queue;
    int64_t deadline_ms;
    int64_t max_pixels;   /* 0: what the work memory allows */
    int64_t work_bytes;   /* of all pictures being worked on and all answers being sent */
    int64_t answer_bytes; /* of that, the most that answers being sent may hold */
    int64_t png_level;
} hr_predict_options;

/* All that requests need, the same for all threads. */
typedef struct hr_predict {
    hr_predict_options options;
    const hr_server_options *server;
    const grabcut_engine *engine;
    hr_jobs *jobs;
    hr_budget answers;
    hr_str metadata; /* the JSON of /metadata */
    struct {
        hr_metric decode, segment, encode, pixels;
    } metrics;
} hr_predict;

/* The engines of this build, best first; NULL-terminated. */
extern const char *const hr_engine_names[];
const grabcut_engine *hr_engine_by_index(int index);

/* "auto" or "x,y,w,h", of which w and h may be 0 or less. 0, or -1 with a sentence. */
int hr_parse_rect(hr_rect_choice *out, const char *text, char *why, size_t why_size);

/* metadata.c: the text, malloc'ed. */
hr_str hr_predict_metadata(const hr_predict *predict);

/* POST /predict, and an inference of /v2: answers at once, or later when a worker is done. */
void hr_predict_handle(hr_predict *predict, hr_exchange *ex);
void hr_predict_infer(hr_predict *predict, hr_exchange *ex);
/* A ModelInferRequest within the body of a gRPC call. */
void hr_predict_infer_message(hr_predict *predict, hr_exchange *ex, hr_bytes message);

/* v2.c: answers what belongs to /v2. False: the path is another. */
bool hr_predict_v2(hr_predict *predict, hr_exchange *ex);

/* What a worker keeps: the engine's memory. For hr_jobs_options. */
void hr_predict_worker_start(hr_worker *worker, void *ctx);
void hr_predict_worker_stop(hr_worker *worker, void *ctx);

/* ---- request.c: what was asked for ---- */

typedef enum hr_body_kind {
    HR_BODY_JSON,
    HR_BODY_PICTURE,
    HR_BODY_FORM,
    HR_BODY_INFER
} hr_body_kind;

typedef struct hr_predict_request {
    hr_body_kind body;
    unsigned given; /* the parameters that were given; parameters.c's own */
    hr_rect_choice rect;
    int64_t iterations, seed;
    grabcut_cutout_kind output;
    hr_answer_form form;
    char boundary[HR_FORM_BOUNDARY + 1]; /* HR_BODY_FORM */
    size_t json_len;                     /* HR_BODY_INFER: how much of the body is JSON */
    bool message;                        /* HR_BODY_INFER: it is a ModelInferRequest */
    /* Within the body, once it is read: files, and JSON text. Empty where not given. */
    hr_bytes image, mask, strokes;
} hr_predict_request;

/* The bytes that an image of this size takes while it is processed: the most of decoding,
 * segmenting and encoding, one after the other. `decoding` is grabcut_decode_estimate, 0 for pixels
 * that need no decoder; `mask_decoding` the same for the mask, while the image is held; `answer` is
 * what the answer takes besides a PNG in base64. */
int64_t hr_predict_bytes(const hr_predict *predict, int32_t width, int32_t height,
                         const hr_predict_request *request, int64_t decoding, int64_t mask_decoding,
                         int64_t answer);
/* The most pixels that `bytes` suffice for with the server's own rect. */
int64_t hr_predict_pixels(const hr_predict *predict, int64_t bytes);

/* Reads query and headers. 0, or the status to refuse with and a sentence. */
int hr_predict_read(hr_predict_request *out, const hr_predict *predict, hr_exchange *ex, char *why,
                    size_t why_size);

/* The same for an inference: its headers only; 0 or a status. */
int hr_predict_read_infer(hr_predict_request *out, const hr_predict *predict, hr_exchange *ex,
                          char *why, size_t why_size);

/* Reads the body of HR_BODY_JSON, HR_BODY_PICTURE and HR_BODY_FORM into the request: in its own
 * memory, which is overwritten. 0, or -1 with a sentence. */
int hr_predict_read_body(hr_predict_request *out, const hr_predict *predict, hr_bytes body,
                         char *why, size_t why_size);

#endif
