/* Writes messages to stderr, and lines to stdout from a background thread. */
#include "log.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

const char *const sv_log_levels[] = {"debug", "info", "warn", "error", NULL};

/* What waits for the writer at most; beyond it lines are dropped. */
#define MAX_WAITING ((size_t)1 << 20)
#define GATHER_MS 20
#define HURRY_AT (MAX_WAITING / 4)

static struct {
    const char *_Atomic program; /* threads of the program may log before it is set */
    _Atomic sv_log_level level;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    char *waiting, *writing; /* the loops fill one while the thread writes the other */
    size_t waiting_len;
    bool running, stop;
    _Atomic bool started;
    _Atomic uint64_t dropped;
} logger = {.program = "headerroute",
            .level = SV_LOG_INFO,
            .mutex = PTHREAD_MUTEX_INITIALIZER,
            .wake = PTHREAD_COND_INITIALIZER};

static void write_all(int fd, const char *bytes, size_t len) {
    while (len > 0) {
        ssize_t n = write(fd, bytes, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return; /* The reader closed the log; the server keeps serving. */
        bytes += n;
        len -= (size_t)n;
    }
}

/* Lines are gathered for a moment: waking this thread for each of them would cost more than writing
 * them. */
static void gather(void) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += GATHER_MS * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    while (!logger.stop && logger.waiting_len < HURRY_AT &&
           pthread_cond_timedwait(&logger.wake, &logger.mutex, &until) == 0)
        continue;
}

static void *write_log(void *unused) {
    (void)unused;
    pthread_setname_np(pthread_self(), "log");
    pthread_mutex_lock(&logger.mutex);
    while (!logger.stop || logger.waiting_len > 0) {
        if (logger.waiting_len == 0) {
            pthread_cond_wait(&logger.wake, &logger.mutex);
            continue;
        }
        gather();
        char *full = logger.waiting;
        size_t len = logger.waiting_len;
        logger.waiting = logger.writing;
        logger.writing = full;
        logger.waiting_len = 0;
        pthread_mutex_unlock(&logger.mutex);
        write_all(STDOUT_FILENO, full, len);
        pthread_mutex_lock(&logger.mutex);
    }
    pthread_mutex_unlock(&logger.mutex);
    return NULL;
}

void sv_log_start(const char *program, sv_log_level level) {
    logger.program = program;
    logger.level = level;
    atomic_store(&logger.started, true);
    if (level > SV_LOG_INFO)
        return; /* no access log */
    logger.waiting = malloc(MAX_WAITING);
    logger.writing = malloc(MAX_WAITING);
    if (logger.waiting == NULL || logger.writing == NULL ||
        pthread_create(&logger.thread, NULL, write_log, NULL) != 0) {
        sv_log(SV_LOG_ERROR, "no access log: out of memory");
        return;
    }
    logger.running = true;
}

/* False: the thread is still writing. */
static bool end_writer(uint64_t ms) {
    struct timespec until;
    pthread_mutex_lock(&logger.mutex);
    logger.stop = true;
    pthread_cond_signal(&logger.wake);
    pthread_mutex_unlock(&logger.mutex);
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += (time_t)(ms / 1000);
    until.tv_nsec += (long)(ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    return pthread_timedjoin_np(logger.thread, NULL, &until) == 0;
}

void sv_log_stop(uint64_t ms) {
    if (logger.running && !end_writer(ms)) {
        pthread_detach(logger.thread); /* it still uses the buffers */
        return;
    }
    logger.running = false;
    free(logger.waiting);
    free(logger.writing);
    logger.waiting = logger.writing = NULL;
}

/* Whether stderr takes a line at once. A pipe that is ready takes PIPE_BUF bytes at least, and so a
 * whole line. */
static bool stderr_is_ready(void) {
    struct pollfd ready = {.fd = STDERR_FILENO, .events = POLLOUT};
    return poll(&ready, 1, 0) == 1 && (ready.revents & POLLOUT);
}

void sv_log_print(const char *fmt, ...) {
    char line[2304];
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(line, sizeof(line) - 1, fmt, args);
    va_end(args);
    if (n < 0 || (atomic_load(&logger.started) && !stderr_is_ready()))
        return;
    size_t len = (size_t)n < sizeof(line) - 1 ? (size_t)n : sizeof(line) - 2;
    line[len] = '\n';
    write_all(STDERR_FILENO, line, len + 1);
}

void sv_log(sv_log_level level, const char *fmt, ...) {
    char text[1024], line[1400];
    if (level < logger.level)
        return;
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    for (char *p = text; *p != '\0'; ++p)
        if ((unsigned char)*p < 0x20 || *p == 0x7F)
            *p = '?';
    int n =
        snprintf(line, sizeof(line), "%s: %s: %s\n", logger.program, sv_log_levels[level], text);
    if (!stderr_is_ready())
        return;
    /* One write, so that lines of two threads do not mix. */
    write_all(STDERR_FILENO, line, (size_t)n < sizeof(line) ? (size_t)n : sizeof(line) - 1);
}

bool sv_log_takes_lines(void) {
    return logger.running;
}

uint64_t sv_log_dropped(void) {
    return atomic_load_explicit(&logger.dropped, memory_order_relaxed);
}

void sv_log_line(const char *bytes, size_t len) {
    pthread_mutex_lock(&logger.mutex);
    bool fits = logger.waiting_len + len <= MAX_WAITING;
    if (fits) {
        memcpy(logger.waiting + logger.waiting_len, bytes, len);
        bool wake = logger.waiting_len == 0 ||
                    (logger.waiting_len < HURRY_AT && logger.waiting_len + len >= HURRY_AT);
        logger.waiting_len += len;
        if (wake)
            pthread_cond_signal(&logger.wake);
    }
    pthread_mutex_unlock(&logger.mutex);
    if (!fits)
        atomic_fetch_add_explicit(&logger.dropped, 1, memory_order_relaxed);
}
