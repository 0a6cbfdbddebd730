/* Reloads the configuration and certificates on SIGHUP and when watched files change. */
#include "reload.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "aside.h"
#include "config.h"
#include "listeners.h"
#include "loop.h"
#include "watch.h"

/* Writers that write a file in several steps, or several files, are waited for this long. */
#define SETTLE_MS 100
/* How often folders that may have been away are looked for again. */
#define LOOK_AGAIN_MS 2000
#define LOOK_FOR_LOOPS_MS 20

typedef struct use_message {
    sv_server_message super;
    gw_config *config;
} use_message;

static void use(sv_server_loop *loop, sv_server_message *message) {
    use_message *m = (use_message *)message;
    gw_loop_use(loop->data, m->config);
    gw_config_unref(m->config);
    free(m);
}

/* Loops that start while this runs take the newest by themselves: both hold the mutex. */
static void publish(gateway *g, gw_config *config) {
    pthread_mutex_lock(&g->mutex);
    gw_config *old = g->config;
    g->config = config;
    for (size_t i = 0; i < SV_UP_MAX_LOOPS; i++) {
        if (g->loops[i] == NULL)
            continue;
        use_message *m = calloc(1, sizeof(*m));
        if (m == NULL)
            continue; /* this loop stays with what it has until the next reload */
        m->super.run = use;
        m->config = gw_config_ref(config);
        if (!sv_server_post(g->loops[i], &m->super)) {
            gw_config_unref(m->config);
            free(m);
        }
    }
    pthread_mutex_unlock(&g->mutex);
    gw_config_unref(old);
}

static void refresh(gateway *g) {
    gw_dns_take_change(g->dns);
    gw_config *config = gw_config_refresh(&g->options, g->dns, g->config);
    if (config == NULL)
        sv_log(SV_LOG_ERROR,
               "addresses have changed, but memory is short: those of before stay in use");
    else
        publish(g, config);
}

/* What was loaded in vain asked for names of its own, counted ejections anew, and has perhaps taken
 * a change of addresses that the configuration in force has not seen. */
static void note_failure(gateway *g) {
    refresh(g);
    atomic_fetch_add(&g->reloads_failed, 1);
    atomic_store(&g->config_good, 0);
}

/* Watched files; `known` is their fingerprint when they were last read. */
typedef struct watched {
    const char *const *paths;
    size_t n;
    uint64_t known;
} watched;

/* Certificates and keys that a configuration names. */
typedef struct named_files {
    gw_files files;
    watched watched;
} named_files;

/* What changes a configuration though its own files do not change. */
typedef struct outside {
    named_files live;    /* of the configuration in force */
    named_files refused; /* of a later one, if it was refused */
    bool blocked;        /* it was refused since the address of this --map is in use */
    size_t map;
} outside;

/* Takes the files, and what was known of them before they were read. */
static void take_files(named_files *out, gw_files files) {
    gw_files_free(&out->files);
    *out = (named_files){files, {(const char *const *)files.v, files.n, files.fingerprint}};
}

static void reload(gateway *g, const char *why, outside *out) {
    uint64_t generation = atomic_load(&g->generation) + 1;
    gw_files named;
    gw_config *config = gw_config_load(&g->options, g->dns, g->config, generation, &named);
    gw_new_listeners added;
    char sentence[256];
    out->blocked = false;
    if (config == NULL) {
        take_files(&out->refused, named);
        note_failure(g);
        sv_log(SV_LOG_ERROR,
               "%s, but the configuration has errors: the one of before stays in force", why);
        return;
    }
    if (gw_listeners_bind(&added, g, config, sentence, sizeof(sentence)) != 0) {
        take_files(&out->refused, named);
        out->blocked = true;
        out->map = added.blocked;
        gw_config_unref(config);
        note_failure(g);
        sv_log(SV_LOG_ERROR, "%s, but the configuration of before stays in force: %s", why,
               sentence);
        return;
    }
    gw_dns_keep(g->dns);
    take_files(&out->live, named);
    take_files(&out->refused, (gw_files){0});
    publish(g, config);
    gw_listeners_switch(g, config, &added);
    atomic_store(&g->generation, generation);
    atomic_fetch_add(&g->reloads, 1);
    gw_aside_stop_diff(g, "the rules were loaded anew meanwhile: compare again");
    atomic_store(&g->config_good, 1);
    sv_log(SV_LOG_INFO, "%s: the configuration is loaded anew (generation %llu)", why,
           (unsigned long long)generation);
}

uint64_t gw_tls_fingerprint(const gw_options *options) {
    const char *const paths[] = {options->tls_cert, options->tls_key};
    return gw_watch_fingerprint(paths, 2);
}

static void reload_tls(gateway *g, const char *why) {
    char sentence[512];
    if (sv_tls_reload(g->tls, sentence, sizeof(sentence)) != 0) {
        atomic_fetch_add(&g->tls_reloads_failed, 1);
        atomic_store(&g->tls_good, 0);
        sv_log(SV_LOG_ERROR, "%s, but the certificate of before stays in force: %s", why, sentence);
        return;
    }
    atomic_fetch_add(&g->tls_reloads, 1);
    atomic_store(&g->tls_good, 1);
    sv_log(SV_LOG_INFO, "%s: the certificate is loaded anew", why);
}

/* Waits until no file has changed for SETTLE_MS. Returns 0 if a stop is requested. */
static int settle_files(gateway *g, int inotify) {
    struct pollfd fds[2] = {{.fd = inotify, .events = POLLIN},
                            {.fd = g->reload_stop_fd, .events = POLLIN}};
    while (poll(fds, 2, SETTLE_MS) > 0) {
        if (fds[1].revents != 0)
            return 0;
        gw_watch_drain(inotify);
    }
    return 1;
}

