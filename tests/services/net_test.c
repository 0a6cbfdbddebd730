/* The event loop and its sockets over loopback, the same tests for every backend. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "net.h"

#define MANY (8u << 20)

/* One end of a connection that records what happens to it. */
struct end {
    sv_loop *loop;
    sv_sock *sock;
    int connected, failed, written, broken, ended, readable;
    bool tls, closes_when_readable;
    char why[128];
    char *got;
    size_t n, room;
    int error;
};

static void on_connected(void *ctx) {
    struct end *e = ctx;
    e->connected++;
    sv_sock_reading(e->sock, true);
}

static void on_failed(void *ctx, bool tls, const char *why) {
    struct end *e = ctx;
    e->failed++;
    e->tls = tls;
    snprintf(e->why, sizeof(e->why), "%s", why);
}

static void on_readable(void *ctx) {
    struct end *e = ctx;
    e->readable++;
    if (e->closes_when_readable) {
        sv_sock_close(e->sock);
        e->sock = NULL;
        return;
    }
    if (e->n == e->room) {
        sv_sock_reading(e->sock, false);
        return;
    }
    ssize_t n = sv_sock_read(e->sock, e->got + e->n, e->room - e->n);
    if (n > 0) {
        e->n += (size_t)n;
        return;
    }
    if (n == -1 && errno == EAGAIN)
        return;
    e->ended++;
    e->error = n < 0 ? errno : 0;
    sv_sock_reading(e->sock, false);
}

static void on_written(void *ctx, bool ok) {
    struct end *e = ctx;
    e->written += ok;
    e->broken += !ok;
}

static void ignore_sigpipe(void) {
    signal(SIGPIPE, SIG_IGN); /* as every user must */
}

TestSuite(net, .init = ignore_sigpipe);

static const sv_sock_events events = {on_connected, on_failed, on_readable, on_written};

struct pair {
    sv_loop *loop;
    int listener;
    struct sockaddr_in address;
    struct end client, server;
};

static void end_init(struct end *e, sv_loop *loop) {
    *e = (struct end){.loop = loop, .got = malloc(MANY + 1), .room = MANY + 1};
}

