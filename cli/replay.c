/* `headerroute replay`: what rules decide about the requests of an access log, and what a change
 * would have changed for them. */
#define _GNU_SOURCE
#include "replay_state.h"

#include "curl.h"
#include "diff_words.h"
#include "input.h"
#include "replay_report.h"
#include "replay_view.h"

#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Exit codes, as those of `diff`. */
enum {
    REPLAY_EQUAL = 0,
    REPLAY_CHANGED = 1,
    REPLAY_UNUSABLE = 2,
    REPLAY_UNKNOWN = 3,
    REPLAY_INTERRUPTED = 130 /* as a shell says of SIGINT */
};

/* Verdicts that a thread keeps; then it begins anew. */
#define MOST_VERDICTS 100000
/* Lines that are read at once and shared out to the threads. */
#define BATCH_LINES 65536
#define MOST_THREADS 16

static const char replay_help[] =
    "usage: headerroute replay -f PATH [-f PATH]... [--against PATH]... [VIEW] [FLAGS] LOG...\n"
    "\n"
    "Decides the requests of access logs by the rules of -f and prints how many take which route.\n"
    "With --against, compares the decisions with those of other rules and prints what changes for\n"
    "these requests. Reads JSON (Envoy, Istio, headerroute-gateway), Istio's default text format "
    "and\n"
    "the common and combined log formats, a request a line; the LOG - is standard input.\n"
    "\n"
    "A line is unknown, and not counted as unchanged, if it does not have a header that a rule "
    "reads\n"
    "and the header could change the decision.\n"
    "\n"
    "  -f, --file PATH          YAML or JSON file, or folder of them (repeatable)\n"
    "  --against PATH           the rules to compare with (repeatable)\n" CLI_HELP_LOAD
    "  --authority HOST         the host of requests whose lines do not have it\n"
    "  --json                   print one JSON object\n" CLI_HELP_END "\n";

/* One thread, and the line that it is at. */
typedef struct replayer {
    replay *r;
    hr_scratch *scratch;
    const char *file;
    uint64_t line_number;     /* in the file */
    uint64_t all_line_number; /* in all logs */
    hr_pair *headers;         /* of the request; used again for each line */
    void *memory;
    bool of_gateway;  /* the line is headerroute-gateway's */
    json_t *verdicts; /* whether a request's missing headers matter, by what is known of it */
} replayer;

/* ---- examples ---- */

static bool is_wanted(const replay_examples *e, uint64_t line) {
    return e->n < REPLAY_EXAMPLES || line < e->line[REPLAY_EXAMPLES - 1];
}

/* Threads come in any order; the first lines stay. */
static void insert_example(replay_examples *e, char *text, uint64_t line) {
    size_t at = e->n;
    if (e->n == REPLAY_EXAMPLES)
        free(e->text[--at]);
    else
        e->n++;
    for (; at > 0 && e->line[at - 1] > line; at--) {
        e->text[at] = e->text[at - 1];
        e->line[at] = e->line[at - 1];
    }
    e->text[at] = text;
    e->line[at] = line;
}

static void put_example(const replayer *p, replay_examples *e, const char *what) {
    char *text;
    if (!is_wanted(e, p->all_line_number))
        return;
    if (asprintf(&text, "%s:%llu  %s", p->file, (unsigned long long)p->line_number, what) < 0)
        abort();
    insert_example(e, text, p->all_line_number);
}

static void put_request(const replayer *p, replay_examples *e, const hr_request *request) {
    if (!is_wanted(e, p->all_line_number))
        return;
    char *curl = words_of_request(request);
    put_example(p, e, curl);
    free(curl);
}

static void note_unread(const replayer *p, const char *why) {
    p->r->unread++;
    pthread_mutex_lock(&p->r->lock);
    put_example(p, &p->r->unread_lines, why);
    pthread_mutex_unlock(&p->r->lock);
}

/* ---- headers that the log does not have ---- */

typedef struct missing_headers {
    const char **names;
    size_t n;
    bool other_fails; /* of the rule at hand: a condition on something else does not hold */
    bool asks;        /* it has a condition on one of them */
    bool matters;
} missing_headers;

static bool is_missing(const missing_headers *m, hr_str field) {
    const char *open = memchr(field.p, '[', field.len);
    if (open == NULL || memcmp(field.p, "queryParams", 11) == 0)
        return false;
    hr_str name = {open + 1, (size_t)(field.p + field.len - open - 2)};
    for (size_t i = 0; i < m->n; i++)
        if (strlen(m->names[i]) == name.len && memcmp(m->names[i], name.p, name.len) == 0)
            return true;
    return false;
}

