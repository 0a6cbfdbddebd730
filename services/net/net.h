/*
 * The event loop and its sockets, without a word about the library underneath: libh2o's evloop or
 * libuv, chosen when the build is configured (HR_NET_BACKEND).
 *
 *     sv_loop *loop = sv_loop_new();                 // on the thread that runs it
 *     sv_sock *sock = sv_connect(loop, address, len, &events, me);
 *     while (!done)
 *         sv_loop_run(loop, true);
 *
 * All of it belongs to the loop's thread, but for sv_loop_post. Callbacks are called from within
 * sv_loop_run only. A socket may be closed within any callback, also its own.
 *
 * Both backends only report that a descriptor is ready. Reading, writing and TLS are done here, so
 * that no more is read than the caller has room for, and both backends behave alike. The process
 * must ignore SIGPIPE.
 */
#ifndef SV_NET_H
#define SV_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

#include <openssl/ssl.h>

#include "timers.h"

typedef struct sv_loop sv_loop;

/* ---- the loop ---------------------------------------------------------------------------- */

/* NULL if the system has no more descriptors or memory. */
sv_loop *sv_loop_new(void);
/* All sockets and watches must have been closed. Messages that were not run are dropped. */
void sv_loop_free(sv_loop *loop);
/* One turn: waits for events if `wait` is true and nothing is ready, and calls what they concern.
 */
void sv_loop_run(sv_loop *loop, bool wait);
/* Timers for all users of the loop. */
sv_timers *sv_loop_timers(sv_loop *loop);

/* A message from any thread: embed it. Its memory is the sender's until `run` is called on the
 * loop's thread. */
typedef struct sv_message sv_message;
struct sv_message {
    sv_message *next;
    void (*run)(sv_message *message);
};
/* Any thread, before sv_loop_free. Wakes the loop; NULL only wakes it. */
void sv_loop_post(sv_loop *loop, sv_message *message);

/* Work for the end of the turn: embed it, and zero it first. */
typedef struct sv_task sv_task;
struct sv_task {
    sv_task *next, **link; /* link NULL: not set */
    void (*run)(sv_task *task);
};
/* Calls `run` once, after the events of this turn. Setting a task that is set changes nothing. One
 * that is set between two turns, or by another task, runs before the loop waits. */
void sv_task_set(sv_loop *loop, sv_task *task, void (*run)(sv_task *task));
void sv_task_unset(sv_task *task);

/* ---- descriptors of others --------------------------------------------------------------- */

typedef struct sv_watch sv_watch;
enum { SV_READ = 1, SV_WRITE = 2 };
typedef void (*sv_watch_fn)(void *ctx, unsigned ready);

/* Watches a descriptor, which becomes the watch's: give it a duplicate of one that another library
 * closes. No event is asked for yet. NULL if memory is short; then the descriptor is closed. */
sv_watch *sv_watch_new(sv_loop *loop, int fd, sv_watch_fn on_ready, void *ctx);
/* What to wait for. SV_READ is reported for as long as it holds, SV_WRITE once, and must then be
 * asked for again. Errors are reported as whatever was asked for: a read or write finds them. */
void sv_watch_set(sv_watch *watch, unsigned events);
/* Closes the descriptor too. */
void sv_watch_close(sv_watch *watch);

/* ---- sockets ----------------------------------------------------------------------------- */

typedef struct sv_sock sv_sock;

/* Any may be NULL where it cannot come. */
typedef struct sv_sock_events {
    /* The connection, and TLS where it is spoken, are established. */
    void (*connected)(void *ctx);
    /* They are not; `why` is a sentence fragment, valid during the call. `tls`: the TCP connection
     * was, the handshake failed. Close the socket. */
    void (*failed)(void *ctx, bool tls, const char *why);
    /* There is something to read, perhaps the end. */
    void (*readable)(void *ctx);
    /* A write that did not complete at once has; false: the connection is broken. */
    void (*written)(void *ctx, bool ok);
} sv_sock_events;

/* An accepted descriptor, non-blocking. `ssl` (owned by the socket from now on) is in accept state;
 * NULL: no TLS. With TLS connected or failed comes, without it the socket is ready. NULL if memory
 * is short; then both are closed. */
sv_sock *sv_accepted(sv_loop *loop, int fd, SSL *ssl, const sv_sock_events *events, void *ctx);
/* Connects. connected or failed comes later, never at once. `buffer`: bytes of the kernel's buffers
 * each way, which it doubles. NULL: errno says why. */
sv_sock *sv_connect(sv_loop *loop, const struct sockaddr *address, socklen_t len, int buffer,
                    const sv_sock_events *events, void *ctx);
/* Speaks TLS from here on; to be called in `connected`, which then comes again. `ssl` (owned by the
 * socket) is in connect state. */
void sv_sock_encrypt(sv_sock *sock, SSL *ssl);

/* Whether `readable` is called. Off at first. */
void sv_sock_reading(sv_sock *sock, bool on);
/* As read(2): the number of bytes, 0 at the end, -1 with errno; EAGAIN: later. With TLS, an end
 * without close_notify is ECONNRESET: what came may be cut short. */
ssize_t sv_sock_read(sv_sock *sock, char *buf, size_t size);
/* True if nothing has come that was not read: neither bytes nor the end. */
bool sv_sock_is_silent(sv_sock *sock);

/* Writes n <= SV_MAX_PIECES pieces: 1 if all is written, -1 if the connection is broken, 0 if
 * `written` follows; until then the bytes must stay, and nothing else may be written. *sent (NULL
 * allowed) is how many bytes went at once. */
#define SV_MAX_PIECES 8
int sv_sock_write(sv_sock *sock, const struct iovec *pieces, size_t n, size_t *sent);
bool sv_sock_is_writing(const sv_sock *sock);
/* Half-close: the peer learns that nothing more comes. With TLS, close_notify. */
void sv_sock_finish(sv_sock *sock);
void sv_sock_close(sv_sock *sock);
/* For getsockopt, shutdown and the like. */
int sv_sock_fd(const sv_sock *sock);
SSL *sv_sock_ssl(const sv_sock *sock); /* NULL: no TLS */

/* ---- names ------------------------------------------------------------------------------- */

typedef struct sv_lookup sv_lookup;
struct addrinfo;
/* `list` is valid during the call; NULL: `why` is a sentence fragment. */
typedef void (*sv_lookup_fn)(void *ctx, const struct addrinfo *list, const char *why);

/* Looks a name up on a thread of its own, with the system's resolver. NULL if there is no thread or
 * memory for it. */
sv_lookup *sv_lookup_start(sv_loop *loop, const char *host, const char *port, sv_lookup_fn done,
                           void *ctx);
/* Before `done` was called: it will not be. */
void sv_lookup_cancel(sv_lookup *lookup);

#endif
