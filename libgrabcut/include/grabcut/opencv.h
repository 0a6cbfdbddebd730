/*
 * libgrabcut-opencv: cv::grabCut of the installed OpenCV as a grabcut_engine, the reference.
 * A library of its own, so that programs without it need no OpenCV.
 */
#ifndef GRABCUT_OPENCV_H
#define GRABCUT_OPENCV_H

#include <grabcut/grabcut.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Static, never NULL. Its estimate is measured, 208 bytes a pixel, as OpenCV tells none.
 * `threads`, `simd` and `workspace` have no meaning for it: it runs on the calling thread, only its
 * k-means shares work with OpenCV's own threads (cv::setNumThreads is the program's), and the mask does
 * not depend on them. The calling thread's cv::theRNG() is as before when it returns. */
GRABCUT_API const grabcut_engine *grabcut_engine_opencv(void);

#ifdef __cplusplus
}
#endif
#endif
