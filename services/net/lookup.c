/* Names looked up by the system's resolver, which blocks: on a thread for each. */
#include "net.h"

#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct sv_lookup {
    sv_message message;
    pthread_mutex_t mutex; /* of loop */
    sv_loop *loop;         /* NULL once it is cancelled */
    sv_lookup_fn done;
    void *ctx;
    struct addrinfo *list;
    int error;
    char *port;
    char host[];
};

static void lookup_free(sv_lookup *lookup) {
    if (lookup->list != NULL)
        freeaddrinfo(lookup->list);
    pthread_mutex_destroy(&lookup->mutex);
    free(lookup);
}

static void on_looked_up(sv_message *message) {
    sv_lookup *lookup = (sv_lookup *)message;
    pthread_mutex_lock(&lookup->mutex);
    bool wanted = lookup->loop != NULL;
    pthread_mutex_unlock(&lookup->mutex);
    if (wanted)
        lookup->done(lookup->ctx, lookup->error == 0 ? lookup->list : NULL,
                     lookup->error == 0 ? NULL : gai_strerror(lookup->error));
    lookup_free(lookup);
}

static void *lookup_thread(void *arg) {
    sv_lookup *lookup = arg;
    const struct addrinfo hints = {.ai_family = AF_UNSPEC,
                                   .ai_socktype = SOCK_STREAM,
                                   .ai_protocol = IPPROTO_TCP,
                                   .ai_flags = AI_ADDRCONFIG | AI_NUMERICSERV};
    pthread_setname_np(pthread_self(), "lookup");
    lookup->error = getaddrinfo(lookup->host, lookup->port, &hints, &lookup->list);
    if (lookup->error != 0)
        lookup->list = NULL;
    pthread_mutex_lock(&lookup->mutex);
    bool cancelled = lookup->loop == NULL;
    if (!cancelled)
        sv_loop_post(lookup->loop, &lookup->message);
    pthread_mutex_unlock(&lookup->mutex);
    if (cancelled)
        lookup_free(lookup);
    return NULL;
}

sv_lookup *sv_lookup_start(sv_loop *loop, const char *host, const char *port, sv_lookup_fn done,
                           void *ctx) {
    size_t host_size = strlen(host) + 1, port_size = strlen(port) + 1;
    sv_lookup *lookup = malloc(sizeof(*lookup) + host_size + port_size);
    pthread_t thread;
    if (lookup == NULL)
        return NULL;
    *lookup = (sv_lookup){.message.run = on_looked_up, .loop = loop, .done = done, .ctx = ctx};
    pthread_mutex_init(&lookup->mutex, NULL);
    memcpy(lookup->host, host, host_size);
    lookup->port = memcpy(lookup->host + host_size, port, port_size);
    if (pthread_create(&thread, NULL, lookup_thread, lookup) != 0) {
        lookup_free(lookup);
        return NULL;
    }
    pthread_detach(thread);
    return lookup;
}

void sv_lookup_cancel(sv_lookup *lookup) {
    pthread_mutex_lock(&lookup->mutex);
    lookup->loop = NULL;
    pthread_mutex_unlock(&lookup->mutex);
}
