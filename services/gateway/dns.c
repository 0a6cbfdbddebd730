/* Resolves the host names of endpoints on a dedicated thread with c-ares. */
#include "dns.h"

#include <ares.h>
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "log.h"
#include "timers.h"

#define TIMEOUT_MS 1000 /* of one try; c-ares takes longer for later ones */
#define TRIES 3
#define MAX_REFRESH_MS 60000
#define MIN_REFRESH_MS 1000
#define UNKNOWN_TTL_MS 5000 /* of what has none: a missing name, a line of /etc/hosts */
#define MAX_BACK_OFF_MS 30000
#define MAX_IN_FLIGHT 64

typedef struct address {
    char text[INET6_ADDRSTRLEN];
} address;

typedef struct entry {
    struct entry *next;
    gw_dns *dns;
    char *name;
    address *addresses;
    size_t n;
    uint64_t round;
    int in_flight, answered, forgotten;
    int family;              /* asked for: the dns thread's */
    int unknown_at_question; /* it was asked for before its first answer came */
    uint64_t next_at, succeeded_at;
    unsigned failures; /* since the last success */
    const char *error; /* of the last look-up; NULL: none */
} entry;

/* One c-ares channel and the sockets that it watches. */
typedef struct dns_channel {
    ares_channel ares;
    struct pollfd sockets[ARES_GETSOCK_MAXNUM];
    size_t n;
} dns_channel;

struct gw_dns {
    pthread_mutex_t mutex; /* of the entries and what follows them */
    pthread_cond_t answered;
    entry *entries;
    size_t n_in_flight;
    uint64_t round;
    int stop;
    pthread_t thread;
    int wake_fd, change_fd;
    /* A name with a dot is taken as it stands; only bare ones go through the search list, which in
     * a cluster's pods would cost several questions for each. */
    dns_channel whole, bare;
    gw_dns_stats stats;
    uint64_t jitter, seed;
    hr_str *lent; /* to the caller of gw_dns_resolve */
    address *lent_addresses;
    size_t lent_capacity;
};

static void poke(int fd) {
    uint64_t one = 1;
    if (write(fd, &one, sizeof(one)) < 0 && errno != EAGAIN)
        sv_log(SV_LOG_ERROR, "cannot wake a thread: %s", strerror(errno));
}

static void entry_free(entry *e) {
    free(e->name);
    free(e->addresses);
    free(e);
}

/* ---- answers ---- */

/* Up to a fifth sooner, so that gateways that were started together do not ask together. */
static uint64_t jittered(gw_dns *dns, uint64_t ms) {
    dns->jitter = dns->jitter * 6364136223846793005u + 1442695040888963407u;
    return ms - (dns->jitter >> 33) % (ms / 5 + 1);
}

/* FNV-1a, begun with a number of this process. */
static uint64_t rank(const address *a, uint64_t seed) {
    uint64_t hash = seed ^ 0xcbf29ce484222325u;
    for (const char *p = a->text; *p != '\0'; p++)
        hash = (hash ^ (unsigned char)*p) * 0x100000001b3u;
    return hash ^ hash >> 32;
}

/* Servers turn the order round with every answer, which must not count as a change; and yet the
 * first must not be the same in every gateway, since it is the only one that DNS_ROUND_ROBIN takes.
 */
static int compare_addresses(const void *a, const void *b, void *seed) {
    uint64_t x = rank(a, *(const uint64_t *)seed), y = rank(b, *(const uint64_t *)seed);
    return x != y ? (x > y) - (x < y)
                  : strcmp(((const address *)a)->text, ((const address *)b)->text);
}

