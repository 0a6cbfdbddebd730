/* Loads the rules and swaps them: requests keep the view that they began with. */
#include "rules.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

struct rules {
    const char *path;
    pthread_mutex_t lock; // guards the pointer `view` only
    hr_view *view;
};

static void print_findings(const hr_diagnostics *found) {
    char line[1024];
    for (size_t i = 0; i < hr_diagnostics_count(found); i++) {
        hr_diagnostic_format(line, sizeof(line), hr_diagnostics_get(found, i));
        fprintf(stderr, "%s\n", line);
    }
}

static hr_view *load(const char *path) {
    hr_table *table;
    hr_view *view = NULL;
    hr_diagnostics *found;
    int error = hr_table_load_paths(&table, &found, &path, 1, NULL);
    print_findings(found);
    hr_diagnostics_free(found);
    if (error == HR_OK)
        error = hr_view_new(&view, table, NULL); // a caller in the mesh, port 80
    if (error != HR_OK)
        fprintf(stderr, "%s: %s\n", path, hr_strerror(error));
    hr_table_unref(table); // the view keeps its own reference
    return view;
}

rules *rules_open(const char *path) {
    hr_view *view = load(path);
    rules *r = view == NULL ? NULL : malloc(sizeof(*r));
    if (r == NULL) {
        hr_view_unref(view);
        return NULL;
    }
    r->path = path;
    r->view = view;
    pthread_mutex_init(&r->lock, NULL);
    return r;
}

void rules_close(rules *r) {
    hr_view_unref(r->view);
    pthread_mutex_destroy(&r->lock);
    free(r);
}

int rules_reload(rules *r) {
    hr_view *view = load(r->path);
    if (view == NULL)
        return -1;
    pthread_mutex_lock(&r->lock);
    hr_view *old = r->view;
    r->view = view;
    pthread_mutex_unlock(&r->lock);
    hr_view_unref(old); // the last request that uses it frees it
    return 0;
}

hr_view *rules_current(rules *r) {
    pthread_mutex_lock(&r->lock);
    hr_view *view = hr_view_ref(r->view);
    pthread_mutex_unlock(&r->lock);
    return view;
}
