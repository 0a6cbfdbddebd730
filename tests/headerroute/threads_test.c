/*
 * Two writers swap tables, loading a broken file between, and readers route all the while, each
 * with its own scratch: every decision is that of the table the reader held. A plain program, so
 * that ThreadSanitizer sees all threads in one process; prints TAP.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <headerroute/headerroute.h>

#define READERS 3
#define WRITERS 2
#define SWAPS 25      /* of each writer */
#define AT_LEAST 2000 /* decisions of each reader */

static void check(int ok, const char *what) {
    if (ok)
        return;
    printf("Bail out! %s\n", what);
    fflush(stdout);
    abort();
}

/* ---- what is published ---- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static hr_view *published;
static unsigned published_generation;
static atomic_uint next_generation, writing = WRITERS;
static atomic_size_t decisions, refusals;
static char folder[] = "/tmp/hr-threads-XXXXXX";

static hr_view *take(unsigned *generation) {
    pthread_mutex_lock(&lock);
    hr_view *view = hr_view_ref(published);
    *generation = published_generation;
    pthread_mutex_unlock(&lock);
    return view;
}

static void publish(hr_view *view, unsigned generation) {
    pthread_mutex_lock(&lock);
    hr_view *old = published;
    published = view;
    published_generation = generation;
    pthread_mutex_unlock(&lock);
    hr_view_unref(old); /* readers may still hold it */
}

/* ---- writers ---- */

/* Every generation names itself in its routes, and sends v1 and v2 by turns. */
static void write_rules(const char *path, unsigned generation, int broken) {
    FILE *out = fopen(path, "w");
    check(out != NULL, "a file of rules cannot be written");
    fprintf(
        out,
        "apiVersion: v1\nkind: Service\nmetadata: {name: shop}\n"
        "spec: {selector: {app: shop}, ports: [{name: http, port: 80}]}\n---\n"
        "apiVersion: v1\nkind: Pod\nmetadata: {name: shop-1, labels: {app: shop, version: "
        "v1}}\nstatus: {podIP: 10.1.0.1}\n---\n"
        "apiVersion: v1\nkind: Pod\nmetadata: {name: shop-2, labels: {app: shop, version: "
        "v1}}\nstatus: {podIP: 10.1.0.2}\n---\n"
        "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: shop}\n"
        "spec: {host: shop, trafficPolicy: {loadBalancer: {consistentHash: {httpHeaderName: "
        "x-user}}}, "
        "subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v1}}]}\n---\n"
        "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: shop}\nspec:\n "
        " hosts: [shop]\n  http:\n");
    for (int i = 0; i < 20; i++)
        fprintf(out,
                "  - {name: other, match: [{headers: {x-a: {exact: v%d}}}], route: [{destination: "
                "{host: shop}}]}\n",
                i);
    fprintf(out,
            "  - {name: regex-%u, match: [{uri: {regex: '/r/.*[0-9].*[0-9]+'}}], redirect: {uri: "
            "/to/%u}}\n"
            "  - {name: header-%u, match: [{headers: {x-b: {exact: b}}}], route: [{destination: "
            "{host: shop, subset: v%u}}]}\n"
            "  - {name: rest-%u, rewrite: {uri: /rest/%u}, route: [{destination: {host: shop, "
            "subset: v%u}}]}\n%s",
            generation, generation, generation, 1 + generation % 2, generation, generation,
            1 + generation % 2, broken ? "  - {nonsense: true}\n" : "");
    check(fclose(out) == 0, "a file of rules cannot be written");
}

static hr_view *load(const char *path) {
    hr_table *table;
    hr_view *view;
    check(hr_table_load_paths(&table, NULL, &path, 1, NULL) == HR_OK, "good rules do not load");
    check(hr_view_new(&view, table, NULL) == HR_OK, "no view");
    hr_table_unref(table); /* the view holds it */
    return view;
}

static void load_broken(const char *path) {
    hr_table *table;
    hr_diagnostics *d;
    int error = hr_table_load_paths(&table, &d, &path, 1, NULL);
    check(error == HR_ECONFIG && table == NULL && hr_diagnostics_errors(d) > 0,
          "broken rules load");
    check(hr_diagnostics_get(d, 0)->line > 0, "the finding has no place");
    hr_diagnostics_free(d);
    atomic_fetch_add(&refusals, 1);
}

static void *writer(void *arg) {
    char path[64];
    snprintf(path, sizeof(path), "%s/%s.yaml", folder, (const char *)arg);
    for (int i = 0; i < SWAPS; i++) {
        unsigned generation = atomic_fetch_add(&next_generation, 1);
        write_rules(path, generation, 1);
        load_broken(path);
        write_rules(path, generation, 0);
        publish(load(path), generation);
    }
    atomic_fetch_sub(&writing, 1);
    check(unlink(path) == 0, "the file of rules cannot be removed");
    return NULL;
}

