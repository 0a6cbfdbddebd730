/* The segmentation engines of this build. */
#ifndef SV_PREDICT_ENGINES_H
#define SV_PREDICT_ENGINES_H

#include <grabcut/grabcut.h>

/* The engines of this build, best first; NULL-terminated. */
extern const char *const sv_engine_names[];
const grabcut_engine *sv_engine_by_index(int index);

#endif
