/* Request paths, normalised as Envoy does it under each of Istio's pathNormalization options. */
#ifndef HR_PATH_H
#define HR_PATH_H

#include "scratch.h"

typedef enum hr_path_result {
    HR_PATH_OK = 0,
    HR_PATH_RELATIVE, /* it does not begin with '/' */
    HR_PATH_CONTROL,  /* a space or a control character, which no request target has */
    HR_PATH_INVALID,  /* the escape %00 */
    HR_PATH_NO_MEMORY
} hr_path_result;

/* `raw` is the request target with query. BASE is Envoy's normalize_path. MERGE_SLASHES makes one
 * slash of several, afterwards; DECODE_AND_MERGE_SLASHES besides takes %2F and %5C for slashes,
 * first of all. *out is it without fragment and with its path part normalised, pointing into raw
 * where nothing had to change; *path_len is the length without query. */
hr_path_result hr_path_normalize(hr_str *out, size_t *path_len, hr_scratch *scratch, hr_str raw,
                                 hr_path_normalization option);

#endif