/* NULL: no memory. */
static address *addresses_of(const gw_dns *dns, const struct ares_addrinfo *info, size_t *n,
                             uint64_t *ttl_ms) {
    int ttl = -1;
    size_t count = 0;
    for (const struct ares_addrinfo_node *node = info->nodes; node != NULL; node = node->ai_next)
        count++;
    address *out = calloc(count + 1, sizeof(*out));
    *n = 0;
    for (const struct ares_addrinfo_node *node = info->nodes; out != NULL && node != NULL;
         node = node->ai_next) {
        int v4 = node->ai_family == AF_INET;
        const void *raw = v4 ? (const void *)&((struct sockaddr_in *)node->ai_addr)->sin_addr
                             : (const void *)&((struct sockaddr_in6 *)node->ai_addr)->sin6_addr;
        inet_ntop(node->ai_family, raw, out[(*n)++].text, sizeof(out->text));
        if (ttl < 0 || node->ai_ttl < ttl)
            ttl = node->ai_ttl;
    }
    if (out == NULL)
        return NULL;
    qsort_r(out, *n, sizeof(*out), compare_addresses, (void *)&dns->seed);
    size_t kept = 0;
    for (size_t i = 0; i < *n; i++)
        if (i == 0 || strcmp(out[i].text, out[kept - 1].text) != 0)
            out[kept++] = out[i];
    *n = kept;
    *ttl_ms = ttl <= 0 ? UNKNOWN_TTL_MS : (uint64_t)ttl * 1000;
    return out;
}

static int same(const entry *e, const address *addresses, size_t n) {
    if (e->n != n)
        return 0;
    for (size_t i = 0; i < n; i++)
        if (strcmp(e->addresses[i].text, addresses[i].text) != 0)
            return 0;
    return 1;
}

/* Takes the addresses. */
static void succeeded(entry *e, address *addresses, size_t n, uint64_t ttl_ms, uint64_t now) {
    gw_dns *dns = e->dns;
    int changed = !e->answered || !same(e, addresses, n);
    ttl_ms = ttl_ms < MIN_REFRESH_MS   ? MIN_REFRESH_MS
             : ttl_ms > MAX_REFRESH_MS ? MAX_REFRESH_MS
                                       : ttl_ms;
    free(e->addresses);
    e->addresses = addresses;
    e->n = n;
    e->failures = 0;
    e->error = n == 0 ? "the name has no address" : NULL;
    e->succeeded_at = now;
    e->next_at = now + jittered(dns, ttl_ms);
    atomic_fetch_add(n > 0 ? &dns->stats.answered : &dns->stats.empty, 1);
    if (!changed || e->forgotten)
        return;
    atomic_fetch_add(&dns->stats.changes, 1);
    sv_log(n > 0 ? SV_LOG_INFO : SV_LOG_WARN, n > 0 ? "%s has %zu addresses" : "%s has no address",
           e->name, n);
    poke(dns->change_fd);
}

static void failed(entry *e, const char *why, uint64_t now) {
    uint64_t wait = (uint64_t)MIN_REFRESH_MS << (e->failures < 5 ? e->failures : 5);
    atomic_fetch_add(&e->dns->stats.failed, 1);
    if (e->failures++ == 0 && !e->forgotten)
        sv_log(SV_LOG_WARN, "%s cannot be looked up: %s%s", e->name, why,
               e->answered ? "; its last addresses stay in use" : "");
    e->error = why;
    e->next_at = now + jittered(e->dns, wait > MAX_BACK_OFF_MS ? MAX_BACK_OFF_MS : wait);
}

static void on_answer(void *arg, int status, int timeouts, struct ares_addrinfo *info);

/* Queries one address family after the other. In a combined query c-ares reports "no data" if one
 * family gets no answer and the other has no records. That would remove endpoints although no DNS
 * server reported them missing. */
static void ask(entry *e, int family) {
    const struct ares_addrinfo_hints hints = {
        .ai_family = family, .ai_socktype = SOCK_STREAM, .ai_flags = ARES_AI_NOSORT};
    e->family = family;
    ares_getaddrinfo(strchr(e->name, '.') != NULL ? e->dns->whole.ares : e->dns->bare.ares, e->name,
                     NULL, &hints, on_answer, e);
}