/* A rule that asks for a missing header, and whose other conditions all hold, could match or not.
 */
static void weigh_event(void *ctx, const hr_trace_event *e) {
    missing_headers *m = ctx;
    if (e->kind == HR_TRACE_CONDITION && is_missing(m, e->field))
        m->asks = true;
    else if (e->kind == HR_TRACE_CONDITION && !e->ok)
        m->other_fails = true;
    if (e->kind != HR_TRACE_RULE)
        return;
    m->matters = m->matters || (m->asks && !m->other_fails);
    m->asks = m->other_fails = false;
}

static void put_key_part(char **to, hr_str s) {
    if (s.len > 0)
        memcpy(*to, s.p, s.len);
    *to += s.len;
    *(*to)++ = '\n';
}

/* All that is known of a request. */
static char *verdict_key(const replay_view *v, const hr_request *q) {
    size_t size = 16 + q->method.len + q->authority.len + q->path.len;
    for (size_t i = 0; i < q->n_headers; i++)
        size += q->headers[i].name.len + q->headers[i].value.len + 2;
    char *key = cli_realloc(NULL, size), *to = key + sprintf(key, "%u ", (unsigned)v->port);
    put_key_part(&to, q->method);
    put_key_part(&to, q->authority);
    put_key_part(&to, q->path);
    for (size_t i = 0; i < q->n_headers; i++) {
        put_key_part(&to, q->headers[i].name);
        put_key_part(&to, q->headers[i].value);
    }
    *to = '\0';
    return key;
}

static bool weigh(const replayer *p, const replay_view *v, const hr_request *edge,
                  missing_headers *m) {
    for (size_t side = 0; side < 2; side++) {
        hr_decision d = HR_DECISION_INIT;
        if (v->views[side] != NULL)
            hr_explain(&d, v->views[side], edge, p->scratch, weigh_event, m);
    }
    return m->matters;
}

static bool missing_matter(const replayer *p, const replay_view *v, const hr_request *edge,
                           missing_headers *m) {
    char *key = verdict_key(v, edge);
    const json_t *known = json_object_get(p->verdicts, key);
    bool matters = known != NULL ? json_is_true(known) : weigh(p, v, edge, m);
    if (known == NULL) {
        if (json_object_size(p->verdicts) >= MOST_VERDICTS)
            json_object_clear(p->verdicts);
        json_object_set_new_nocheck(p->verdicts, key, json_boolean(matters));
    }
    free(key);
    return matters;
}

static void note_unknown(const replayer *p, const hr_request *request, const missing_headers *m) {
    replay *r = p->r;
    r->unknown++;
    pthread_mutex_lock(&r->lock);
    put_request(p, &r->unknown_lines, request);
    *(p->of_gateway ? &r->of_gateway : &r->of_others) = true;
    for (size_t i = 0; i < m->n; i++) {
        json_int_t n = json_integer_value(json_object_get(r->unknown_headers, m->names[i]));
        json_object_set_new(r->unknown_headers, m->names[i], json_integer(n + 1));
    }
    pthread_mutex_unlock(&r->lock);
}

/* ---- one request ---- */

static replay_route_key route_key(const hr_decision *d) {
    replay_route_key key;
    memset(&key, 0, sizeof(key)); /* it is compared as bytes */
    key.rule = d->rule_name.p;
    key.delegate = d->delegate.p;
    key.cluster = d->cluster_name.p;
    key.subset = d->destination_subset.p;
    key.route = d->route_index;
    key.match = d->match_index;
    key.action = (int)d->action;
    key.status = d->local_reply.status;
    return key;
}

/* The routes of a configuration that requests take are few, and the latest ones come first. */
static replay_route *route_of(replay *r, const hr_decision *d) {
    replay_route_key key = route_key(d);
    for (size_t i = r->n_routes; i > 0; i--)
        if (memcmp(&r->routes[i - 1].key, &key, sizeof(key)) == 0)
            return &r->routes[i - 1];
    if (r->n_routes == r->routes_capacity) {
        r->routes_capacity = r->routes_capacity == 0 ? 32 : r->routes_capacity * 2;
        r->routes = cli_realloc(r->routes, r->routes_capacity * sizeof(*r->routes));
    }
    replay_route *route = &r->routes[r->n_routes++];
    *route = (replay_route){.key = key, .label = words_of_decision(d)};
    return route;
}

