/*
 * Reads one JSON request from each line of --batch and writes its decision or error as one line
 * of JSON.
 */
#define _GNU_SOURCE
#include "batch.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "claims.h"

struct cli_batch {
    cli_views views;
    cli_view defaults;
    hr_connection connection; /* of lines that say nothing else */
    hr_scratch *scratch;
    char *error; /* the last error line */
};

typedef cli_batch_request line;

static int fail(line *l, const char *what) {
    snprintf(l->message, sizeof(l->message), "%s", what);
    return -1;
}

static int fail_key(line *l, const char *key, const char *what) {
    snprintf(l->message, sizeof(l->message), "%.64s: %s", key, what);
    return -1;
}

static int get_string(line *l, hr_str *out, const char *key, const json_t *value) {
    if (!json_is_string(value))
        return fail_key(l, key, "is not a string");
    *out = (hr_str){json_string_value(value), json_string_length(value)};
    return 0;
}

static int get_draw(line *l, double *out, const char *key, const json_t *value) {
    if (!json_is_number(value))
        return fail_key(l, key, "is not a number");
    *out = json_number_value(value);
    return *out >= 0 && *out < 1 ? 0 : fail_key(l, key, "is not in [0, 1)");
}

static int get_headers(line *l, const json_t *value) {
    if (!json_is_array(value))
        return fail(l, "headers: is not a list of [name, value]");
    for (size_t i = 0; i < json_array_size(value); i++) {
        const json_t *pair = json_array_get(value, i);
        hr_str name, text;
        if (!json_is_array(pair) || json_array_size(pair) != 2)
            return fail(l, "headers: an item is not [name, value]");
        if (get_string(l, &name, "headers", json_array_get(pair, 0)) != 0 ||
            get_string(l, &text, "headers", json_array_get(pair, 1)) != 0)
            return -1;
        cli_add_header(&l->request, name, text);
    }
    return 0;
}

static int get_draws(line *l, json_t *value) {
    const char *key;
    json_t *draw;
    hr_draws *d = &l->request.request.draws;
    if (!json_is_object(value))
        return fail(l, "draws: is not an object");
    json_object_foreach(value, key, draw) {
        double *into = strcmp(key, "weight") == 0   ? &d->weight
                       : strcmp(key, "delay") == 0  ? &d->delay
                       : strcmp(key, "abort") == 0  ? &d->abort
                       : strcmp(key, "mirror") == 0 ? &d->mirror
                                                    : NULL;
        if (into == NULL)
            return fail(l, "draws: has weight, delay, abort and mirror");
        if (get_draw(l, into, "draws", draw) != 0)
            return -1;
    }
    return 0;
}

static int get_peer(line *l, const json_t *value) {
    hr_str text;
    if (get_string(l, &text, "peer_address", value) != 0)
        return -1;
    return cli_set_peer(&l->request, text)
               ? 0
               : fail(l, "peer_address: is neither ADDRESS nor ADDRESS:PORT");
}

static int get_trusted_proxies(line *l, const json_t *value) {
    json_int_t n = json_integer_value(value);
    if (!json_is_integer(value) || n < 0 || n > 1000)
        return fail(l, "trusted_proxies: is not a number from 0 to 1000");
    l->request.connection.trusted_proxies = (unsigned)n;
    return 0;
}

static int get_facts(line *l, json_t *value) {
    const char *key;
    json_t *text;
    if (!json_is_object(value))
        return fail(l, "facts: is not an object");
    json_object_foreach(value, key, text) {
        hr_str is;
        if (get_string(l, &is, "facts", text) != 0)
            return -1;
        cli_put_fact(&l->request, hr_str_from(key), is);
    }
    return 0;
}

static int get_claims(line *l, const json_t *value) {
    return cli_add_claims(&l->request, value) ? 0 : fail(l, "claims: is not an object");
}

static int get_view_option(line *l, const char *key, const json_t *value) {
    const char *expected = NULL;
    int error = cli_view_set_json(&l->view, key, value, &expected);
    if (error == HR_ENOENT)
        return fail_key(l, key, "unknown key");
    if (error != HR_OK)
        snprintf(l->message, sizeof(l->message), "%.64s: expected %s", key, expected);
    return error == HR_OK ? 0 : -1;
}

static int get_key(line *l, const char *key, json_t *value) {
    hr_request *r = &l->request.request;
    if (strcmp(key, "method") == 0)
        return get_string(l, &r->method, key, value);
    if (strcmp(key, "scheme") == 0)
        return get_string(l, &r->scheme, key, value);
    if (strcmp(key, "authority") == 0)
        return r->authority.p != NULL ? 0 : get_string(l, &r->authority, key, value);
    if (strcmp(key, "path") == 0)
        return get_string(l, &r->path, key, value);
    if (strcmp(key, "connect_to") == 0)
        return get_string(l, &r->connect_to, key, value);
    if (strcmp(key, "headers") == 0)
        return get_headers(l, value);
    if (strcmp(key, "peer_address") == 0)
        return get_peer(l, value);
    if (strcmp(key, "trusted_proxies") == 0)
        return get_trusted_proxies(l, value);
    if (strcmp(key, "request_id") == 0)
        return get_string(l, &l->request.connection.request_id, key, value);
    if (strcmp(key, "facts") == 0)
        return get_facts(l, value);
    if (strcmp(key, "claims") == 0)
        return get_claims(l, value);
    if (strcmp(key, "random") == 0 || strcmp(key, "draws") == 0)
        return 0; /* read before all others, in this order */
    return get_view_option(l, key, value);
}