static void on_answer(void *arg, int status, int timeouts, struct ares_addrinfo *info) {
    entry *e = arg;
    gw_dns *dns = e->dns;
    if ((status == ARES_ENODATA || status == ARES_ENOTFOUND) && e->family == AF_INET) {
        ask(e, AF_INET6);
        return;
    }
    uint64_t now = sv_timers_now(), ttl_ms = UNKNOWN_TTL_MS;
    address *addresses = NULL;
    size_t n = 0;
    (void)timeouts;
    if (status == ARES_SUCCESS)
        addresses = addresses_of(dns, info, &n, &ttl_ms);
    if (info != NULL)
        ares_freeaddrinfo(info);
    if (status == ARES_SUCCESS && addresses == NULL)
        status = ARES_ENOMEM;
    pthread_mutex_lock(&dns->mutex);
    e->in_flight = 0;
    dns->n_in_flight--;
    if (status == ARES_SUCCESS || status == ARES_ENOTFOUND || status == ARES_ENODATA)
        succeeded(e, addresses, n, ttl_ms, now);
    else if (status != ARES_EDESTRUCTION)
        failed(e, ares_strerror(status), now);
    e->answered = e->answered || status != ARES_EDESTRUCTION;
    pthread_cond_broadcast(&dns->answered);
    if (e->forgotten)
        entry_free(e);
    pthread_mutex_unlock(&dns->mutex);
}

/* ---- the thread ---- */

/* The next one that is due, or NULL; *wait_ms is the time until one is. */
static entry *due(gw_dns *dns, uint64_t now, int *wait_ms) {
    uint64_t soonest = now + MAX_REFRESH_MS;
    entry *found = NULL;
    pthread_mutex_lock(&dns->mutex);
    for (entry *e = dns->entries; found == NULL && e != NULL && dns->n_in_flight < MAX_IN_FLIGHT;
         e = e->next) {
        if (e->in_flight)
            continue;
        if (e->next_at <= now)
            found = e;
        else if (e->next_at < soonest)
            soonest = e->next_at;
    }
    if (found != NULL) {
        found->in_flight = 1;
        dns->n_in_flight++;
    }
    pthread_mutex_unlock(&dns->mutex);
    *wait_ms = (int)(soonest - now);
    return found;
}

/* c-ares reports which events it expects of a socket; none: the socket is closed. */
static void on_socket(void *arg, ares_socket_t fd, int readable, int writable) {
    dns_channel *c = arg;
    short events = (short)((readable ? POLLIN : 0) | (writable ? POLLOUT : 0));
    size_t i = 0;
    while (i < c->n && c->sockets[i].fd != fd)
        i++;
    if (events == 0 && i < c->n)
        c->sockets[i] = c->sockets[--c->n];
    if (events == 0 || i == ARES_GETSOCK_MAXNUM)
        return;
    c->sockets[i] = (struct pollfd){.fd = fd, .events = events};
    if (i == c->n)
        c->n++;
}

/* A copy, since answers change what a channel watches. */
static size_t add_sockets(const dns_channel *c, struct pollfd *out) {
    memcpy(out, c->sockets, c->n * sizeof(*out));
    return c->n;
}

static void process(ares_channel channel, const struct pollfd *fds, size_t n) {
    for (size_t i = 0; i < n; i++)
        if (fds[i].revents != 0)
            ares_process_fd(channel, (fds[i].revents & ~POLLOUT) != 0 ? fds[i].fd : ARES_SOCKET_BAD,
                            (fds[i].revents & POLLOUT) != 0 ? fds[i].fd : ARES_SOCKET_BAD);
    ares_process_fd(channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD); /* what has timed out */
}

static int sooner(ares_channel channel, int wait_ms) {
    struct timeval limit = {wait_ms / 1000, wait_ms % 1000 * 1000}, left;
    const struct timeval *t = ares_timeout(channel, &limit, &left);
    int ms = (int)(t->tv_sec * 1000 + (t->tv_usec + 999) / 1000);
    return ms < wait_ms ? ms : wait_ms;
}

static int stopped(gw_dns *dns) {
    pthread_mutex_lock(&dns->mutex);
    int stop = dns->stop;
    pthread_mutex_unlock(&dns->mutex);
    return stop;
}

static void *dns_run(void *arg) {
    gw_dns *dns = arg;
    pthread_setname_np(pthread_self(), "dns");
    while (!stopped(dns)) {
        struct pollfd fds[1 + 2 * ARES_GETSOCK_MAXNUM] = {{.fd = dns->wake_fd, .events = POLLIN}};
        int wait_ms;
        for (entry *e; (e = due(dns, sv_timers_now(), &wait_ms)) != NULL;)
            ask(e, AF_INET);
        size_t whole = add_sockets(&dns->whole, fds + 1),
               bare = add_sockets(&dns->bare, fds + 1 + whole);
        wait_ms = sooner(dns->bare.ares, sooner(dns->whole.ares, wait_ms));
        uint64_t woken;
        if (poll(fds, 1 + whole + bare, wait_ms) > 0 && fds[0].revents != 0 &&
            read(dns->wake_fd, &woken, sizeof(woken)) < 0 && errno != EAGAIN)
            break;
        process(dns->whole.ares, fds + 1, whole);
        process(dns->bare.ares, fds + 1 + whole, bare);
    }
    return NULL;
}

