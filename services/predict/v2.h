/* The HTTP calls of the Open Inference Protocol, below /v2. */
#ifndef SV_PREDICT_V2_H
#define SV_PREDICT_V2_H

#include "predict.h"

/* Answers what belongs to /v2. False: the path is another. */
bool sv_predict_v2(sv_predict *predict, sv_exchange *ex);

#endif
