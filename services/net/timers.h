/*
 * Timers of one loop: a binary heap on one timerfd, in milliseconds of the monotonic clock.
 *
 * All of it belongs to the loop's thread. A timer may be set and unset within any callback, its own
 * included; the memory of a timer is its owner's and may be freed once it is unset or has fired.
 */
#ifndef SV_TIMERS_H
#define SV_TIMERS_H

#include <stddef.h>
#include <stdint.h>

typedef struct sv_timer sv_timer;
typedef void (*sv_timer_fn)(sv_timer *timer);

/* Embed it; zero it first. */
struct sv_timer {
    uint64_t at;  /* ms, as of sv_timers_now */
    size_t place; /* in the heap, from 1; 0: not set */
    sv_timer_fn fn;
};

typedef struct sv_timers {
    sv_timer **heap; /* from 1 */
    size_t n, capacity;
    uint64_t armed_at; /* what the timerfd is set to; 0: disarmed */
    uint64_t floor; /* while timers fire: what they set to fire at once waits for the next turn */
    int fd;         /* of the clock; closed by its watch */
} sv_timers;

/* 0, or -1 with errno where the system has no more descriptors. The loop watches timers->fd, which
 * belongs to it from then on, and calls sv_timers_fire when it is readable. */
int sv_timers_init(sv_timers *timers);
/* Calls the timers that are due. */
void sv_timers_fire(sv_timers *timers);
/* Timers that are still set are forgotten, not called. */
void sv_timers_dispose(sv_timers *timers);

/* Milliseconds of CLOCK_MONOTONIC; never 0. */
uint64_t sv_timers_now(void);

/* Calls fn once on the loop when `at` has come; a time in the past means the next turn. Setting a
 * timer that is set moves it. */
void sv_timer_set(sv_timers *timers, sv_timer *timer, uint64_t at, sv_timer_fn fn);
void sv_timer_unset(sv_timers *timers, sv_timer *timer);

static inline int sv_timer_is_set(const sv_timer *timer) {
    return timer->place != 0;
}

#endif
