/* The work on one picture. */
#ifndef SV_PREDICT_WORK_H
#define SV_PREDICT_WORK_H

#include "jobs.h"
#include "predict.h"

/* POST /predict, and an inference of /v2: answers at once, or later when a worker is done. */
void sv_predict_handle(sv_predict *predict, sv_exchange *ex);
void sv_predict_infer(sv_predict *predict, sv_exchange *ex);
/* A ModelInferRequest within the body of a gRPC call. */
void sv_predict_infer_message(sv_predict *predict, sv_exchange *ex, sv_bytes message);

/* What a worker keeps: the engine's memory. For sv_jobs_options. */
void sv_predict_worker_start(sv_worker *worker, void *ctx);
void sv_predict_worker_stop(sv_worker *worker, void *ctx);

#endif