/* ---- its life ---- */

static int open_channel(dns_channel *out, const char *servers, int flags) {
    struct ares_options options = {.timeout = TIMEOUT_MS,
                                   .tries = TRIES,
                                   .flags = flags,
                                   .sock_state_cb = on_socket,
                                   .sock_state_cb_data = out};
    int error = ares_init_options(&out->ares, &options,
                                  ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_FLAGS |
                                      ARES_OPT_SOCK_STATE_CB);
    if (error == ARES_SUCCESS && servers != NULL)
        error = ares_set_servers_ports_csv(out->ares, servers);
    return error;
}

/* Without the signals that others wait for. */
static int dns_start_thread(gw_dns *dns) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&dns->thread, NULL, dns_run, dns);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error;
}

static void dispose(gw_dns *dns) {
    /* Answers everything that is under way with ARES_EDESTRUCTION. */
    if (dns->whole.ares != NULL)
        ares_destroy(dns->whole.ares);
    if (dns->bare.ares != NULL)
        ares_destroy(dns->bare.ares);
    for (entry *e; (e = dns->entries) != NULL;) {
        dns->entries = e->next;
        entry_free(e);
    }
    if (dns->wake_fd >= 0)
        close(dns->wake_fd);
    if (dns->change_fd >= 0)
        close(dns->change_fd);
    pthread_cond_destroy(&dns->answered);
    pthread_mutex_destroy(&dns->mutex);
    free(dns->lent);
    free(dns->lent_addresses);
    free(dns);
}

gw_dns *gw_dns_new(const char *servers, char *why, size_t why_size) {
    gw_dns *dns = calloc(1, sizeof(*dns));
    if (dns == NULL) {
        snprintf(why, why_size, "out of memory");
        return NULL;
    }
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&dns->mutex, NULL);
    pthread_cond_init(&dns->answered, &monotonic);
    pthread_condattr_destroy(&monotonic);
    dns->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    dns->change_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    dns->jitter = dns->seed = sv_timers_now() ^ (uint64_t)getpid() << 32;
    int error = ares_library_init(ARES_LIB_INIT_ALL);
    if (error == ARES_SUCCESS)
        error = open_channel(&dns->whole, servers, ARES_FLAG_NOSEARCH);
    if (error == ARES_SUCCESS)
        error = open_channel(&dns->bare, servers, 0);
    if (error != ARES_SUCCESS || dns->wake_fd < 0 || dns->change_fd < 0) {
        snprintf(why, why_size, "%s",
                 error != ARES_SUCCESS ? ares_strerror(error) : strerror(errno));
        dispose(dns);
        return NULL;
    }
    if ((error = dns_start_thread(dns)) != 0) {
        snprintf(why, why_size, "%s", strerror(error));
        dispose(dns);
        return NULL;
    }
    return dns;
}

void gw_dns_free(gw_dns *dns) {
    if (dns == NULL)
        return;
    pthread_mutex_lock(&dns->mutex);
    dns->stop = 1;
    pthread_mutex_unlock(&dns->mutex);
    poke(dns->wake_fd);
    pthread_join(dns->thread, NULL);
    dispose(dns);
}

/* ---- questions ---- */

void gw_dns_begin(gw_dns *dns) {
    pthread_mutex_lock(&dns->mutex);
    dns->round++;
    pthread_mutex_unlock(&dns->mutex);
}

static entry *dns_find(gw_dns *dns, hr_str name) {
    for (entry *e = dns->entries; e != NULL; e = e->next)
        if (strlen(e->name) == name.len && memcmp(e->name, name.p, name.len) == 0)
            return e;
    entry *e = calloc(1, sizeof(*e));
    if (e == NULL || (e->name = strndup(name.p, name.len)) == NULL) {
        free(e);
        return NULL;
    }
    e->dns = dns;
    e->next = dns->entries;
    dns->entries = e;
    poke(dns->wake_fd);
    return e;
}

