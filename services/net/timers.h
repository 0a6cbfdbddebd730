/*
 * Timers of one loop: a binary heap on one timerfd, in milliseconds of the monotonic clock.
 *
 * All of it belongs to the loop's thread. A timer may be set and unset within any callback, its own
 * included; the memory of a timer is its owner's and may be freed once it is unset or has fired.
 */
#ifndef HR_SERVICES_TIMERS_H
#define HR_SERVICES_TIMERS_H

#include <stddef.h>
#include <stdint.h>

struct sv_loop;
struct sv_watch;

typedef struct hr_timer hr_timer;
typedef void (*hr_timer_fn)(hr_timer *timer);

/* Embed it; zero it first. */
struct hr_timer {
    uint64_t at;  /* ms, as of hr_timers_now */
    size_t place; /* in the heap, from 1; 0: not set */
    hr_timer_fn fn;
};

typedef struct hr_timers {
    hr_timer **heap; /* from 1 */
    size_t n, capacity;
    uint64_t armed_at; /* what the timerfd is set to; 0: disarmed */
    uint64_t floor; /* while timers fire: what they set to fire at once waits for the next turn */
    struct sv_watch *watch;
    int fd; /* the watch's */
} hr_timers;

/* 0, or -1 with errno where the system has no more descriptors. */
int hr_timers_init(hr_timers *timers, struct sv_loop *loop);
/* Timers that are still set are forgotten, not called. */
void hr_timers_dispose(hr_timers *timers);

/* Milliseconds of CLOCK_MONOTONIC; never 0. */
uint64_t hr_timers_now(void);

/* Calls fn once on the loop when `at` has come; a time in the past means the next turn. Setting a
 * timer that is set moves it. */
void hr_timer_set(hr_timers *timers, hr_timer *timer, uint64_t at, hr_timer_fn fn);
void hr_timer_unset(hr_timers *timers, hr_timer *timer);

static inline int hr_timer_is_set(const hr_timer *timer) {
    return timer->place != 0;
}

#endif
