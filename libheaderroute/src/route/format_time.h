/* Points in time as %START_TIME(FORMAT)% writes them. */
#ifndef HR_FORMAT_TIME_H
#define HR_FORMAT_TIME_H

#include "scratch.h"

/* Appends a time (microseconds since 1970-01-01 UTC) by a format: strftime's, with Envoy's %f, %s
 * and %1f to %9f and %Ez, %E3S, %E*S, %E*f, %E3f, %E4Y. Empty: 2026-11-30T20:25:09.659Z. Always
 * UTC; longer than 1,000 bytes: cut. */
void hr_put_time(hr_sbuf *s, int64_t us, hr_str format);

#endif
