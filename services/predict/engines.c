/* Which engines this build has: the fast one of libgrabcut, the reference of libgrabcut-opencv. */
#include "engines.h"

#include <stddef.h>

#ifdef HR_HAVE_OPENCV
#include <grabcut/opencv.h>
#endif

typedef const grabcut_engine *engine_fn(void);

static engine_fn *const engines[] = {
    grabcut_engine_fast,
#ifdef HR_HAVE_OPENCV
    grabcut_engine_opencv,
#endif
};

const char *const sv_engine_names[] = {"fast",
#ifdef HR_HAVE_OPENCV
                                       "opencv",
#endif
                                       NULL};

const grabcut_engine *sv_engine_by_index(int index) {
    return engines[index]();
}
