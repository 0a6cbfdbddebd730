/* What `headerroute replay` knows: the views that the lines of a log need, and what was counted. */
#ifndef HR_CLI_REPLAY_STATE_H
#define HR_CLI_REPLAY_STATE_H

#include <jansson.h>

#include <pthread.h>
#include <stdatomic.h>

#include "access_log.h"
#include "diff_report.h"
#include "flags.h"

enum { REPLAY_EXAMPLES = 3 };

/* Lines of a log that show something: the first few, in order. */
typedef struct replay_examples {
    char *text[REPLAY_EXAMPLES];    /* "access.log:17  curl ..." */
    uint64_t line[REPLAY_EXAMPLES]; /* of all logs */
    size_t n;
} replay_examples;

/* One port of the view. Side 0 is that of --against, side 1 that of -f. */
typedef struct replay_view {
    uint16_t port;
    hr_view *views[2];       /* NULL if that side has no such view */
    hr_diff *diff;           /* NULL without --against, or if a side has no such view */
    json_t *headers;         /* names of the request headers that rules read */
    _Atomic uint64_t *lines; /* by region of the diff */
    replay_examples *examples;
    struct replay_view *next;
} replay_view;

/* What distinguishes routes; the strings are those of views. */
typedef struct replay_route_key {
    const void *rule, *delegate, *cluster, *subset;
    int32_t route, match;
    int action, status;
} replay_route_key;

typedef struct replay_route {
    replay_route_key key;
    char *label;
    uint64_t count[2]; /* by side */
} replay_route;

/* Shared by the threads that decide. */
typedef struct replay {
    const cli_flags *flags;
    hr_table *tables[2];  /* [0]: NULL without --against */
    pthread_mutex_t lock; /* of `views`, `routes`, `unknown_headers` and all examples */
    hr_scratch *scratch;  /* used with `lock` held, and for the report */
    replay_view *views;
    /* What is counted. */
    uint64_t lines; /* read so far */
    _Atomic uint64_t requests, changed, unknown, unread;
    replay_route *routes;
    size_t n_routes, routes_capacity;
    json_t *unknown_headers;    /* name -> number of lines */
    bool of_gateway, of_others; /* who wrote lines that are unknown */
    replay_examples unread_lines, unknown_lines;
} replay;

#endif
