/*
 * bench-diff [RULES]: two versions of 10 to RULES (10000) rules with ten edits, all requests
 * compared: time of the comparison, memory of the process, growth. First one VirtualService with
 * all rules, then VirtualServices of ten.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <headerroute/diff.h>

/* ---- rules ---- */

typedef struct text {
    char *p;
    size_t n, size;
} text;

static void put(text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void put(text *t, const char *format, ...) {
    va_list args;
    if (t->size - t->n < 4096) {
        t->size = t->size * 2 + 8192;
        t->p = realloc(t->p, t->size);
        if (t->p == NULL)
            abort();
    }
    va_start(args, format);
    t->n += (size_t)vsnprintf(t->p + t->n, t->size - t->n, format, args);
    va_end(args);
}

/* Every tenth of the rules is edited on the new side, each time in another way. */
static int edit_of(size_t rule, size_t n_rules, int new) {
    size_t step = n_rules / 10 == 0 ? 1 : n_rules / 10;
    return new &&rule % step == step / 2 ? (int)(rule / step) % 5 + 1 : 0;
}

static void put_match(text *t, size_t i, int edit) {
    const char *more = edit == 1 ? "x" : "";
    switch (i % 5) {
    case 0:
        put(t, "{uri: {prefix: /service/%zu%s/}}", i, more);
        return;
    case 1:
        put(t, "{uri: {exact: /page/%zu%s}, method: {exact: GET}}", i, more);
        return;
    case 2:
        put(t, "{headers: {x-tenant: {exact: tenant-%zu%s}}}", i, more);
        return;
    case 3:
        put(t, "{uri: {regex: '/item/%zu%s/[0-9]+'}}", i, more);
        return;
    default:
        put(t, "{uri: {prefix: /service/%zu%s}, headers: {x-user: {prefix: u%zu}}}", i, more, i);
    }
}

static void put_rule(text *t, size_t i, int edit) {
    if (edit == 2) /* removed */
        return;
    if (edit == 3)
        put(t,
            "  - {match: [{uri: {prefix: /service/%zu/new}}], route: [{destination: {host: "
            "backend, subset: v2}}]}\n",
            i);
    put(t, "  - {match: [");
    put_match(t, i, edit);
    put(t, "], route: [{destination: {host: backend, subset: v%zu}}]%s}\n",
        i % 3 + (edit == 4 ? 2 : 1), edit == 5 ? ", timeout: 3s" : "");
}

static void put_virtual_service(text *t, size_t from, size_t to, size_t n, int new) {
    put(t,
        "---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: vs-%zu}\n"
        "spec:\n  hosts: [app-%zu.example.com]\n  http:\n",
        from, from);
    for (size_t i = from; i < to; i++)
        put_rule(t, i, edit_of(i, n, new));
    put(t, "  - {route: [{destination: {host: backend, subset: v1}}]}\n");
}

static hr_table *rules(size_t n, size_t in_each, int new) {
    text t = {0};
    put(&t, "apiVersion: v1\nkind: Service\nmetadata: {name: backend}\nspec: {ports: [{name: http, "
            "port: 80}]}\n---\n"
            "apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: "
            "backend}\nspec: {host: backend, "
            "subsets: [{name: v1, labels: {v: '1'}}, {name: v2, labels: {v: '2'}}, {name: v3, "
            "labels: {v: '3'}}, "
            "{name: v4, labels: {v: '4'}}]}\n");
    for (size_t from = 0; from < n; from += in_each)
        put_virtual_service(&t, from, from + in_each < n ? from + in_each : n, n, new);
    hr_source source = {.name = new ? "new.yaml" : "old.yaml", .text = {t.p, t.n}};
    hr_table *table = NULL;
    hr_diagnostics *d = NULL;
    if (hr_table_load(&table, &d, &source, 1, NULL) != HR_OK) {
        char line[512];
        for (size_t i = 0; i < hr_diagnostics_count(d) && i < 5; i++) {
            hr_diagnostic_format(line, sizeof(line), hr_diagnostics_get(d, i));
            fprintf(stderr, "%s\n", line);
        }
        exit(1);
    }
    hr_diagnostics_free(d);
    free(t.p);
    return table;
}

/* ---- measuring ---- */

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t); /* of one thread */
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

typedef struct result {
    double seconds;
    size_t regions, undecided;
    long kilobytes;
} result;

static result compare(size_t n, size_t in_each) {
    result r = {0};
    hr_table *before = rules(n, in_each, 0), *after = rules(n, in_each, 1);
    hr_diff *diff;
    double start = now();
    if (hr_diff_new(&diff, before, after, NULL) != HR_OK)
        abort();
    r.seconds = now() - start;
    r.regions = hr_diff_region_count(diff);
    r.undecided = hr_diff_undecided_count(diff);
    hr_diff_free(diff);
    hr_table_unref(before);
    hr_table_unref(after);
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    r.kilobytes = usage.ru_maxrss;
    return r;
}

/* In a process of its own, so that its memory is its own. */
static result measured(size_t n, size_t in_each) {
    result r;
    int ends[2];
    if (pipe(ends) != 0)
        abort();
    pid_t child = fork();
    if (child == 0) {
        r = compare(n, in_each);
        _exit(write(ends[1], &r, sizeof(r)) != sizeof(r));
    }
    if (child < 0 || read(ends[0], &r, sizeof(r)) != sizeof(r))
        abort();
    waitpid(child, NULL, 0);
    close(ends[0]);
    close(ends[1]);
    return r;
}

int main(int argc, char **argv) {
    size_t most = argc > 1 ? strtoul(argv[1], NULL, 10) : 10000;
    for (int shape = 0; shape < 2; shape++) {
        double before = 0;
        printf("%s\n%10s %12s %10s %9s %10s %8s\n",
               shape == 0 ? "one VirtualService" : "VirtualServices of ten rules", "rules",
               "CPU seconds", "regions", "undecided", "memory MiB", "growth");
        for (size_t n = 10; n <= most; n *= 10) {
            result r = measured(n, shape == 0 ? n : 10);
            printf("%10zu %12.4f %10zu %9zu %10.1f", n, r.seconds, r.regions, r.undecided,
                   (double)r.kilobytes / 1024);
            if (before > 0)
                printf(" %7.1fx", r.seconds / before);
            putchar('\n');
            before = r.seconds;
        }
    }
    return 0;
}