static int get_all(line *l, json_t *root) {
    const char *key;
    json_t *value;
    hr_draws *d = &l->request.request.draws;
    if (!json_is_object(root))
        return fail(l, "the line is not a JSON object");
    json_t *random = json_object_get(root, "random"), *draws = json_object_get(root, "draws");
    if (random != NULL && !json_is_null(random)) {
        if (get_draw(l, &d->weight, "random", random) != 0)
            return -1;
        *d = (hr_draws){d->weight, d->weight, d->weight, d->weight};
    }
    if (draws != NULL && !json_is_null(draws) && get_draws(l, draws) != 0)
        return -1;
    json_object_foreach(root, key, value) {
        if (!json_is_null(value) && get_key(l, key, value) != 0)
            return -1;
    }
    if (l->request.request.authority.p == NULL)
        return fail(l, "authority: is missing");
    if (l->request.request.path.p == NULL)
        return fail(l, "path: is missing");
    return 0;
}

/* ---- answers ---- */

static hr_str error_line(cli_batch *b, const char *message, size_t len) {
    json_t *root = json_object();
    json_object_set_new(root, "error", json_stringn_nocheck(message, len));
    free(b->error);
    b->error = json_dumps(root, JSON_COMPACT | JSON_ENSURE_ASCII);
    json_decref(root);
    return b->error == NULL ? HR_STR("{\"error\":\"the request is malformed\"}")
                            : hr_str_from(b->error);
}

static hr_str decide_line(cli_batch *b, line *l) {
    const hr_view *view;
    int error = cli_views_get(&view, &b->views, &l->view, l->request.request.authority,
                              cli_is_https(&l->request.request));
    if (error == HR_ENOENT) {
        cli_views_missing(l->message, sizeof(l->message), &l->view);
        return error_line(b, l->message, strlen(l->message));
    }
    hr_decision decision = HR_DECISION_INIT;
    hr_request edge;
    hr_str json = {0};
    if (error == HR_OK)
        error = cli_edge(&edge, &l->request, view);
    if (error == HR_OK)
        error = hr_route(&decision, view, &edge, b->scratch);
    if (error == HR_OK)
        error = hr_decision_json(&json, &decision, &edge, b->scratch);
    if (error == HR_OK)
        return json;
    hr_str why =
        error == HR_EREQUEST ? hr_scratch_error(b->scratch) : hr_str_from(hr_strerror(error));
    return error_line(b, why.p, why.len);
}

static void copy_view(cli_view *out, const cli_view *defaults) {
    *out = *defaults;
    out->labels = NULL;
    out->n_labels = out->labels_capacity = 0;
}

const char *cli_batch_parse(cli_batch_request *out, const cli_view *defaults,
                            const hr_connection *connection, const char *text, size_t len) {
    json_error_t error;
    *out = (line){.message = ""};
    copy_view(&out->view, defaults);
    cli_request_init(&out->request);
    out->request.connection = *connection;
    json_t *root = json_loadb(text, len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
    out->json = root;
    if (root == NULL) {
        snprintf(out->message, sizeof(out->message), "no JSON: %.160s", error.text);
        return out->message;
    }
    if (get_all(out, root) != 0)
        return out->message;
    for (size_t i = 0; out->view.n_labels == 0 && i < defaults->n_labels; i++)
        cli_add_label(&out->view, defaults->labels[i].name, defaults->labels[i].value);
    return NULL;
}

void cli_batch_request_free(cli_batch_request *r) {
    cli_request_free(&r->request);
    free(r->view.labels);
    json_decref(r->json);
}

hr_str cli_batch_line(cli_batch *b, const char *text, size_t len) {
    line l;
    const char *wrong = cli_batch_parse(&l, &b->defaults, &b->connection, text, len);
    hr_str answer = wrong != NULL ? error_line(b, wrong, strlen(wrong)) : decide_line(b, &l);
    cli_batch_request_free(&l);
    return answer;
}

/* ---- life ---- */

cli_batch *cli_batch_new(hr_table *table, const cli_view *defaults,
                         const hr_connection *connection) {
    cli_batch *b = cli_realloc(NULL, sizeof(*b));
    *b = (cli_batch){
        .views = {.table = table}, .defaults = *defaults, .connection = HR_CONNECTION_INIT};
    if (connection != NULL)
        b->connection = *connection;
    if (hr_scratch_new(&b->scratch) != HR_OK) {
        free(b);
        return NULL;
    }
    return b;
}

void cli_batch_free(cli_batch *b) {
    if (b == NULL)
        return;
    cli_views_free(&b->views);
    hr_scratch_free(b->scratch);
    free(b->error);
    free(b);
}

int cli_batch_run(cli_batch *b, FILE *in, FILE *out) {
    char *text = NULL;
    size_t capacity = 0;
    ssize_t len;
    while ((len = getline(&text, &capacity, in)) >= 0) {
        size_t n = (size_t)len;
        while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == '\r'))
            n--;
        hr_str answer = cli_batch_line(b, text, n);
        fwrite(answer.p, 1, answer.len, out);
        fputc('\n', out);
    }
    free(text);
    return ferror(in) || fflush(out) != 0 || ferror(out) ? CLI_FAILED : CLI_OK;
}
