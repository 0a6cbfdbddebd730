/* How decisions a second grow with threads that share one table. */
#ifndef HR_BENCH_THREADS_H
#define HR_BENCH_THREADS_H

#include "tables.h"

/* Prints decisions a second, and CPU time for one, of 1, 2, 4 ... `most` threads over one view,
 * each with its own scratch. */
void bench_threads(const char *name, const hr_view *view, const bench_request *requests, size_t n,
                   size_t most);

#endif