static uint64_t fingerprint(const watched *w) {
    return w->n > 0 ? gw_watch_fingerprint(w->paths, w->n) : 0;
}

/* 1 if they have changed since. */
static int look(watched *w, int inotify) {
    gw_watch_paths(inotify, w->paths, w->n);
    uint64_t now = fingerprint(w), before = w->known;
    w->known = now;
    return now != before;
}

/* Listeners open and close once every loop accepts. False: the server ends. */
static bool wait_for_loops(const gateway *g) {
    struct pollfd stop = {.fd = g->reload_stop_fd, .events = POLLIN};
    while (!sv_server_ready(g->server))
        if (poll(&stop, 1, LOOK_FOR_LOOPS_MS) != 0)
            return false;
    return true;
}

/* Why to load; NULL: no need. */
static const char *reason(const gateway *g, int hup, int rules, int certificates,
                          const outside *out) {
    if (hup)
        return "SIGHUP";
    if (rules)
        return "files have changed";
    if (certificates && g->options.n_maps > 0)
        return "certificates have changed";
    if (certificates)
        return "certificates of upstream servers have changed";
    return out->blocked && gw_listener_is_free(g, out->map) ? "an address is free by now" : NULL;
}

static void *watch(void *arg) {
    gateway *g = arg;
    int inotify = gw_watch_open();
    struct pollfd fds[4] = {{.fd = g->reload_stop_fd, .events = POLLIN},
                            {.fd = g->reload_signal_fd, .events = POLLIN},
                            {.fd = inotify, .events = POLLIN},
                            {.fd = gw_dns_change_fd(g->dns), .events = POLLIN}};
    pthread_setname_np(pthread_self(), "reload");
    if (inotify < 0)
        sv_log(SV_LOG_WARN, "changes of files are not noticed, only SIGHUP: %s", strerror(errno));
    const char *const own_paths[] = {g->options.tls_cert, g->options.tls_key};
    outside out = {0};
    watched rules = {g->options.files.v, g->options.files.n, g->loaded_fingerprint};
    watched own = {own_paths, g->tls != NULL ? 2 : 0, g->tls_fingerprint};
    take_files(&out.live, g->loaded_files);
    g->loaded_files = (gw_files){0};
    gw_watch_paths(inotify, rules.paths, rules.n);
    gw_watch_paths(inotify, own.paths, own.n);
    gw_watch_paths(inotify, out.live.watched.paths, out.live.watched.n);
    while (wait_for_loops(g)) {
        poll(fds, 4, LOOK_AGAIN_MS);
        if (fds[0].revents != 0)
            break;
        if (fds[3].revents != 0)
            refresh(g);
        int hup = fds[1].revents != 0;
        struct signalfd_siginfo info;
        while (hup && read(g->reload_signal_fd, &info, sizeof(info)) > 0)
            continue;
        if (fds[2].revents != 0 && !settle_files(g, inotify))
            break;
        int rules_changed = look(&rules, inotify);
        int certificates = look(&out.live.watched, inotify);
        certificates |= look(&out.refused.watched, inotify);
        const char *why = reason(g, hup, rules_changed, certificates, &out);
        if (why != NULL) {
            reload(g, why, &out);
            gw_watch_paths(inotify, out.live.watched.paths, out.live.watched.n);
            gw_watch_paths(inotify, out.refused.watched.paths, out.refused.watched.n);
        }
        if (look(&own, inotify) || (hup && g->tls != NULL))
            reload_tls(g, hup ? "SIGHUP" : "certificate or key has changed");
    }
    gw_files_free(&out.live.files);
    gw_files_free(&out.refused.files);
    if (inotify >= 0)
        close(inotify);
    return NULL;
}

int gw_reload_prepare(gateway *g) {
    sigset_t hup;
    sigemptyset(&hup);
    sigaddset(&hup, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &hup, NULL);
    g->reload_signal_fd = signalfd(-1, &hup, SFD_NONBLOCK | SFD_CLOEXEC);
    g->reload_stop_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (g->reload_signal_fd < 0 || g->reload_stop_fd < 0) {
        fprintf(stderr, "headerroute-gateway: cannot watch for changes: %s\n", strerror(errno));
        return -1;
    }
    return 0;
}

int gw_reload_start(gateway *g) {
    int error = 0;
    pthread_mutex_lock(&g->mutex);
    /* A drain may have begun before this loop did. */
    if (!g->reload_stopped) {
        error = pthread_create(&g->reload_thread, NULL, watch, g);
        g->reload_started = error == 0;
    }
    pthread_mutex_unlock(&g->mutex);
    if (error != 0)
        sv_log(SV_LOG_ERROR, "cannot watch for changes: %s", strerror(error));
    return error != 0 ? -1 : 0;
}

void gw_reload_stop(void *ctx) {
    gateway *g = ctx;
    uint64_t one = 1;
    pthread_mutex_lock(&g->mutex);
    int started = g->reload_started;
    g->reload_stopped = 1;
    g->reload_started = 0;
    pthread_mutex_unlock(&g->mutex);
    if (started && write(g->reload_stop_fd, &one, sizeof(one)) == sizeof(one))
        pthread_join(g->reload_thread, NULL);
}

void gw_reload_dispose(gateway *g) {
    close(g->reload_stop_fd);
    close(g->reload_signal_fd);
}
