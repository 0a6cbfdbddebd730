/* The answer to a picture, back on its loop. */
#ifndef SV_PREDICT_RESULT_H
#define SV_PREDICT_RESULT_H

#include "job.h"

/* For sv_job. */
void sv_predict_answer(sv_job *job, sv_exchange *ex, sv_cancel cancel);
/* Answers 503 with UO. */
void sv_predict_answer_busy(sv_predict *predict, sv_exchange *ex, const char *detail);

#endif
