/*
 * Two streams. Messages of the program: one line each on stderr. The access log: one JSON object a
 * line on stdout, written by a thread of its own from a bounded buffer, so that a slow reader of
 * the log never stops a loop; lines that find the buffer full are dropped and counted.
 */
#ifndef SV_LOG_H
#define SV_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum sv_log_level { SV_LOG_DEBUG = 0, SV_LOG_INFO, SV_LOG_WARN, SV_LOG_ERROR } sv_log_level;
extern const char *const sv_log_levels[]; /* "debug", "info", "warn", "error", NULL */

/* Before any other thread is there. The access log is written at `info` and below. */
void sv_log_start(const char *program, sv_log_level level);
/* Writes what is left and ends the thread. If the reader of the log does not take it within `ms`
 * milliseconds, the rest is lost and the thread is left to the end of the process. */
void sv_log_stop(uint64_t ms);

/* A message. Any thread. Control characters are escaped. Lost if stderr takes nothing at the
 * moment: a pipe that is full must not stop a loop. */
void sv_log(sv_log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* A sentence on stderr without program and level. Until sv_log_start it waits for a slow reader of
 * stderr; from then on the line is dropped instead, as sv_log's are. */
void sv_log_print(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* True if lines are written to stdout: since sv_log_start at level `info` or below. */
bool sv_log_takes_lines(void);
/* Appends one line with its end to what waits for stdout. Any thread. */
void sv_log_line(const char *bytes, size_t len);

/* Lines dropped since the start. */
uint64_t sv_log_dropped(void);

#endif
