/*
 * Which endpoint a key lands on, and which priority and weight endpoints have, as Istio and a live
 * Envoy had it: the cases that tests/conformance/balance.py recorded. The head of that file
 * documents the format.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "harness.h"

#define MOST_ENDPOINTS 26
#define MOST_LABELS 8

typedef struct expected_endpoint {
    char letter;
    char *address;
    unsigned priority, weight, locality_weight;
} expected_endpoint;

typedef struct test_case {
    char *name, *locality, *authority, *kind, *key_name, *picks, *yaml;
    char *cluster; /* the one whose endpoints follow */
    hr_pair labels[MOST_LABELS];
    size_t n_labels;
    int keys, checked;
    hr_view *view;
    hr_scratch *scratch;
    expected_endpoint endpoints[MOST_ENDPOINTS];
    size_t n_endpoints, first; /* `first`: of the cluster at hand */
    const char *down;          /* letters of ejected endpoints; NULL: none */
} test_case;

static char *read_file(const char *name) {
    char path[1024];
    snprintf(path, sizeof(path), "%s/tests/conformance/vectors/balance/%s", HR_SOURCE_DIR, name);
    FILE *f = fopen(path, "rb");
    cr_assert_not_null(f, "%s is missing", path);
    size_t n = 0, capacity = 1 << 20;
    char *text = malloc(capacity);
    for (size_t got; (got = fread(text + n, 1, capacity - n - 1, f)) > 0; n += got)
        if (n + got + 1 >= capacity)
            text = realloc(text, capacity *= 2);
    fclose(f);
    text[n] = '\0';
    return text;
}

static char *next_line(char **at) {
    char *line = *at, *end = strchr(line, '\n');
    cr_assert_not_null(end);
    *end = '\0';
    *at = end + 1;
    return line;
}

/* ---- what the library says ---- */

static void put_address(char *out, size_t size, const hr_endpoint *e) {
    const char *format =
        memchr(e->address.p, ':', e->address.len) != NULL ? "[%.*s]:%u" : "%.*s:%u";
    snprintf(out, size, format, (int)e->address.len, e->address.p, (unsigned)e->port);
}

static const hr_cluster *find_cluster(const test_case *t, const char *name) {
    for (size_t i = 0; i < hr_view_cluster_count(t->view); i++) {
        const hr_cluster *c = hr_view_cluster(t->view, i);
        if (c->name.len == strlen(name) && memcmp(c->name.p, name, c->name.len) == 0)
            return c;
    }
    return NULL;
}

static char letter_of(const test_case *t, const hr_endpoint *e) {
    char address[128];
    put_address(address, sizeof(address), e);
    for (size_t i = 0; i < t->n_endpoints; i++)
        if (strcmp(t->endpoints[i].address, address) == 0)
            return t->endpoints[i].letter;
    return '?';
}

/* Recorded addresses of IPv6 come without brackets. */
static char *bracketed(const char *address) {
    char *port = strrchr(address, ':');
    bool six = strchr(address, ':') != port;
    char *out = malloc(strlen(address) + 3);
    sprintf(out, six ? "[%.*s]%s" : "%.*s%s", (int)(port - address), address, port);
    return out;
}

static void check_cluster(test_case *t) {
    if (t->cluster == NULL)
        return;
    const hr_cluster *cluster = find_cluster(t, t->cluster);
    cr_assert_not_null(cluster, "%s: no cluster %s", t->name, t->cluster);
    cr_expect_eq(cluster->n_endpoints, t->n_endpoints - t->first,
                 "%s: %zu endpoints, Istio has %zu", t->name, cluster->n_endpoints,
                 t->n_endpoints - t->first);
    for (size_t i = t->first; i < t->n_endpoints; i++) {
        const expected_endpoint *want = &t->endpoints[i];
        const hr_endpoint *found = NULL;
        for (size_t k = 0; k < cluster->n_endpoints; k++)
            if (letter_of(t, cluster->endpoints[k]) == want->letter)
                found = cluster->endpoints[k];
        cr_assert_not_null(found, "%s: no endpoint %s", t->name, want->address);
        cr_expect(found->priority == want->priority && found->weight == want->weight &&
                      found->locality_weight == want->locality_weight,
                  "%s: %s has priority %u, weight %u, locality weight %u; Istio says %u, %u, %u",
                  t->name, want->address, found->priority, found->weight, found->locality_weight,
                  want->priority, want->weight, want->locality_weight);
        t->checked++;
    }
    t->cluster = NULL;
    t->first = t->n_endpoints;
}

