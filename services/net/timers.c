/* Timers of one loop: a binary heap on one timerfd. */
#include "timers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "memory.h"

uint64_t sv_timers_now(void) {
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000 + 1;
}

static void place(sv_timers *timers, size_t i, sv_timer *timer) {
    timers->heap[i] = timer;
    timer->place = i;
}

static void sift_up(sv_timers *timers, size_t i, sv_timer *timer) {
    while (i > 1 && timers->heap[i / 2]->at > timer->at) {
        place(timers, i, timers->heap[i / 2]);
        i /= 2;
    }
    place(timers, i, timer);
}

static void sift_down(sv_timers *timers, size_t i, sv_timer *timer) {
    for (size_t child; (child = i * 2) <= timers->n; i = child) {
        if (child < timers->n && timers->heap[child + 1]->at < timers->heap[child]->at)
            child++;
        if (timers->heap[child]->at >= timer->at)
            break;
        place(timers, i, timers->heap[child]);
    }
    place(timers, i, timer);
}

/* The descriptor is only ever moved forward in time when it fires: most timers are unset long
 * before they are due, and one idle wake-up is cheaper than a system call for each of them. */
static void timers_arm(sv_timers *timers, uint64_t at) {
    if (timers->armed_at != 0 && timers->armed_at <= at)
        return;
    /* sv_timers_now is one more than the clock, so this is never early. */
    struct itimerspec when = {
        .it_value = {.tv_sec = (time_t)(at / 1000), .tv_nsec = (long)(at % 1000) * 1000000}};
    timerfd_settime(timers->fd, TFD_TIMER_ABSTIME, &when, NULL);
    timers->armed_at = at;
}

void sv_timer_unset(sv_timers *timers, sv_timer *timer) {
    size_t i = timer->place;
    if (i == 0)
        return;
    timer->place = 0;
    sv_timer *last = timers->heap[timers->n--];
    if (last == timer)
        return;
    if (i > 1 && timers->heap[i / 2]->at > last->at)
        sift_up(timers, i, last);
    else
        sift_down(timers, i, last);
}

void sv_timer_set(sv_timers *timers, sv_timer *timer, uint64_t at, sv_timer_fn fn) {
    sv_timer_unset(timers, timer);
    if (timers->n + 1 >= timers->capacity) {
        timers->capacity = timers->capacity > 0 ? timers->capacity * 2 : 64;
        timers->heap = sv_realloc(timers->heap, timers->capacity * sizeof(*timers->heap));
    }
    if (at < timers->floor)
        at = timers->floor;
    timer->at = at > 0 ? at : 1;
    timer->fn = fn;
    sift_up(timers, ++timers->n, timer);
    if (timer->place == 1)
        timers_arm(timers, timer->at);
}

void sv_timers_fire(sv_timers *timers) {
    uint64_t expirations;
    if (read(timers->fd, &expirations, sizeof(expirations)) < 0 && errno == EAGAIN)
        return;
    timers->armed_at = 0;
    uint64_t now = sv_timers_now();
    timers->floor = now;
    while (timers->n > 0 && timers->heap[1]->at < now) {
        sv_timer *timer = timers->heap[1];
        sv_timer_unset(timers, timer);
        timer->fn(timer);
    }
    timers->floor = 0;
    if (timers->n > 0)
        timers_arm(timers, timers->heap[1]->at);
}

int sv_timers_init(sv_timers *timers) {
    memset(timers, 0, sizeof(*timers));
    timers->fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    return timers->fd == -1 ? -1 : 0;
}

void sv_timers_dispose(sv_timers *timers) {
    for (size_t i = 1; i <= timers->n; i++)
        timers->heap[i]->place = 0;
    free(timers->heap);
    memset(timers, 0, sizeof(*timers));
}
