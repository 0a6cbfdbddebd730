/* The first step of a picture: from the bytes of the request to pixels and a mask. */
#ifndef SV_PREDICT_DECODE_H
#define SV_PREDICT_DECODE_H

#include "job.h"

/* Reads the request's body, and decodes its image and its mask, for which memory is taken from the
 * pool. The body's memory is not read afterwards. False: the job has failed. */
bool sv_predict_decode(sv_predict_job *job, grabcut_image *image, grabcut_image *mask);

#endif
