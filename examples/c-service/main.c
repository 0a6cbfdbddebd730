/* An HTTP service with three models in one process. Istio's rules choose the model of each request.
 * libmicrohttpd handles HTTP; rules.c loads and reloads the rules. */
#include "rules.h"

#include <arpa/inet.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_HEADERS = 100 };

/* ---- the models ---- */

typedef struct model {
    const char *subset; // in the DestinationRule
    const char *answer;
} model;

static const model models[] = {
    {"general", "{\"model\": \"general\"}\n"},
    {"medical", "{\"model\": \"medical\"}\n"},
    {"candidate", "{\"model\": \"candidate\"}\n"},
};

static const model *find_model(hr_str subset) {
    for (size_t i = 0; i < sizeof(models) / sizeof(models[0]); i++)
        if (strlen(models[i].subset) == subset.len &&
            memcmp(models[i].subset, subset.p, subset.len) == 0)
            return &models[i];
    return NULL;
}

/* ---- the service ---- */

typedef struct service {
    rules *rules;
    hr_scratch *scratch; // of the one thread that serves requests
    unsigned short seed[3];
} service;

typedef struct header_list {
    hr_pair v[MAX_HEADERS];
    size_t n;
    int full; // the request has more of them
} header_list;

static enum MHD_Result collect_header(void *ctx, enum MHD_ValueKind kind, const char *name,
                                      const char *value) {
    header_list *list = ctx;
    (void)kind;
    if (list->n == MAX_HEADERS) {
        list->full = 1;
        return MHD_NO;
    }
    list->v[list->n++] = (hr_pair){hr_str_from(name), hr_trim_blanks(hr_str_from(value))};
    return MHD_YES;
}

static enum MHD_Result answer(struct MHD_Connection *connection, unsigned status, hr_str body,
                              const char *type) {
    struct MHD_Response *response =
        MHD_create_response_from_buffer(body.len, (void *)body.p, MHD_RESPMEM_MUST_COPY);
    if (response == NULL)
        return MHD_NO;
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    enum MHD_Result sent = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return sent;
}

static enum MHD_Result answer_text(struct MHD_Connection *connection, unsigned status,
                                   const char *text) {
    return answer(connection, status, hr_str_from(text), "text/plain");
}

static enum MHD_Result act(struct MHD_Connection *connection, const hr_decision *d) {
    if (d->action == HR_ACTION_DIRECT_RESPONSE)
        return answer(connection, (unsigned)d->direct_response_status, d->direct_response_body,
                      "text/plain");
    if (d->action != HR_ACTION_ROUTE)
        return answer_text(connection, MHD_HTTP_NOT_FOUND, "no rule matches\n");
    const model *m = find_model(d->destination_subset);
    if (m == NULL)
        return answer_text(connection, MHD_HTTP_SERVICE_UNAVAILABLE,
                           "the rules name a model that this service does not have\n");
    return answer(connection, MHD_HTTP_OK, hr_str_from(m->answer), "application/json");
}

static enum MHD_Result route(service *s, struct MHD_Connection *connection, const char *method,
                             const char *target) {
    header_list headers = {.n = 0};
    MHD_get_connection_values(connection, MHD_HEADER_KIND, collect_header, &headers);
    if (headers.full) // a rule could ask for one that is missing here
        return answer_text(connection, MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE,
                           "too many headers\n");
    hr_request request = HR_REQUEST_INIT;
    request.method = hr_str_from(method);
    request.authority = HR_STR("models"); // whatever address the client used
    request.path = hr_str_from(target);
    request.headers = headers.v;
    request.n_headers = headers.n;
    request.draws.weight = erand48(s->seed);

    hr_decision decision = HR_DECISION_INIT;
    hr_view *view = rules_current(s->rules);
    int error = hr_route(&decision, view, &request, s->scratch);
    enum MHD_Result sent;
    if (error == HR_EREQUEST)
        sent = answer(connection, MHD_HTTP_BAD_REQUEST, hr_scratch_error(s->scratch), "text/plain");
    else if (error != HR_OK)
        sent = answer_text(connection, MHD_HTTP_INTERNAL_SERVER_ERROR, hr_strerror(error));
    else
        sent = act(connection, &decision);
    hr_view_unref(view); // the decision points into it until here
    return sent;
}

/* What is kept between the calls of handle() for one request. */
typedef struct exchange {
    char *target; // as it was sent; libmicrohttpd decodes the one that it passes to handle()
    int begun;
} exchange;

static void *begin_exchange(void *ctx, const char *target, struct MHD_Connection *connection) {
    (void)ctx, (void)connection;
    exchange *e = calloc(1, sizeof(*e));
    if (e != NULL)
        e->target = strdup(target);
    return e;
}

static void end_exchange(void *ctx, struct MHD_Connection *connection, void **kept,
                         enum MHD_RequestTerminationCode why) {
    (void)ctx, (void)connection, (void)why;
    exchange *e = *kept;
    if (e != NULL)
        free(e->target);
    free(e);
}

static enum MHD_Result handle(void *ctx, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version, const char *body,
                              size_t *body_size, void **kept) {
    (void)url, (void)version, (void)body;
    exchange *e = *kept;
    if (e == NULL || e->target == NULL)
        return MHD_NO; // out of memory
    if (!e->begun || *body_size != 0) {
        e->begun = 1;
        *body_size = 0; // these models do not read the body
        return MHD_YES;
    }
    return route(ctx, connection, method, e->target);
}

/* ---- the program ---- */

static int serve(service *s, uint16_t port, const sigset_t *signals) {
    struct sockaddr_in loopback = {.sin_family = AF_INET, .sin_port = htons(port)};
    loopback.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    struct MHD_Daemon *daemon =
        MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD, port, NULL, NULL, handle, s, //
                         MHD_OPTION_SOCK_ADDR, &loopback,                              //
                         MHD_OPTION_URI_LOG_CALLBACK, begin_exchange, NULL,            //
                         MHD_OPTION_NOTIFY_COMPLETED, end_exchange, NULL,              //
                         MHD_OPTION_END);
    if (daemon == NULL) {
        fprintf(stderr, "cannot listen on port %u\n", port);
        return 1;
    }
    printf("listening on port %u\n", MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT)->port);
    fflush(stdout);
    int got = 0;
    while (sigwait(signals, &got) == 0 && got == SIGHUP) {
        puts(rules_reload(s->rules) == 0 ? "rules reloaded" : "rules kept");
        fflush(stdout);
    }
    MHD_stop_daemon(daemon);
    return 0;
}

/* Returns -1 if the text is not a port. 0 lets the system choose one. */
static int port_from(const char *text) {
    char *end;
    long port = strtol(text, &end, 10);
    return end != text && *end == '\0' && port >= 0 && port <= UINT16_MAX ? (int)port : -1;
}

int main(int argc, char **argv) {
    int port = argc == 3 ? port_from(argv[2]) : -1;
    if (port < 0) {
        fprintf(stderr, "usage: %s RULES.yaml PORT\n", argv[0]);
        return 2;
    }
    // Blocked before the server's thread starts, so that only sigwait() receives them.
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGHUP);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);

    service s = {.rules = rules_open(argv[1]), .seed = {(unsigned short)getpid(), 2, 3}};
    if (s.rules == NULL)
        return 1;
    int code = 1;
    if (hr_scratch_new(&s.scratch) == HR_OK) {
        code = serve(&s, (uint16_t)port, &signals);
        hr_scratch_free(s.scratch);
    }
    rules_close(s.rules);
    return code;
}