static void count_route(replay *r, size_t side, const hr_decision *d) {
    pthread_mutex_lock(&r->lock);
    route_of(r, d)->count[side]++;
    pthread_mutex_unlock(&r->lock);
}

static void count_region(const replayer *p, replay_view *v, const hr_request *request) {
    replay *r = p->r;
    size_t region;
    if (v->diff == NULL) { /* one side has no such view */
        r->changed += r->tables[0] != NULL;
        return;
    }
    if (hr_diff_locate(&region, v->diff, 0, request, p->scratch) != HR_OK)
        return;
    r->changed++;
    v->lines[region]++;
    pthread_mutex_lock(&r->lock);
    put_request(p, &v->examples[region], request);
    pthread_mutex_unlock(&r->lock);
}

/* Of the headers that rules read, those that the line has and those that it does not. */
static void split_headers(replayer *p, const replay_view *v, const cli_log_line *line,
                          hr_request *request, missing_headers *m) {
    const char *name;
    json_t *unused;
    size_t n = json_object_size(v->headers);
    p->headers = cli_realloc(p->headers, (n + 1) * sizeof(*p->headers));
    m->names = cli_realloc(NULL, (n + 1) * sizeof(*m->names));
    request->headers = p->headers;
    request->n_headers = 0;
    json_object_foreach(v->headers, name, unused) {
        hr_str value;
        cli_log_value found = cli_log_header(&value, line, name);
        if (found == CLI_LOG_VALUE)
            p->headers[request->n_headers++] = (hr_pair){hr_str_from(name), value};
        else if (found == CLI_LOG_UNKNOWN)
            m->names[m->n++] = name;
    }
}

/* The request as rules see it. HR_OK or why not. */
static int pass_proxy(replayer *p, const replay_view *v, const hr_request *request,
                      hr_request *edge) {
    const hr_view *view = v->views[1] != NULL ? v->views[1] : v->views[0];
    size_t size = 0;
    int error = hr_edge_request(edge, view, request, NULL, &size);
    if (error != HR_ENOSPC)
        return error;
    p->memory = cli_realloc(p->memory, size + 1);
    return hr_edge_request(edge, view, request, p->memory, &size);
}

static void decide_request(replayer *p, replay_view *v, const hr_request *request,
                           missing_headers *m) {
    hr_request edge;
    int error = pass_proxy(p, v, request, &edge);
    if (error == HR_OK && m->n > 0 && missing_matter(p, v, &edge, m)) {
        note_unknown(p, request, m);
        return;
    }
    for (size_t side = 0; side < 2 && error == HR_OK; side++) {
        hr_decision d = HR_DECISION_INIT;
        if (v->views[side] == NULL)
            continue;
        error = hr_route(&d, v->views[side], &edge, p->scratch);
        if (error == HR_OK)
            count_route(p->r, side, &d);
    }
    if (error != HR_OK) {
        note_unread(p, error == HR_EREQUEST ? hr_scratch_error(p->scratch).p : hr_strerror(error));
        return;
    }
    p->r->requests++;
    count_region(p, v, request);
}

static void replay_request(replayer *p, const cli_log_line *line) {
    replay *r = p->r;
    hr_request request = HR_REQUEST_INIT;
    missing_headers missing = {.n = 0};
    int error;
    request.method = line->method;
    request.path = line->path;
    request.scheme = line->scheme.p != NULL ? line->scheme : hr_str_from("http");
    request.authority = line->authority;
    if (request.authority.p == NULL && r->flags->authority != NULL)
        request.authority = hr_str_from(r->flags->authority);
    if (request.authority.p == NULL) {
        note_unread(p, "it has no authority: state one with --authority");
        return;
    }
    pthread_mutex_lock(&r->lock);
    replay_view *v = replay_view_of(r, request.authority, cli_is_https(&request), &error);
    pthread_mutex_unlock(&r->lock);
    if (v == NULL) {
        note_unread(p, error == HR_ENOENT ? "no side has a view of this port" : hr_strerror(error));
        return;
    }
    p->of_gateway = line->of_gateway;
    split_headers(p, v, line, &request, &missing);
    decide_request(p, v, &request, &missing);
    free(missing.names);
}

/* ---- logs ---- */

static void replay_line(replayer *p, const char *text, size_t len) {
    cli_log_line line;
    while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r'))
        len--;
    const char *wrong = cli_log_read(&line, text, len);
    if (wrong != NULL)
        note_unread(p, wrong);
    else
        replay_request(p, &line);
    cli_log_release(&line);
}

