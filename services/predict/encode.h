/* The last step of a picture: from the mask to the bytes of the answer. */
#ifndef SV_PREDICT_ENCODE_H
#define SV_PREDICT_ENCODE_H

#include "job.h"

/* Makes the answer's file, text or tensors. False: the job has failed. */
bool sv_predict_encode(sv_predict_job *job, const grabcut_image *image, const grabcut_image *mask);

#endif