/* ---- readers ---- */

static int is(hr_str s, const char *prefix, unsigned generation) {
    char expected[64];
    int n = snprintf(expected, sizeof(expected), "%s%u", prefix, generation);
    return s.len == (size_t)n && memcmp(s.p, expected, s.len) == 0;
}

static void balance(const hr_decision *d, const hr_request *request, hr_scratch *scratch) {
    hr_cursor cursor = {0};
    hr_pick pick = {.version = HR_PICK_VERSION, .random = 1};
    size_t chosen;
    check(hr_request_hash(&pick.hash, d, request, HR_STR("127.0.0.1"), scratch) == HR_OK,
          "no hash");
    pick.has_hash = 1;
    check(hr_balance(&chosen, d->cluster, &cursor, &pick) == HR_OK && chosen < 2, "no endpoint");
}

static void ask(const hr_view *view, unsigned generation, hr_scratch *scratch) {
    static const hr_pair b[] = {{{"x-b", 3}, {"b", 1}}, {{"x-user", 6}, {"u", 1}}},
                         a[] = {{{"X-A", 3}, {"v7", 2}}};
    hr_request request = {.version = HR_REQUEST_VERSION,
                          .authority = HR_STR("shop"),
                          .path = HR_STR("/x"),
                          .headers = b,
                          .n_headers = 2};
    hr_decision d = HR_DECISION_INIT;
    hr_upstream upstream = HR_UPSTREAM_INIT;
    check(hr_route(&d, view, &request, scratch) == HR_OK && is(d.route_name, "header-", generation),
          "header");
    check(is(d.destination_subset, "v", 1 + generation % 2), "the subset of another table");
    balance(&d, &request, scratch);
    request.headers = a;
    request.n_headers = 1;
    check(hr_route(&d, view, &request, scratch) == HR_OK && d.route_name.len == 5 &&
              d.route_index == 7,
          "index");
    request.n_headers = 0;
    request.path = HR_STR("/");
    check(hr_route(&d, view, &request, scratch) == HR_OK && is(d.route_name, "rest-", generation),
          "rest");
    check(hr_upstream_request(&upstream, &d, &request, scratch) == HR_OK &&
              is(upstream.path, "/rest/", generation),
          "path");
    request.path = HR_STR("/r/1234567890");
    check(hr_route(&d, view, &request, scratch) == HR_OK && is(d.route_name, "regex-", generation),
          "regex");
}

static void *reader(void *arg) {
    (void)arg;
    hr_scratch *scratch;
    check(hr_scratch_new(&scratch) == HR_OK, "no memory");
    size_t done = 0;
    while (atomic_load(&writing) > 0 || done < AT_LEAST) {
        unsigned generation;
        hr_view *view = take(&generation);
        for (int i = 0; i < 8; i++, done += 4)
            ask(view, generation, scratch);
        hr_view_unref(view);
    }
    hr_scratch_free(scratch);
    atomic_fetch_add(&decisions, done);
    return NULL;
}

int main(void) {
    pthread_t threads[READERS + WRITERS];
    char path[64];
    check(mkdtemp(folder) != NULL, "no folder for the rules");
    snprintf(path, sizeof(path), "%s/first.yaml", folder);
    write_rules(path, 0, 0);
    atomic_store(&next_generation, 1);
    publish(load(path), 0);
    check(unlink(path) == 0, "the file of rules cannot be removed");
    static char names[WRITERS][8] = {"one", "two"};
    for (int i = 0; i < READERS + WRITERS; i++)
        check(pthread_create(&threads[i], NULL, i < READERS ? reader : writer,
                             i < READERS ? NULL : names[i - READERS]) == 0,
              "no thread");
    for (int i = 0; i < READERS + WRITERS; i++)
        pthread_join(threads[i], NULL);
    publish(NULL, 0);
    check(rmdir(folder) == 0, "the folder of the rules is not empty");
    size_t n = atomic_load(&decisions), refused = atomic_load(&refusals);
    check(n >= (size_t)READERS * AT_LEAST && refused == WRITERS * SWAPS,
          "not everything was tried");
    printf("TAP version 13\n1..2\n"
           "ok 1 - %zu decisions by %d threads while %d writers swapped %d tables\n"
           "ok 2 - %zu broken files were refused and changed nothing\n# 2 passed, 0 failed\n",
           n, READERS, WRITERS, WRITERS * SWAPS, refused);
    return 0;
}