/* Lines that were read, and the threads that decide them. */
typedef struct batch {
    char *lines[BATCH_LINES];
    size_t capacity[BATCH_LINES], length[BATCH_LINES];
    size_t n;
    replayer threads[MOST_THREADS];
    size_t n_threads;
} batch;

typedef struct share {
    batch *b;
    replayer *p;
    size_t begin, end;
    uint64_t before, all_before; /* lines before the batch, in the file and in all logs */
} share;

static void *decide_share(void *arg) {
    share *s = arg;
    for (size_t i = s->begin; i < s->end; i++) {
        s->p->line_number = s->before + i + 1;
        s->p->all_line_number = s->all_before + i + 1;
        replay_line(s->p, s->b->lines[i], s->b->length[i]);
    }
    return NULL;
}

/* A thread that cannot be made has its share decided here. */
static void decide_batch(replay *r, batch *b, const char *file, uint64_t before) {
    share shares[MOST_THREADS];
    pthread_t threads[MOST_THREADS];
    bool runs[MOST_THREADS] = {false};
    for (size_t i = 0; i < b->n_threads; i++) {
        b->threads[i].file = file;
        shares[i] = (share){.b = b,
                            .p = &b->threads[i],
                            .begin = b->n * i / b->n_threads,
                            .end = b->n * (i + 1) / b->n_threads,
                            .before = before,
                            .all_before = r->lines};
        runs[i] = i > 0 && pthread_create(&threads[i], NULL, decide_share, &shares[i]) == 0;
    }
    for (size_t i = 0; i < b->n_threads; i++)
        if (!runs[i])
            decide_share(&shares[i]);
    for (size_t i = 0; i < b->n_threads; i++)
        if (runs[i])
            pthread_join(threads[i], NULL);
    r->lines += b->n;
    if (isatty(STDERR_FILENO))
        fprintf(stderr, "\r%llu lines", (unsigned long long)r->lines);
}

/* ---- Ctrl-C ---- */

static volatile sig_atomic_t interrupted;

static void on_interrupt(int number) {
    (void)number;
    interrupted = 1;
}

/* The first one ends the reading, so that what was counted is printed; the second one the process.
 * A shell that runs the command in the background has it ignore them. */
static void catch_interrupt(void) {
    struct sigaction action = {.sa_handler = on_interrupt, .sa_flags = (int)SA_RESETHAND}, before;
    if (sigaction(SIGINT, NULL, &before) == 0 && before.sa_handler != SIG_IGN)
        sigaction(SIGINT, &action, NULL);
}

/* A line of which an interrupt left the rest unread is not a line. */
static void read_batch(batch *b, FILE *in) {
    ssize_t len = 0;
    for (b->n = 0; b->n < BATCH_LINES && !interrupted; b->n++) {
        len = getline(&b->lines[b->n], &b->capacity[b->n], in);
        if (len < 0 || (interrupted && b->lines[b->n][len - 1] != '\n'))
            return;
        b->length[b->n] = (size_t)len;
    }
}

static int replay_log(replay *r, batch *b, const char *path) {
    FILE *in = strcmp(path, "-") == 0 ? stdin : fopen(path, "r");
    const char *file = strcmp(path, "-") == 0 ? "(standard input)" : path;
    uint64_t before = 0;
    if (in == NULL)
        return cli_usage_error("replay", "cannot read %s", path);
    for (read_batch(b, in); b->n > 0; read_batch(b, in)) {
        decide_batch(r, b, file, before);
        before += b->n;
    }
    bool failed = ferror(in) && !interrupted;
    if (in != stdin)
        fclose(in);
    return failed ? cli_usage_error("replay", "cannot read %s", path) : CLI_OK;
}

static int open_batch(replay *r, batch *b) {
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    b->n_threads = cpus < 1 ? 1 : cpus > MOST_THREADS ? MOST_THREADS : (size_t)cpus;
    for (size_t i = 0; i < b->n_threads; i++) {
        b->threads[i] = (replayer){.r = r, .verdicts = json_object()};
        if (hr_scratch_new(&b->threads[i].scratch) != HR_OK)
            return CLI_FAILED;
    }
    return CLI_OK;
}

static void free_batch(batch *b) {
    for (size_t i = 0; i < b->n_threads; i++) {
        hr_scratch_free(b->threads[i].scratch);
        json_decref(b->threads[i].verdicts);
        free(b->threads[i].headers);
        free(b->threads[i].memory);
    }
    for (size_t i = 0; i < BATCH_LINES; i++)
        free(b->lines[i]);
    free(b);
}