/* If Envoy panics because of ejected endpoints, none is ejected. It does not panic while 1 / 1.4 of
 * them are usable. */
static bool panics(const hr_cluster *cluster, size_t n_down) {
    return cluster->policy->min_health_percent > 0 &&
           (cluster->n_endpoints - n_down) * 140 < cluster->n_endpoints * 100 &&
           (cluster->n_endpoints - n_down) * 100 <
               (size_t)cluster->policy->min_health_percent * cluster->n_endpoints;
}

static int balance(size_t *out, const test_case *t, const hr_cluster *cluster, hr_pick *pick) {
    hr_endpoint_state states[MOST_ENDPOINTS] = {0};
    hr_cursor cursor = {0};
    hr_rings *rings = NULL;
    size_t n_down = 0;
    for (size_t i = 0; t->down != NULL && i < cluster->n_endpoints; i++)
        n_down += states[i].unusable = strchr(t->down, letter_of(t, cluster->endpoints[i])) != NULL;
    if (n_down > 0 && !panics(cluster, n_down)) {
        cr_assert_eq(hr_rings_new(&rings, cluster, states), HR_OK);
        pick->states = states;
        pick->rings = rings;
    }
    int code = hr_balance(out, cluster, &cursor, pick);
    hr_rings_free(rings);
    return code;
}

/* The letter of the endpoint that a request lands on. */
static char land(const test_case *t, const hr_request *request, const char *source) {
    hr_decision d = HR_DECISION_INIT;
    uint64_t hash;
    size_t index;
    cr_assert_eq(hr_route(&d, t->view, request, t->scratch), HR_OK);
    cr_assert_not_null(d.cluster);
    cr_assert_eq(hr_request_hash(&hash, &d, request, hr_str_from(source), t->scratch), HR_OK);
    hr_pick pick = {.version = HR_PICK_VERSION, .has_hash = 1, .hash = hash};
    cr_assert_eq(balance(&index, t, d.cluster, &pick), HR_OK);
    return letter_of(t, d.cluster->endpoints[index]);
}

static char land_key(const test_case *t, const char *key, int i) {
    char path[128] = "/", cookie[128], source[32] = "127.0.0.1";
    hr_pair header = {hr_str_from(t->key_name), hr_str_from(key)};
    bool in_header = strncmp(t->kind, "header", 6) == 0,
         in_cookie = strncmp(t->kind, "cookie", 6) == 0;
    if (in_cookie) {
        snprintf(cookie, sizeof(cookie), "a=b; %s=%s", t->key_name, key);
        header = (hr_pair){HR_STR("cookie"), hr_str_from(cookie)};
    }
    if (strcmp(t->kind, "header+query") == 0)
        snprintf(path, sizeof(path), "/?user=%s", key);
    else if (strcmp(t->kind, "query") == 0)
        snprintf(path, sizeof(path), "/?a=b&%s=%s&c=d", t->key_name, key);
    else if (strcmp(t->kind, "source") == 0)
        snprintf(source, sizeof(source), "127.79.%d.%d", i / 250, 1 + i % 250);
    hr_request request = {.version = HR_REQUEST_VERSION,
                          .authority = hr_str_from(t->authority),
                          .path = hr_str_from(path),
                          .headers = &header,
                          .n_headers = in_header || in_cookie};
    return land(t, &request, source);
}

static void check_picks(test_case *t) {
    int wrong = 0;
    cr_assert_eq((int)strlen(t->picks), t->keys);
    for (int i = 0; i < t->keys; i++) {
        char key[32];
        snprintf(key, sizeof(key), "key-%d", i);
        char got = land_key(t, key, i);
        if (got != t->picks[i] && wrong++ == 0)
            cr_expect(false, "%s: %s lands on %c, in Envoy on %c", t->name, key, got, t->picks[i]);
        t->checked++;
    }
    cr_expect_eq(wrong, 0, "%s: %d of %d keys land elsewhere than in Envoy", t->name, wrong,
                 t->keys);
}

/* ---- reading ---- */