static void pair_listen(struct pair *p) {
    socklen_t len = sizeof(p->address);
    memset(p, 0, sizeof(*p));
    p->loop = sv_loop_new();
    cr_assert_not_null(p->loop);
    p->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    p->address =
        (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    cr_assert_eq(bind(p->listener, (struct sockaddr *)&p->address, len), 0);
    cr_assert_eq(listen(p->listener, 8), 0);
    getsockname(p->listener, (struct sockaddr *)&p->address, &len);
    end_init(&p->client, p->loop);
    end_init(&p->server, p->loop);
}

static void pair_connect(struct pair *p) {
    p->client.sock = sv_connect(p->loop, (struct sockaddr *)&p->address, sizeof(p->address),
                                32 << 10, &events, &p->client);
    cr_assert_not_null(p->client.sock);
    cr_assert_eq(p->client.connected, 0, "never at once");
    while (p->client.connected + p->client.failed == 0)
        sv_loop_run(p->loop, true);
}

static void pair_accept(struct pair *p, SSL *ssl) {
    int fd = accept4(p->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    cr_assert_geq(fd, 0);
    p->server.sock = sv_accepted(p->loop, fd, ssl, &events, &p->server);
    if (ssl == NULL)
        sv_sock_reading(p->server.sock, true);
}

static void pair_begin(struct pair *p) {
    pair_listen(p);
    pair_connect(p);
    cr_assert_eq(p->client.connected, 1);
    pair_accept(p, NULL);
}

static void pair_end(struct pair *p) {
    sv_sock_close(p->client.sock);
    sv_sock_close(p->server.sock);
    sv_loop_free(p->loop);
    close(p->listener);
    free(p->client.got);
    free(p->server.got);
}

static int write_text(struct end *e, const char *text) {
    struct iovec piece = {(void *)(uintptr_t)text, strlen(text)};
    return sv_sock_write(e->sock, &piece, 1, NULL);
}

static void wait_for(struct pair *p, const size_t *n, size_t least) {
    while (*n < least)
        sv_loop_run(p->loop, true);
}

static void wait_flag(struct pair *p, const int *flag) {
    while (*flag == 0)
        sv_loop_run(p->loop, true);
}

Test(net, carries_bytes_both_ways_and_half_closes) {
    struct pair p;
    pair_begin(&p);
    struct iovec pieces[3] = {{"hel", 3}, {"", 0}, {"lo", 2}};
    size_t sent = 0;
    cr_assert_eq(sv_sock_write(p.client.sock, pieces, 3, &sent), 1);
    cr_assert_eq(sent, 5);
    sv_sock_finish(p.client.sock);
    wait_flag(&p, &p.server.ended);
    cr_assert_eq(p.server.n, 5);
    cr_assert_eq(memcmp(p.server.got, "hello", 5), 0);
    cr_assert_eq(p.server.error, 0);
    cr_assert_eq(write_text(&p.server, "still here"), 1);
    wait_for(&p, &p.client.n, 10);
    pair_end(&p);
}

/* What `large_write` sends arrives in order, and `written` comes once, later. */
static void large_write(struct pair *p) {
    char *text = malloc(MANY);
    for (size_t i = 0; i < MANY; i++)
        text[i] = (char)(i * 7 + i / 1000);
    struct iovec pieces[2] = {{text, 100}, {text + 100, MANY - 100}};
    cr_assert_eq(sv_sock_write(p->client.sock, pieces, 2, NULL), 0);
    cr_assert(sv_sock_is_writing(p->client.sock));
    cr_assert_eq(p->client.written, 0);
    wait_for(p, &p->server.n, MANY);
    wait_flag(p, &p->client.written);
    cr_assert_eq(p->client.written, 1);
    cr_assert_not(sv_sock_is_writing(p->client.sock));
    cr_assert_eq(memcmp(p->server.got, text, MANY), 0);
    free(text);
}

Test(net, writes_what_does_not_fit_at_once_later) {
    struct pair p;
    pair_begin(&p);
    large_write(&p);
    pair_end(&p);
}

Test(net, reads_no_more_than_there_is_room_for) {
    struct pair p;
    pair_begin(&p);
    p.server.room = 4;
    cr_assert_eq(write_text(&p.client, "0123456789"), 1);
    for (int i = 0; i < 10; i++)
        sv_loop_run(p.loop, false);
    wait_for(&p, &p.server.n, 4);
    int readable = p.server.readable;
    for (int i = 0; i < 10; i++)
        sv_loop_run(p.loop, false);
    cr_assert_leq(p.server.readable, readable + 1, "a paused socket is silent");
    p.server.room = MANY;
    sv_sock_reading(p.server.sock, true);
    wait_for(&p, &p.server.n, 10);
    cr_assert_eq(memcmp(p.server.got, "0123456789", 10), 0);
    pair_end(&p);
}

Test(net, reports_a_refused_connection) {
    struct pair p;
    pair_listen(&p);
    close(p.listener);
    p.listener = -1;
    p.client.sock = sv_connect(p.loop, (struct sockaddr *)&p.address, sizeof(p.address), 32 << 10,
                               &events, &p.client);
    if (p.client.sock != NULL) /* else the system has refused at once */
        wait_flag(&p, &p.client.failed);
    cr_assert_eq(p.client.connected, 0);
    cr_assert_not(p.client.tls);
    pair_end(&p);
}

Test(net, reports_a_reset_to_reader_and_writer) {
    struct pair p;
    struct linger linger = {1, 0};
    pair_begin(&p);
    setsockopt(sv_sock_fd(p.server.sock), SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
    sv_sock_close(p.server.sock);
    p.server.sock = NULL;
    wait_flag(&p, &p.client.ended);
    cr_assert_eq(p.client.error, ECONNRESET);
    cr_assert_eq(write_text(&p.client, "x"), -1);
    pair_end(&p);
}

Test(net, reads_what_came_before_a_reset) {
    struct pair p;
    struct linger linger = {1, 0};
    pair_begin(&p);
    cr_assert_eq(write_text(&p.server, "abc"), 1);
    setsockopt(sv_sock_fd(p.server.sock), SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
    sv_sock_close(p.server.sock);
    p.server.sock = NULL;
    p.client.room = 3;
    wait_for(&p, &p.client.n, 3);
    p.client.room = MANY;
    wait_flag(&p, &p.client.ended);
    cr_assert_eq(p.client.error, ECONNRESET);
    pair_end(&p);
}

Test(net, closes_within_its_own_callback) {
    struct pair p;
    pair_begin(&p);
    p.server.closes_when_readable = true;
    cr_assert_eq(write_text(&p.client, "x"), 1);
    wait_flag(&p, &p.server.readable);
    wait_flag(&p, &p.client.ended);
    cr_assert_null(p.server.sock);
    pair_end(&p);
}

Test(net, closes_while_it_writes) {
    struct pair p;
    pair_begin(&p);
    p.server.room = 0;
    char *text = calloc(1, MANY);
    struct iovec piece = {text, MANY};
    cr_assert_eq(sv_sock_write(p.client.sock, &piece, 1, NULL), 0);
    sv_loop_run(p.loop, false);
    sv_sock_close(p.client.sock);
    p.client.sock = NULL;
    free(text);
    for (int i = 0; i < 5; i++)
        sv_loop_run(p.loop, false);
    cr_assert_eq(p.client.written, 0);
    pair_end(&p);
}

Test(net, knows_whether_a_peer_is_silent) {
    struct pair p;
    pair_begin(&p);
    sv_sock_reading(p.server.sock, false);
    cr_assert(sv_sock_is_silent(p.server.sock));
    cr_assert_eq(write_text(&p.client, "x"), 1);
    while (sv_sock_is_silent(p.server.sock))
        sv_loop_run(p.loop, false);
    cr_assert_eq(p.server.n, 0);
    pair_end(&p);
}

/* ---- TLS ---- */

static SSL_CTX *server_context(void) {
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = X509_new();
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), 0);
    X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
    X509_set_pubkey(cert, key);
    X509_sign(cert, key, EVP_sha256());
    SSL_CTX_use_certificate(ctx, cert);
    SSL_CTX_use_PrivateKey(ctx, key);
    X509_free(cert);
    EVP_PKEY_free(key);
    return ctx;
}

static SSL_CTX *client_context(bool verify) {
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_verify(ctx, verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
    return ctx;
}

static void tls_begin(struct pair *p, bool verify) {
    SSL_CTX *server = server_context(), *client = client_context(verify);
    SSL *accepting, *connecting;
    pair_listen(p);
    pair_connect(p);
    accepting = SSL_new(server);
    connecting = SSL_new(client);
    SSL_set_accept_state(accepting);
    SSL_set_connect_state(connecting);
    pair_accept(p, accepting);
    p->client.connected = 0;
    sv_sock_encrypt(p->client.sock, connecting);
    SSL_CTX_free(server);
    SSL_CTX_free(client);
}

Test(net, speaks_tls_both_ways) {
    struct pair p;
    tls_begin(&p, false);
    wait_flag(&p, &p.client.connected);
    wait_flag(&p, &p.server.connected);
    cr_assert_eq(write_text(&p.server, "hello"), 1);
    wait_for(&p, &p.client.n, 5);
    large_write(&p);
    sv_sock_close(p.client.sock); /* with close_notify */
    p.client.sock = NULL;
    wait_flag(&p, &p.server.ended);
    cr_assert_eq(p.server.error, 0);
    pair_end(&p);
}

Test(net, pauses_tls_with_bytes_that_the_library_holds) {
    struct pair p;
    tls_begin(&p, false);
    wait_flag(&p, &p.client.connected);
    wait_flag(&p, &p.server.connected);
    p.client.room = 2;
    cr_assert_eq(write_text(&p.server, "0123456789"), 1); /* one record */
    wait_for(&p, &p.client.n, 2);
    sv_sock_reading(p.client.sock, false);
    p.client.room = MANY;
    sv_sock_reading(p.client.sock, true);
    wait_for(&p, &p.client.n, 10);
    pair_end(&p);
}

Test(net, reports_a_certificate_that_is_not_accepted) {
    struct pair p;
    tls_begin(&p, true);
    wait_flag(&p, &p.client.failed);
    cr_assert(p.client.tls);
    cr_assert_not_null(strstr(p.client.why, "self"), "%s", p.client.why);
    sv_sock_close(p.client.sock);
    p.client.sock = NULL;
    wait_flag(&p, &p.server.failed);
    cr_assert(p.server.tls);
    pair_end(&p);
}

Test(net, takes_an_end_without_goodbye_for_a_reset) {
    struct pair p;
    tls_begin(&p, false);
    wait_flag(&p, &p.client.connected);
    wait_flag(&p, &p.server.connected);
    shutdown(sv_sock_fd(p.client.sock), SHUT_RDWR);
    wait_flag(&p, &p.server.ended);
    cr_assert_eq(p.server.error, ECONNRESET);
    pair_end(&p);
}

/* ---- messages, foreign descriptors, names ---- */

struct note {
    sv_message message;
    int *run;
    int order;
};

static void on_note(sv_message *message) {
    struct note *note = (struct note *)message;
    cr_assert_eq((*note->run)++, note->order);
}

struct sender {
    sv_loop *loop;
    struct note notes[3];
};

static void *send_notes(void *arg) {
    struct sender *s = arg;
    for (int i = 0; i < 3; i++)
        sv_loop_post(s->loop, &s->notes[i].message);
    return NULL;
}

Test(net, takes_messages_from_other_threads_in_order) {
    int run = 0;
    struct sender s = {.loop = sv_loop_new()};
    pthread_t thread;
    for (int i = 0; i < 3; i++)
        s.notes[i] = (struct note){{NULL, on_note}, &run, i};
    cr_assert_eq(pthread_create(&thread, NULL, send_notes, &s), 0);
    while (run < 3)
        sv_loop_run(s.loop, true);
    pthread_join(thread, NULL);
    sv_loop_post(s.loop, NULL);
    sv_loop_run(s.loop, true); /* only woken */
    sv_loop_free(s.loop);
}

struct seen {
    sv_watch *watch;
    unsigned ready;
    int times;
};

static void on_ready(void *ctx, unsigned ready) {
    struct seen *seen = ctx;
    seen->ready |= ready;
    seen->times++;
    if (ready == SV_READ)
        sv_watch_set(seen->watch, 0);
}

Test(net, watches_descriptors_of_others) {
    sv_loop *loop = sv_loop_new();
    int fds[2];
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    struct seen seen = {0};
    seen.watch = sv_watch_new(loop, fcntl(fds[0], F_DUPFD_CLOEXEC, 3), on_ready, &seen);
    sv_watch_set(seen.watch, SV_WRITE);
    while (seen.times == 0)
        sv_loop_run(loop, true);
    cr_assert_eq(seen.ready, SV_WRITE);
    for (int i = 0; i < 3; i++)
        sv_loop_run(loop, false);
    cr_assert_eq(seen.times, 1, "writable is reported once");
    sv_watch_set(seen.watch, SV_READ);
    cr_assert_eq(write(fds[1], "x", 1), 1);
    while (seen.times == 1)
        sv_loop_run(loop, true);
    cr_assert_eq(seen.ready, SV_READ | SV_WRITE);
    sv_watch_close(seen.watch);
    cr_assert_eq(write(fds[0], "y", 1), 1, "the original is still open");
    close(fds[0]);
    close(fds[1]);
    sv_loop_free(loop);
}

static void on_looked_up(void *ctx, const struct addrinfo *list, const char *why) {
    int *state = ctx;
    *state = list != NULL ? 1 : why != NULL ? -1 : 0;
}

Test(net, looks_names_up_on_another_thread) {
    sv_loop *loop = sv_loop_new();
    int found = 0, missing = 0, cancelled = 0;
    /* Not "localhost", which a bare root without /etc/hosts does not know. */
    cr_assert_not_null(sv_lookup_start(loop, "127.0.0.1", "80", on_looked_up, &found));
    cr_assert_not_null(sv_lookup_start(loop, "a name with blanks", "80", on_looked_up, &missing));
    sv_lookup *lookup = sv_lookup_start(loop, "localhost", "80", on_looked_up, &cancelled);
    sv_lookup_cancel(lookup);
    while (found == 0 || missing == 0)
        sv_loop_run(loop, true);
    cr_assert_eq(found, 1);
    cr_assert_eq(missing, -1);
    cr_assert_eq(cancelled, 0);
    usleep(1000);
    sv_loop_run(loop, false);
    sv_loop_free(loop);
}

/* ---- timers ---- */

static int fired;
static sv_timer *last_fired;

static void on_timer(sv_timer *timer) {
    fired++;
    last_fired = timer;
}

Test(net, calls_timers_in_the_order_of_their_times) {
    sv_loop *loop = sv_loop_new();
    sv_timer timers[3] = {{0}};
    uint64_t now = sv_timers_now();
    sv_timer_set(sv_loop_timers(loop), &timers[0], now + 20, on_timer);
    sv_timer_set(sv_loop_timers(loop), &timers[1], now + 5, on_timer);
    sv_timer_set(sv_loop_timers(loop), &timers[2], now + 10, on_timer);
    sv_timer_unset(sv_loop_timers(loop), &timers[2]);
    while (fired < 1)
        sv_loop_run(loop, true);
    cr_assert_eq(last_fired, &timers[1]);
    cr_assert_geq(sv_timers_now(), now + 5);
    while (fired < 2)
        sv_loop_run(loop, true);
    cr_assert_eq(last_fired, &timers[0]);
    sv_timer_set(sv_loop_timers(loop), &timers[0], 0, on_timer);
    while (fired < 3)
        sv_loop_run(loop, true);
    sv_loop_free(loop);
}

struct task {
    sv_task super;
    sv_loop *loop;
    struct task *sets, *unsets; /* NULL: none */
    int runs;
};

static void run_task(sv_task *super) {
    struct task *task = (struct task *)super;
    task->runs++;
    if (task->sets != NULL)
        sv_task_set(task->loop, &task->sets->super, run_task);
    if (task->unsets != NULL)
        sv_task_unset(&task->unsets->super);
}

Test(net, runs_tasks_once_and_before_it_waits) {
    sv_loop *loop = sv_loop_new();
    struct task later = {.loop = loop}, gone = {.loop = loop};
    struct task first = {.loop = loop, .sets = &later, .unsets = &gone};
    sv_task_set(loop, &gone.super, run_task);
    sv_task_set(loop, &first.super, run_task);
    sv_task_set(loop, &first.super, run_task);
    sv_loop_run(loop, true); /* returns, although no event comes */
    cr_assert_eq(first.runs, 1);
    cr_assert_eq(gone.runs, 0, "a task may unset another one");
    cr_assert_eq(later.runs, 1, "a task may set another one");
    sv_loop_free(loop);
}
