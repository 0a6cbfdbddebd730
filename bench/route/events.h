/* libyaml's bare event parsing. */
#ifndef HR_BENCH_EVENTS_H
#define HR_BENCH_EVENTS_H

#include <stddef.h>

/* Reads all events and drops them. 0: libyaml found a mistake. */
int bench_yaml_events(const char *text, size_t len);

#endif
