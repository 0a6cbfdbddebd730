/* Writes messages to stderr and the access log to stdout from a background thread. */
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

#include "conn.h"
#include "decimal.h"
#include "json_out.h"
#include "server.h"

const char *const hr_log_levels[] = {"debug", "info", "warn", "error", NULL};

/* What waits for the writer at most; beyond it lines are dropped. */
#define MAX_WAITING ((size_t)1 << 20)
#define GATHER_MS 20
#define HURRY_AT (MAX_WAITING / 4)
/* The memory of a line that a loop keeps for the next. */
#define LINE_KEPT ((size_t)16 << 10)

static struct {
    const char *_Atomic program; /* threads of the program may log before it is set */
    _Atomic hr_log_level level;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    char *waiting, *writing; /* the loops fill one while the thread writes the other */
    size_t waiting_len;
    bool running, stop;
    _Atomic bool started;
    _Atomic uint64_t dropped;
} logger = {.program = "headerroute",
            .level = HR_LOG_INFO,
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

void hr_log_start(const char *program, hr_log_level level) {
    logger.program = program;
    logger.level = level;
    atomic_store(&logger.started, true);
    if (level > HR_LOG_INFO)
        return; /* no access log */
    logger.waiting = malloc(MAX_WAITING);
    logger.writing = malloc(MAX_WAITING);
    if (logger.waiting == NULL || logger.writing == NULL ||
        pthread_create(&logger.thread, NULL, write_log, NULL) != 0) {
        hr_log(HR_LOG_ERROR, "no access log: out of memory");
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

void hr_log_stop(uint64_t ms) {
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

void hr_log_print(const char *fmt, ...) {
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

void hr_log(hr_log_level level, const char *fmt, ...) {
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
        snprintf(line, sizeof(line), "%s: %s: %s\n", logger.program, hr_log_levels[level], text);
    if (!stderr_is_ready())
        return;
    /* One write, so that lines of two threads do not mix. */
    write_all(STDERR_FILENO, line, (size_t)n < sizeof(line) ? (size_t)n : sizeof(line) - 1);
}

uint64_t hr_log_dropped(void) {
    return atomic_load_explicit(&logger.dropped, memory_order_relaxed);
}

static void append(const char *bytes, size_t len) {
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

/* The names of members are literals of ours, which need no escaping: `,"name":`. */
#define NAME(line, name) hr_text_bytes(line, ",\"" name "\":", sizeof(",\"" name "\":") - 1)

static void put_string(hr_text *line, hr_str value) {
    if (value.len > 0)
        hr_json_string(line, value.p, value.len);
    else
        hr_text_bytes(line, "null", 4);
}

static void put_words(hr_text *line, const char *words) {
    put_string(line, (hr_str){words, words != NULL ? strlen(words) : 0});
}

static void put_int(hr_text *line, uint64_t value) {
    char digits[HR_DECIMAL_MAX];
    hr_text_bytes(line, digits, (size_t)(hr_put_uint(digits, value) - digits));
}

static void put_ms(hr_text *line, uint64_t ns) {
    char digits[HR_DECIMAL_MAX + 4];
    hr_text_bytes(line, digits, (size_t)(hr_put_ms(digits, ns) - digits));
}

/* Many lines have the same second: its text is kept. */
static void put_start_time(hr_text *line, uint64_t wall_us) {
    static __thread struct {
        time_t second;
        size_t len;
        char date[64];
    } last;
    time_t second = (time_t)(wall_us / 1000000);
    if (last.len == 0 || second != last.second) {
        struct tm utc;
        gmtime_r(&second, &utc);
        last.second = second;
        last.len = strftime(last.date, sizeof(last.date), "\"%Y-%m-%dT%H:%M:%S.", &utc);
    }
    unsigned ms = (unsigned)(wall_us / 1000 % 1000);
    const char rest[] = {(char)('0' + ms / 100), (char)('0' + ms / 10 % 10), (char)('0' + ms % 10),
                         'Z', '"'};
    hr_text_bytes(line, last.date, last.len);
    hr_text_bytes(line, rest, sizeof(rest));
}

/* W3C trace context: 00-TRACEID-SPANID-FLAGS (https://www.w3.org/TR/trace-context/, section 3.2).
 */
static void put_trace(hr_text *line, const hr_exchange *ex) {
    hr_str parent = hr_request_header(ex, "traceparent");
    bool ok = parent.len >= 55 && parent.p[2] == '-' && parent.p[35] == '-' && parent.p[52] == '-';
    NAME(line, "trace_id");
    put_string(line, ok ? (hr_str){parent.p + 3, 32} : hr_request_header(ex, "x-b3-traceid"));
    NAME(line, "span_id");
    put_string(line, ok ? (hr_str){parent.p + 36, 16} : hr_request_header(ex, "x-b3-spanid"));
}

static void put_peer(hr_text *line, const hr_exchange *ex) {
    const hr_peer *peer = hr_conn_peer(ex->conn);
    put_string(line, (hr_str){peer->text, peer->len});
}

void hr_log_access(const hr_exchange *ex) {
    hr_text *line = &ex->loop->log_line;
    const sv_http1_request *request = &ex->request;
    hr_str path = request->path.p != NULL ? request->path : request->target;
    if (!logger.running)
        return;
    line->len = 0;
    hr_text_str(line, "{\"start_time\":");
    put_start_time(line, ex->start_wall_us);
    NAME(line, "method");
    put_string(line, request->method.p != NULL ? request->method : HR_STR("-"));
    NAME(line, "path");
    put_string(line, path.p != NULL ? path : HR_STR("-"));
    NAME(line, "protocol");
    put_string(line, hr_exchange_protocol(ex));
    NAME(line, "response_code");
    put_int(line, (uint64_t)hr_exchange_status(ex));
    NAME(line, "response_flags");
    put_words(line, ex->response_flags != NULL ? ex->response_flags : "-");
    NAME(line, "response_code_details");
    put_words(line, ex->details);
    NAME(line, "bytes_received");
    put_int(line, hr_body_received(ex) + ex->tunnelled);
    NAME(line, "bytes_sent");
    put_int(line, ex->bytes_sent);
    NAME(line, "duration");
    put_ms(line, hr_now_ns() - ex->start_ns);
    NAME(line, "authority");
    put_string(line, request->authority);
    NAME(line, "user_agent");
    put_string(line, hr_request_header(ex, "user-agent"));
    NAME(line, "x_forwarded_for");
    put_string(line, hr_request_header(ex, "x-forwarded-for"));
    NAME(line, "request_id");
    put_string(line, ex->request_id);
    put_trace(line, ex);
    NAME(line, "downstream_remote_address");
    put_peer(line, ex);
    NAME(line, "upstream_host");
    put_string(line, ex->upstream_host);
    NAME(line, "upstream_cluster");
    put_string(line, ex->upstream_cluster);
    NAME(line, "route_name");
    put_string(line, ex->route_name);
    NAME(line, "job_id");
    put_string(line, ex->job_id);
    if (ex->upstream_ns != 0) {
        NAME(line, "upstream_service_time");
        put_ms(line, ex->upstream_ns);
    }
    NAME(line, "name");
    put_words(line, hr_server_options_of(ex->loop->server)->name);
    hr_text_bytes(line, "}\n", 2);
    if (!line->failed)
        append(line->p, line->len);
    if (line->failed || line->capacity > LINE_KEPT)
        hr_text_free(line);
}
