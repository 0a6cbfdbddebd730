#include "log.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "json_out.h"
#include "server.h"

const char *const hr_log_levels[] = {"debug", "info", "warn", "error", NULL};

/* What waits for the writer at most; beyond it lines are dropped. */
#define MAX_WAITING ((size_t)1 << 20)
#define GATHER_MS 20
#define HURRY_AT (MAX_WAITING / 4)

static struct {
    const char *_Atomic program; /* threads of the program may log before it is set */
    _Atomic hr_log_level level;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    char *waiting, *writing; /* the loops fill one while the thread writes the other */
    size_t waiting_len;
    bool running, stop;
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
            return; /* nobody reads the log any more: serving goes on */
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

void hr_log_stop(void) {
    if (logger.running) {
        pthread_mutex_lock(&logger.mutex);
        logger.stop = true;
        pthread_cond_signal(&logger.wake);
        pthread_mutex_unlock(&logger.mutex);
        pthread_join(logger.thread, NULL);
        logger.running = false;
    }
    free(logger.waiting);
    free(logger.writing);
    logger.waiting = logger.writing = NULL;
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

static void member_iovec(hr_text *line, const char *name, h2o_iovec_t value) {
    hr_json_member(line, name, value.len > 0 ? value.base : NULL, value.len);
}

static void member_start_time(hr_text *line, uint64_t wall_us) {
    time_t seconds = (time_t)(wall_us / 1000000);
    struct tm utc;
    char date[64];
    gmtime_r(&seconds, &utc);
    strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &utc);
    hr_json_name(line, "start_time");
    hr_text_printf(line, "\"%s.%03uZ\"", date, (unsigned)(wall_us / 1000 % 1000));
}

/* W3C trace context: 00-TRACEID-SPANID-FLAGS (https://www.w3.org/TR/trace-context/, section 3.2).
 */
static void member_trace(hr_text *line, const h2o_req_t *req) {
    h2o_iovec_t parent = hr_request_header(req, "traceparent");
    bool ok = parent.len >= 55 && parent.base[2] == '-' && parent.base[35] == '-' &&
              parent.base[52] == '-';
    if (ok) {
        hr_json_member(line, "trace_id", parent.base + 3, 32);
        hr_json_member(line, "span_id", parent.base + 36, 16);
        return;
    }
    member_iovec(line, "trace_id", hr_request_header(req, "x-b3-traceid"));
    member_iovec(line, "span_id", hr_request_header(req, "x-b3-spanid"));
}

static void member_peer(hr_text *line, const h2o_req_t *req) {
    struct sockaddr_storage address;
    char host[NI_MAXHOST];
    socklen_t len = req->conn->callbacks->get_peername(req->conn, (struct sockaddr *)&address);
    size_t host_len =
        len > 0 ? h2o_socket_getnumerichost((struct sockaddr *)&address, len, host) : SIZE_MAX;
    hr_json_name(line, "downstream_remote_address");
    if (host_len == SIZE_MAX)
        hr_text_str(line, "null");
    else
        hr_text_printf(line, "\"%.*s:%d\"", (int)host_len, host,
                       (int)h2o_socket_getport((struct sockaddr *)&address));
}

void hr_log_access(const hr_exchange *ex) {
    const h2o_req_t *req = ex->req;
    char protocol[16];
    hr_text line = {0};
    if (!logger.running)
        return;
    hr_text_bytes(&line, "{", 1);
    member_start_time(&line, ex->start_wall_us);
    member_iovec(&line, "method", req->input.method);
    member_iovec(&line, "path", req->input.path);
    hr_json_member(&line, "protocol", protocol,
                   h2o_stringify_protocol_version(protocol, req->version));
    hr_json_member_int(&line, "response_code", hr_exchange_status(ex));
    hr_json_member_str(&line, "response_flags",
                       ex->response_flags != NULL ? ex->response_flags : "-");
    hr_json_member_str(&line, "response_code_details", ex->details);
    hr_json_member_int(&line, "bytes_received", (int64_t)(req->entity.len + ex->tunnelled));
    hr_json_member_int(&line, "bytes_sent", (int64_t)req->bytes_sent);
    hr_json_name(&line, "duration");
    hr_text_printf(&line, "%.3f", hr_exchange_elapsed_ms(ex));
    member_iovec(&line, "authority", req->input.authority);
    member_iovec(&line, "user_agent", hr_request_header(req, "user-agent"));
    member_iovec(&line, "x_forwarded_for", hr_request_header(req, "x-forwarded-for"));
    member_iovec(&line, "request_id", ex->request_id);
    member_trace(&line, req);
    member_peer(&line, req);
    member_iovec(&line, "upstream_host", ex->upstream_host);
    member_iovec(&line, "upstream_cluster", ex->upstream_cluster);
    member_iovec(&line, "route_name", ex->route_name);
    member_iovec(&line, "job_id", ex->job_id);
    if (ex->upstream_ns != 0) {
        hr_json_name(&line, "upstream_service_time");
        hr_text_printf(&line, "%.3f", (double)ex->upstream_ns / 1e6);
    }
    hr_json_member_str(&line, "name", hr_server_options_of(ex->loop->server)->name);
    hr_text_bytes(&line, "}\n", 2);
    if (!line.failed)
        append(line.p, line.len);
    hr_text_free(&line);
}
