/* The tensors of an answer in binary form: the values row by row, without what pads the rows. */
#ifndef SV_PREDICT_INFER_TENSORS_H
#define SV_PREDICT_INFER_TENSORS_H

#include "infer.h"

/* Bytes of the tensor; of a BYTES tensor with the 4 bytes that hold its element's length. */
size_t sv_infer_tensor_size(sv_infer_output output, const sv_infer_result *result);
/* Writes sv_infer_tensor_size bytes: the mask as 0 and 1, the cut-out as RGB. */
void sv_infer_put_tensor(uint8_t *to, sv_infer_output output, const sv_infer_result *result);

#endif
