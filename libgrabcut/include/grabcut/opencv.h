/*
 * libgrabcut-opencv: cv::grabCut of the installed OpenCV as a grabcut_engine, the reference. It is
 * a separate library, so that programs that do not use it do not need OpenCV.
 */
#ifndef GRABCUT_OPENCV_H
#define GRABCUT_OPENCV_H

#include <grabcut/grabcut.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Returns the engine. Static; never NULL. Its estimate is a measured value, 208 bytes a pixel,
 * because OpenCV does not report one.
 *
 * It ignores `threads`, `simd` and `workspace` and runs on the calling thread. Its k-means also
 * uses OpenCV's own threads, whose number the program sets with cv::setNumThreads; the mask does
 * not depend on it. The state of the calling thread's cv::theRNG() is restored. */
GRABCUT_API const grabcut_engine *grabcut_engine_opencv(void);

#ifdef __cplusplus
}
#endif
#endif
