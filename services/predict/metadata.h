/* What /metadata documents of this server. */
#ifndef SV_PREDICT_METADATA_H
#define SV_PREDICT_METADATA_H

#include "predict.h"

/* The JSON text, malloc'ed. */
hr_str sv_predict_metadata(const sv_predict *predict);

#endif
