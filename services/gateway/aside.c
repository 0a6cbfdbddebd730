/* Writes long answers on threads of their own and limits how many are held at a time. */
#include "aside.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "answer_error.h"
#include "config.h"

/* Answers of each kind that may be held at a time. */
static const int limits[GW_ASIDE_KINDS] = {
    [GW_ASIDE_PAGE] = 4,   [GW_ASIDE_RULES] = 1, [GW_ASIDE_ADMIN] = 2,
    [GW_ASIDE_CONFIG] = 2, [GW_ASIDE_DIFF] = 1,
};

static void stop_process(gw_aside *aside, const char *why) {
    if (aside->stopped == NULL)
        aside->stopped = why;
    if (aside->process > 0)
        kill(aside->process, SIGKILL);
}

void gw_aside_stop_diff(gateway *g, const char *why) {
    pthread_mutex_lock(&g->diff_mutex);
    if (g->diff != NULL)
        stop_process(g->diff, why);
    pthread_mutex_unlock(&g->diff_mutex);
}

void gw_aside_sweep(gw_loop *loop) {
    gateway *g = loop->gateway;
    pthread_mutex_lock(&g->diff_mutex);
    gw_aside *diff = g->diff;
    if (diff != NULL && diff->loop == loop->loop && diff->process > 0 && diff->ex != NULL &&
        sv_exchange_peer_gone(diff->ex))
        stop_process(diff, "the client has left");
    pthread_mutex_unlock(&g->diff_mutex);
}

static void set_diff(gateway *g, gw_aside *aside) {
    pthread_mutex_lock(&g->diff_mutex);
    g->diff = aside;
    pthread_mutex_unlock(&g->diff_mutex);
}

static void aside_free(gw_aside *aside) {
    if (aside->kind == GW_ASIDE_DIFF)
        set_diff(aside->gateway, NULL);
    gw_config_unref(aside->config);
    sv_text_free(&aside->json);
    atomic_fetch_sub(&aside->gateway->asides[aside->kind], 1);
    free(aside);
}

static void aside_on_end(sv_exchange *ex) {
    gw_aside *aside = ex->data;
    if (aside == NULL)
        return;
    if (aside->sending) {
        aside_free(aside);
        return;
    }
    aside->ex = NULL; /* the thread still writes */
    if (aside->kind == GW_ASIDE_DIFF)
        gw_aside_stop_diff(aside->gateway, "the client has left");
}

static void aside_on_written(sv_server_loop *loop, sv_server_message *message) {
    gw_aside *aside = (gw_aside *)message;
    (void)loop;
    if (aside->ex == NULL) {
        aside_free(aside);
        return;
    }
    aside->sending = true;
    if (aside->retry_after > 0)
        sv_answer_retry_after(aside->ex, aside->retry_after);
    if (aside->json.failed)
        sv_answer_error(aside->ex, 500, "out of memory");
    else
        sv_answer(aside->ex, aside->status, "application/json",
                  (hr_str){aside->json.p, aside->json.len});
}

static void *work(void *arg) {
    gw_aside *aside = arg;
    pthread_setname_np(pthread_self(), "aside");
    gateway *g = aside->gateway;
    aside->write(aside);
    sv_text_fit(&aside->json); /* it may be held for long */
    if (!sv_server_post(aside->loop, &aside->super))
        aside_free(aside); /* the drain is over, and with it the request */
    atomic_fetch_sub(&g->aside_threads, 1);
    return NULL;
}

static bool is_admins(gw_aside_kind kind) {
    return kind == GW_ASIDE_ADMIN || kind == GW_ASIDE_CONFIG;
}

static gw_aside *aside_new(sv_exchange *ex, gw_aside_kind kind, void (*write)(gw_aside *aside),
                           hr_str question) {
    gw_loop *loop = ex->loop->data;
    gateway *g = loop->gateway;
    gw_aside *aside = NULL;
    if (atomic_fetch_add(&g->asides[kind], 1) < limits[kind])
        aside = calloc(1, sizeof(*aside) + question.len + 1);
    if (aside == NULL) {
        atomic_fetch_sub(&g->asides[kind], 1);
        return NULL;
    }
    aside->super.run = aside_on_written;
    aside->loop = ex->loop;
    aside->ex = ex;
    aside->gateway = g;
    aside->config = gw_config_ref(loop->current->config);
    aside->listener =
        is_admins(kind) ? gw_first_listener(aside->config) : gw_listener_of(aside->config, ex);
    aside->write = write;
    aside->kind = kind;
    aside->status = 200;
    aside->len = question.len;
    if (question.len > 0)
        memcpy(aside->question, question.p, question.len);
    if (kind == GW_ASIDE_DIFF)
        set_diff(g, aside);
    return aside;
}

void gw_answer_aside(sv_exchange *ex, gw_aside_kind kind, void (*write)(gw_aside *aside),
                     hr_str question) {
    const gw_loop *own = ex->loop->data;
    pthread_t thread;
    if (!is_admins(kind) && gw_listener_of(own->current->config, ex) == NULL) {
        sv_exchange_leave(ex); /* a reload came between the question's head and its end */
        sv_answer_error(ex, 404, "this address has another listener by now, or none");
        return;
    }
    gw_aside *aside = aside_new(ex, kind, write, question);
    if (aside == NULL) {
        sv_answer_busy(ex, 1, "too many such answers are being written or sent: retry later");
        return;
    }
    ex->data = aside;
    ex->on_end = aside_on_end;
    atomic_fetch_add(&aside->gateway->aside_threads, 1);
    if (pthread_create(&thread, NULL, work, aside) == 0) {
        pthread_detach(thread);
        return;
    }
    atomic_fetch_sub(&aside->gateway->aside_threads, 1);
    ex->data = NULL;
    aside_free(aside);
    sv_answer_busy(ex, 1, "the system allows no further thread");
}

bool gw_aside_stop(void *ctx) {
    const struct timespec pause = {0, 5000000};
    while (atomic_load(&((gateway *)ctx)->aside_threads) > 0)
        nanosleep(&pause, NULL);
    return true;
}