static int make_room(gw_dns *dns, size_t n) {
    if (n <= dns->lent_capacity)
        return 1;
    hr_str *lent = realloc(dns->lent, n * sizeof(*lent));
    if (lent != NULL)
        dns->lent = lent;
    address *addresses = lent == NULL ? NULL : realloc(dns->lent_addresses, n * sizeof(*addresses));
    if (addresses == NULL)
        return 0;
    dns->lent_addresses = addresses;
    dns->lent_capacity = n;
    return 1;
}

void gw_dns_resolve(void *ctx, hr_str name, const hr_str **out, size_t *n) {
    gw_dns *dns = ctx;
    *n = 0;
    pthread_mutex_lock(&dns->mutex);
    entry *e = dns_find(dns, name);
    if (e != NULL) {
        /* Once unknown, for the whole round: views that asked earlier lack what has come since. */
        e->unknown_at_question = !e->answered || (e->round == dns->round && e->unknown_at_question);
        e->round = dns->round;
    }
    if (e != NULL && make_room(dns, e->n)) {
        for (size_t i = 0; i < e->n; i++) {
            dns->lent_addresses[i] = e->addresses[i];
            dns->lent[i] = hr_str_from(dns->lent_addresses[i].text);
        }
        *n = e->n;
        *out = dns->lent;
    }
    pthread_mutex_unlock(&dns->mutex);
}

void gw_dns_keep(gw_dns *dns) {
    pthread_mutex_lock(&dns->mutex);
    for (entry **link = &dns->entries, *e; (e = *link) != NULL;) {
        if (e->round == dns->round) {
            link = &e->next;
            continue;
        }
        *link = e->next;
        e->forgotten = 1;
        if (!e->in_flight)
            entry_free(e);
    }
    pthread_mutex_unlock(&dns->mutex);
}

static int waits(const gw_dns *dns) {
    for (const entry *e = dns->entries; e != NULL; e = e->next)
        if (e->round == dns->round && !e->answered)
            return 1;
    return 0;
}

int gw_dns_wait(gw_dns *dns, uint64_t ms) {
    struct timespec until;
    int unknown = 0;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)(ms / 1000);
    pthread_mutex_lock(&dns->mutex);
    while (waits(dns) && pthread_cond_timedwait(&dns->answered, &dns->mutex, &until) == 0)
        continue;
    for (entry *e = dns->entries; e != NULL; e = e->next)
        unknown |= e->round == dns->round && e->unknown_at_question;
    pthread_mutex_unlock(&dns->mutex);
    return unknown;
}

int gw_dns_change_fd(const gw_dns *dns) {
    return dns->change_fd;
}

void gw_dns_take_change(gw_dns *dns) {
    uint64_t count;
    while (read(dns->change_fd, &count, sizeof(count)) > 0)
        continue;
}

const gw_dns_stats *gw_dns_stats_of(const gw_dns *dns) {
    return &dns->stats;
}

void gw_dns_write(gw_dns *dns, sv_text *json) {
    uint64_t now = sv_timers_now();
    sv_text_str(json, "[");
    pthread_mutex_lock(&dns->mutex);
    for (entry *e = dns->entries; e != NULL; e = e->next) {
        sv_text_str(json, e == dns->entries ? "{\"name\":" : ",{\"name\":");
        sv_json_string(json, e->name, strlen(e->name));
        sv_text_str(json, ",\"addresses\":[");
        for (size_t i = 0; i < e->n; i++) {
            sv_text_str(json, i > 0 ? "," : "");
            sv_json_string(json, e->addresses[i].text, strlen(e->addresses[i].text));
        }
        sv_text_str(json, "]");
        sv_json_name(json, "seconds_since_answer");
        if (e->succeeded_at == 0)
            sv_text_str(json, "null");
        else
            sv_text_printf(json, "%.3f", (double)(now - e->succeeded_at) / 1e3);
        sv_json_member_int(json, "failures", e->failures);
        sv_json_member_str(json, "error", e->error);
        sv_text_str(json, "}");
    }
    pthread_mutex_unlock(&dns->mutex);
    sv_text_str(json, "]");
}
