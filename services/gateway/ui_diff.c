/* Answers /ui/diff: starts a process that compares, and hands on what it writes. */
#include "ui_diff.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/wait.h>
#include <unistd.h>

#include "answer_error.h"
#include "aside.h"
#include "body_in.h"
#include "candidate.h"
#include "json_out.h"
#include "log.h"
#include "texts.h"

#define MAX_CANDIDATE ((size_t)1 << 20)
#define MAX_ANSWER ((size_t)1 << 20)
/* A process that gets no CPU time is not waited for longer than this many times its share. */
#define WALL_FACTOR 3

extern char **environ;

static void refuse_diff(gw_aside *aside, int status, const char *why) {
    sv_text_free(&aside->json);
    aside->status = status;
    aside->retry_after = status == 503;
    sv_text_str(&aside->json, "{\"error\":");
    sv_json_string(&aside->json, why, strlen(why));
    sv_text_str(&aside->json, "}");
}

/* ---- what the process is asked ---- */

/* The view's options by name, then the candidate. NULL: no memory. */
static gw_texts *question_of(const gw_aside *aside) {
    hr_view_options view = aside->config->view_options;
    if (aside->listener->port != 0)
        view.port = aside->listener->port;
    gw_texts *texts = gw_texts_new();
    bool good = texts != NULL;
    const char *name;
    for (size_t i = 0; good && (name = hr_view_option_name(i)) != NULL; i++) {
        char number[HR_VIEW_OPTION_NUMBER];
        hr_str value = hr_view_options_get(&view, hr_str_from(name), number);
        if (value.p != NULL)
            good = gw_texts_add(texts, hr_str_from(name), value);
    }
    if (good && gw_texts_add(texts, HR_STR(GW_CANDIDATE), (hr_str){aside->question, aside->len}))
        return texts;
    gw_texts_unref(texts);
    return NULL;
}

/* ---- the process ---- */

/* 0 or an errno. */
static int spawn_with(pid_t *out, posix_spawn_file_actions_t *actions, const gw_options *options) {
    char memory[24], seconds[24], parent[24];
    snprintf(memory, sizeof(memory), "%lld", (long long)options->ui_diff_memory);
    snprintf(seconds, sizeof(seconds), "%lld", (long long)(options->ui_diff_ms + 999) / 1000);
    snprintf(parent, sizeof(parent), "%lld", (long long)getpid());
    char *argv[] = {(char *)GW_CANDIDATE_PROGRAM,
                    memory,
                    seconds,
                    parent,
                    options->n_maps > 0 ? "1" : "0",
                    options->tls_cert != NULL ? "1" : "0",
                    NULL};
    posix_spawnattr_t attr;
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    int error = posix_spawnattr_init(&attr);
    if (error != 0)
        return error;
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                        POSIX_SPAWN_SETPGROUP);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setsigdefault(&attr, &all);
    error = posix_spawn(out, "/proc/self/exe", actions, &attr, argv, environ);
    posix_spawnattr_destroy(&attr);
    return error;
}

/* Standard input is empty, 3 is the loaded texts, 4 the question. Those of texts are above 4, so
 * that none is overwritten before it is copied. */
