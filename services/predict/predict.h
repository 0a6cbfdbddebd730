/* headerroute-predict, GrabCut behind HTTP: its options, and what all its requests share. */
#ifndef SV_PREDICT_H
#define SV_PREDICT_H

#include <grabcut/grabcut.h>

#include "answer.h"
#include "budget.h"
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

#endif