static void read_view(test_case *t, char *text) {
    char *word = strtok(text, " ");
    t->locality = strcmp(word, "-") == 0 ? NULL : word;
    while ((word = strtok(NULL, " ")) != NULL) {
        char *equals = strchr(word, '=');
        cr_assert(equals != NULL && t->n_labels < MOST_LABELS);
        t->labels[t->n_labels++] =
            (hr_pair){{word, (size_t)(equals - word)}, hr_str_from(equals + 1)};
    }
}

static void read_endpoint(test_case *t, char *text) {
    char address[128];
    cr_assert_lt(t->n_endpoints, MOST_ENDPOINTS);
    expected_endpoint *e = &t->endpoints[t->n_endpoints++];
    cr_assert_eq(sscanf(text, "%c %127s %u %u %u", &e->letter, address, &e->priority, &e->weight,
                        &e->locality_weight),
                 5);
    e->address = bracketed(address);
}

/* What makes the view: the lines before the first cluster, and the resources. */
static void open_view(test_case *t) {
    hr_table *table = hrt_load(t->yaml);
    hr_view_options options = HR_VIEW_OPTIONS_INIT;
    options.source_labels = t->labels;
    options.n_source_labels = t->n_labels;
    options.locality = hr_str_from(t->locality);
    cr_assert_eq(hr_view_new(&t->view, table, &options), HR_OK);
    cr_assert_eq(hr_scratch_new(&t->scratch), HR_OK);
    hr_table_unref(table);
}

static void run_line(test_case *t, char *line) {
    char *space = strchr(line, ' '), *rest = space + 1;
    cr_assert_not_null(space, "%s", line);
    *space = '\0';
    if (strcmp(line, "endpoint") == 0) {
        read_endpoint(t, rest);
        return;
    }
    check_cluster(t);
    if (strcmp(line, "cluster") == 0) {
        t->cluster = strtok(rest, " ");
    } else if (strcmp(line, "keys") == 0) {
        t->kind = strtok(rest, " ");
        t->key_name = strtok(NULL, " ");
        t->keys = atoi(strtok(NULL, " "));
    } else if (strcmp(line, "down") == 0) {
        t->down = rest;
    } else if (strcmp(line, "picks") == 0) {
        t->picks = rest;
        check_picks(t);
    } else {
        cr_assert_str_eq(line, "made");
        char *letter = strchr(rest, ' ');
        *letter++ = '\0';
        char got = land_key(t, rest, 0);
        cr_expect_eq(got, *letter, "%s: cookie %s lands on %c, in Envoy on %c", t->name, rest, got,
                     *letter);
        t->checked++;
    }
}

/* One case; its lines up to `yaml` are read twice: first for the view, then for what it must say.
 */
static int run_case(char **at) {
    test_case t = {.name = next_line(at) + strlen("case ")};
    char *lines[1200];
    size_t n = 0;
    for (char *line = next_line(at); strcmp(line, "yaml") != 0; line = next_line(at)) {
        cr_assert_lt(n, sizeof(lines) / sizeof(lines[0]));
        lines[n++] = line;
    }
    char *end = strstr(*at, "\ncase ");
    size_t length = end == NULL ? strlen(*at) : (size_t)(end + 1 - *at);
    t.yaml = calloc(1, length + 1);
    memcpy(t.yaml, *at, length);
    *at += length;
    cr_assert(strncmp(lines[0], "view ", 5) == 0 && strncmp(lines[1], "authority ", 10) == 0);
    read_view(&t, lines[0] + 5);
    t.authority = lines[1] + 10;
    open_view(&t);
    for (size_t i = 2; i < n; i++)
        run_line(&t, lines[i]);
    check_cluster(&t);
    cr_expect_gt(t.checked, 0);
    for (size_t i = 0; i < t.n_endpoints; i++)
        free(t.endpoints[i].address);
    free(t.yaml);
    hr_scratch_free(t.scratch);
    hr_view_unref(t.view);
    return 1;
}

static int run_file(const char *name) {
    char *text = read_file(name), *at = text;
    int cases = 0;
    while (*at != '\0')
        cases += run_case(&at);
    free(text);
    return cases;
}

Test(balance_vectors, keys_land_where_envoy_sends_them, .timeout = 120) {
    cr_expect_geq(run_file("picks.cases"), 40);
}

Test(balance_vectors, priorities_and_weights_are_istios, .timeout = 120) {
    cr_expect_geq(run_file("priorities.cases"), 100);
}