static int spawn(pid_t *pid, int out, int loaded, int question, const gw_options *options) {
    posix_spawn_file_actions_t actions;
    int error = posix_spawn_file_actions_init(&actions);
    if (error != 0)
        return error;
    const int from[] = {out, loaded, question}, to[] = {1, 3, 4};
    for (int i = 0; i < 3 && error == 0; i++)
        error = posix_spawn_file_actions_adddup2(&actions, from[i], to[i]);
    if (error == 0)
        error = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    if (error == 0)
        error = posix_spawn_file_actions_addclosefrom_np(&actions, 5);
    if (error == 0)
        error = spawn_with(pid, &actions, options);
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

/* Why it is not to begin, or to go on, or NULL. */
static const char *why_stopped(gw_aside *aside, pid_t pid) {
    gateway *g = aside->gateway;
    pthread_mutex_lock(&g->diff_mutex);
    if (g->diff_over && aside->stopped == NULL)
        aside->stopped = "this server is shutting down";
    aside->process = pid;
    const char *why = aside->stopped;
    pthread_mutex_unlock(&g->diff_mutex);
    return why;
}

/* False: it was not started, and the answer is written. The mutex is not held meanwhile: loops
 * would wait for the file system. */
static bool start_process(gw_aside *aside, int out, gw_texts *question) {
    pid_t pid = 0;
    const char *why = why_stopped(aside, 0);
    int error = why == NULL ? spawn(&pid, out, gw_texts_fd(aside->config->texts),
                                    gw_texts_fd(question), &aside->gateway->options)
                            : 0;
    if (why == NULL && error == 0) {
        if (why_stopped(aside, pid) != NULL)
            kill(pid, SIGKILL); /* this thread alone reaps it */
        return true;
    }
    if (error != 0)
        sv_log(SV_LOG_WARN, "--ui: no process can be started to compare: %s", strerror(error));
    refuse_diff(aside, 503, why != NULL ? why : "the system allows no further process");
    return false;
}

/* What it writes, up to its end, the limit, or the time. NULL, or why it is to be ended. */
static const char *read_answer(gw_aside *aside, int from) {
    uint64_t end = sv_timers_now() + (uint64_t)aside->gateway->options.ui_diff_ms * WALL_FACTOR;
    for (;;) {
        char piece[16384];
        struct pollfd fd = {.fd = from, .events = POLLIN};
        uint64_t now = sv_timers_now();
        int ready = now < end ? poll(&fd, 1, (int)(end - now)) : 0;
        if (ready < 0 && errno == EINTR)
            continue;
        if (ready <= 0)
            return GW_CANDIDATE_TOO_SLOW;
        ssize_t n = read(from, piece, sizeof(piece));
        if (n == 0)
            return NULL;
        if (n > 0)
            sv_text_bytes(&aside->json, piece, (size_t)n);
        if (n < 0 || aside->json.len > MAX_ANSWER || aside->json.failed)
            return "the differences take more than 1 MiB";
    }
}

/* Waits for its end. What stops it may do so up to the moment at which it is gone. */
static int reap_process(gw_aside *aside) {
    siginfo_t info;
    int status = 0;
    while (waitid(P_PID, (id_t)aside->process, &info, WEXITED | WNOWAIT) != 0 && errno == EINTR)
        continue;
    pthread_mutex_lock(&aside->gateway->diff_mutex);
    while (waitpid(aside->process, &status, 0) < 0 && errno == EINTR)
        continue;
    aside->process = 0;
    pthread_mutex_unlock(&aside->gateway->diff_mutex);
    return status;
}

static void judge(gw_aside *aside, int status, const char *ended) {
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    int signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    const char *why = why_stopped(aside, 0);
    if (why != NULL)
        refuse_diff(aside, 503, why);
    else if (ended != NULL || signal == SIGXCPU)
        refuse_diff(aside, 422, ended != NULL ? ended : GW_CANDIDATE_TOO_SLOW);
    else if (signal == SIGKILL) {
        sv_log(SV_LOG_WARN, "--ui: the process that compares was killed by another");
        refuse_diff(aside, 503,
                    "the process that compares was killed: by the kernel, which does so when the "
                    "machine has no memory left, or by an administrator");
    } else if (code == GW_CANDIDATE_NO_MEMORY || signal == SIGABRT)
        refuse_diff(aside, 422, "comparing takes more memory than --ui-diff-memory allows");
    else if (code == GW_CANDIDATE_REFUSED)
        aside->status = 400;
    else if (code != GW_CANDIDATE_COMPARED) {
        sv_log(SV_LOG_ERROR, "--ui: the process that compares ended with %s %d",
               signal != 0 ? "signal" : "exit code", signal != 0 ? signal : code);
        refuse_diff(aside, 500, "the comparison failed");
    }
}

static void compare_candidate(gw_aside *aside, gw_texts *question) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        refuse_diff(aside, 503, "the system allows no further pipe");
        return;
    }
    bool started = start_process(aside, ends[1], question);
    close(ends[1]);
    if (started) {
        const char *ended = read_answer(aside, ends[0]);
        if (ended != NULL)
            kill(aside->process, SIGKILL); /* this thread alone reaps it */
        judge(aside, reap_process(aside), ended);
    }
    close(ends[0]);
}

static void write_diff(gw_aside *aside) {
    if (aside->config->texts == NULL) {
        refuse_diff(aside, 503, "the gateway has not kept what it loaded");
        return;
    }
    gw_texts *question = question_of(aside);
    if (question == NULL) {
        aside->json.failed = true;
        return;
    }
    compare_candidate(aside, question);
    gw_texts_unref(question);
}

/* ---- the request ---- */

static void diff_body(sv_exchange *ex) {
    hr_str body = {ex->body.p, ex->body.len};
    ex->on_body = NULL;
    if (!ex->body_done && body.len <= MAX_CANDIDATE)
        sv_answer_busy(ex, 1, "too much is being uploaded at the moment");
    else if (body.len <= MAX_CANDIDATE)
        gw_answer_aside(ex, GW_ASIDE_DIFF, write_diff, body);
    else
        sv_answer_json(ex, 413, "{\"error\":\"more than 1 MiB was pasted\"}");
}

static void on_candidate(sv_exchange *ex) {
    if (ex->body_done || sv_body_is_full(ex))
        diff_body(ex);
}

/* The type is one that no form of another site can send: its browser asks first (CORS). */
static bool is_yaml_type(hr_str type) {
    static const char yaml[] = "application/yaml";
    size_t len = sizeof(yaml) - 1;
    return type.len >= len && strncasecmp(type.p, yaml, len) == 0 &&
           (type.len == len || type.p[len] == ';');
}

static bool is_encoded(hr_str encoding) {
    return encoding.len > 0 &&
           !(encoding.len == 8 && strncasecmp(encoding.p, "identity", encoding.len) == 0);
}

void gw_ui_diff(sv_exchange *ex) {
    ex->on_body = on_candidate;
    if (!is_yaml_type(sv_request_header(ex, "content-type")))
        sv_answer_json(ex, 415, "{\"error\":\"the content type must be application/yaml\"}");
    else if (is_encoded(sv_request_header(ex, "content-encoding")))
        sv_answer_json(ex, 415, "{\"error\":\"the body must not be compressed\"}");
    else if (ex->body_done)
        diff_body(ex);
    else
        sv_body_stream(ex, MAX_CANDIDATE + 1);
}