static int by_label(const void *a, const void *b) {
    return strcmp(((const replay_route *)a)->label, ((const replay_route *)b)->label);
}

/* Both sides, and views of several ports, have routes of their own: those that read the same are
 * one. */
static void merge_routes(replay *r) {
    size_t n = 0;
    if (r->n_routes == 0)
        return;
    qsort(r->routes, r->n_routes, sizeof(*r->routes), by_label);
    for (size_t i = 1; i < r->n_routes; i++) {
        if (strcmp(r->routes[n].label, r->routes[i].label) != 0) {
            r->routes[++n] = r->routes[i];
            continue;
        }
        r->routes[n].count[0] += r->routes[i].count[0];
        r->routes[n].count[1] += r->routes[i].count[1];
        free(r->routes[i].label);
    }
    r->n_routes = n + 1;
}

static int replay_exit_code(const replay *r) {
    if (r->tables[0] == NULL || (r->changed == 0 && r->unknown == 0 && r->unread == 0))
        return REPLAY_EQUAL;
    return r->changed > 0 ? REPLAY_CHANGED : REPLAY_UNKNOWN;
}

static int replay_all(replay *r) {
    batch *b = calloc(1, sizeof(*b));
    if (b == NULL)
        abort();
    int code = open_batch(r, b);
    r->unknown_headers = json_object();
    catch_interrupt();
    for (size_t i = 0; i < r->flags->rest.n && code == CLI_OK && !interrupted; i++)
        code = replay_log(r, b, r->flags->rest.v[i]);
    if (isatty(STDERR_FILENO))
        fputs("\r\033[K", stderr);
    if (code == CLI_OK) {
        merge_routes(r);
        (r->flags->json ? replay_print_json : replay_print_text)(stdout, r);
        code = interrupted ? REPLAY_INTERRUPTED : replay_exit_code(r);
    }
    if (interrupted)
        fprintf(stderr, "headerroute replay: interrupted after %" PRIu64 " lines\n", r->lines);
    for (size_t i = 0; i < r->n_routes; i++)
        free(r->routes[i].label);
    free(r->routes);
    json_decref(r->unknown_headers);
    free_batch(b);
    return code;
}

static hr_table *load_one_side(const cli_flags *flags, const cli_list *paths) {
    cli_input input;
    hr_table *table = NULL;
    cli_input_init(&input, flags->recursive, flags->strict);
    cli_input_expand(&input, flags->expand_rollouts, flags->rollout_step);
    if (cli_input_add_all(&input, "replay", paths) == CLI_OK)
        table = cli_input_load("replay", &input);
    cli_input_free(&input);
    return table;
}

static int run_replay(const cli_flags *flags) {
    replay r = {.flags = flags, .lock = PTHREAD_MUTEX_INITIALIZER};
    int code = REPLAY_UNUSABLE;
    if (flags->files.n == 0)
        return cli_usage_error("replay", "no rules: expected -f PATH");
    if (flags->rest.n == 0)
        return cli_usage_error("replay", "no access log");
    if (cli_refuse_proxies("replay", flags, "replay") != CLI_OK)
        return REPLAY_UNUSABLE;
    r.tables[1] = load_one_side(flags, &flags->files);
    if (r.tables[1] != NULL && flags->against.n > 0)
        r.tables[0] = load_one_side(flags, &flags->against);
    bool loaded = r.tables[1] != NULL && (flags->against.n == 0 || r.tables[0] != NULL);
    if (loaded && hr_scratch_new(&r.scratch) == HR_OK)
        code = replay_all(&r);
    replay_views_free(&r);
    hr_scratch_free(r.scratch);
    hr_table_unref(r.tables[0]);
    hr_table_unref(r.tables[1]);
    return code;
}

int cli_replay(int argc, char **argv) {
    cli_flags flags;
    int code = cli_parse_flags(&flags, argc, argv, "flvjyh");
    if (code == CLI_OK && flags.help) {
        fputs(replay_help, stdout);
        cli_print_view_help(stdout);
        fputs(
            "\nExit 0; with --against 1 if a request changes, 3 if none does but lines are unknown "
            "or were not\nread; 2 if the command line is wrong or rules do not load; 130 after "
            "Ctrl-C, with "
            "the counts up to\nthere.\n",
            stdout);
    } else if (code == CLI_OK) {
        code = run_replay(&flags);
    }
    cli_flags_free(&flags);
    return code;
}
